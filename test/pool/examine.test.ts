// What check and scrub find: whatever byte of a record, a summary, a page or the head is changed, they say in which file and where; of a
// pool that is as it was written they say nothing, and they change nothing.
import t from "tap";
import { type Examination, examine } from "../../lib/pool/examine.js";
import { BLOCK_BYTES, FILE_SLOTS, RECORD_ENTRIES, SEGMENT_BYTES } from "../../lib/pool/format.js";
import { Slots } from "../../lib/pool/space/slots.js";
import { SegmentTable } from "../../lib/pool/space/table.js";
import { Random } from "../../lib/random.js";
import { Counted } from "./counted.js";
import { Forge } from "./forge.js";
import { MemoryFolder, peek, poke, Stage, testWorld } from "./memory-folder.js";
import { SmallFolder } from "./small-folder.js";

const LOG = "log.000000";
const ROUNDS = 12;

/** A pool that was closed in order, whose log goes on in several segments. */
async function written(): Promise<MemoryFolder> {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder);
	for (let round = 0; round < ROUNDS; round++)
		for (let page = 0; page < 1000; page += 250)
			await stage.write(page, ...Array.from({ length: 250 }, (_, i) => 1 + ((page + i + round) % 250)));
	await stage.close();
	return folder;
}

const look = (folder: MemoryFolder, doPages: boolean): Promise<Examination> =>
	examine(testWorld(folder), { doPages, progress: () => {} });

async function flip(folder: MemoryFolder, name: string, at: number): Promise<void> {
	const sector = at - (at % 512);
	const bytes = await peek(folder, name, sector, 512);
	bytes[at - sector]! ^= 0xff;
	await poke(folder, name, sector, bytes);
}

/** With one byte changed, and back. */
async function withFlipped(
	folder: MemoryFolder,
	name: string,
	at: number,
	doPages: boolean,
): Promise<string[]> {
	await flip(folder, name, at);
	const { findings, damaged } = await look(folder, doPages);
	await flip(folder, name, at);
	if (damaged !== findings.length) throw new Error("some were not told");
	return findings.map(({ place, what }) => `${place}: ${what}`);
}

t.test("what is changed is found, and told with file and byte", async (t) => {
	const folder = await written();
	const whole = await look(folder, true);
	t.match(whole, { damaged: 0, findings: [] });
	t.ok(
		whole.segments >= 6 && whole.records >= 4 * ROUNDS && whole.pages === 1000 * ROUNDS,
		JSON.stringify(whole),
	);
	t.match(await look(folder, false), { pages: 0, records: whole.records, damaged: 0 });
	const second = SEGMENT_BYTES;
	t.strictSame(await withFlipped(folder, LOG, second + 20, false), [
		`memory/${LOG}, byte ${second}: the header of a record is damaged here`,
	]);
	t.match(await withFlipped(folder, LOG, 2 * BLOCK_BYTES + 100, false), [], "that is a page's");
	const page = await withFlipped(folder, LOG, second + BLOCK_BYTES + 100, true);
	t.match(page, [
		new RegExp(
			`^memory/${LOG}, byte ${second + BLOCK_BYTES}: a page of volume web is damaged here, its byte \\d+$`,
		),
	]);
	t.match(await withFlipped(folder, LOG, 2 * second - BLOCK_BYTES + 30, false), [
		`memory/${LOG}, byte ${2 * second - BLOCK_BYTES}: the summary of this segment is damaged here`,
	]);
	for (const at of [20, BLOCK_BYTES + 20])
		t.strictSame(await withFlipped(folder, "head", at, false), [
			`memory/head, byte ${at - 20}: this copy of the head is damaged; the other one is whole`,
		]);
	t.match(await look(folder, true), { damaged: 0 });
});

/** Where the first node of the map lies: segments of nodes begin with a sector of nothing. */
async function firstNode(folder: MemoryFolder): Promise<{ name: string; at: number }> {
	for (const name of [...folder.files.keys()].filter((each) => each !== "head"))
		for (let slot = 0; slot < FILE_SLOTS; slot++) {
			const bytes = await peek(folder, name, slot * SEGMENT_BYTES, 1024);
			const isZero = (part: Uint8Array) => part.every((byte) => byte === 0);
			if (isZero(bytes.subarray(0, 512)) && !isZero(bytes.subarray(512)))
				return { name, at: slot * SEGMENT_BYTES + 512 };
		}
	throw new Error("there is no node");
}

t.test("nodes of the map are compared with their checksums, too", async (t) => {
	const folder = await written();
	const { nodes } = await look(folder, true);
	t.ok(nodes >= 1000 / 64, `${nodes} nodes for a thousand pages`);
	const { name, at } = await firstNode(folder);
	const told = await withFlipped(folder, name, at + 40, true);
	t.equal(told.length, 1);
	t.match(told[0], `memory/${name}, byte ${at}: a node of the map: `);
});

t.test("all that is damaged is told, not only what comes first", async (t) => {
	const folder = await written();
	// A summary, a header, and pages before and behind them.
	const places = [
		SEGMENT_BYTES - BLOCK_BYTES,
		SEGMENT_BYTES,
		BLOCK_BYTES * 9,
		SEGMENT_BYTES + BLOCK_BYTES * 9,
	];
	for (const at of places) await flip(folder, LOG, at);
	for (const at of [4, 5]) await flip(folder, LOG, SEGMENT_BYTES * at - BLOCK_BYTES);
	const { findings, damaged } = await look(folder, true);
	const told = findings.map(({ place, what }) => `${place}: ${what}`).join("\n");
	t.match(told, /byte 8384512: the summary of this segment is damaged here/);
	t.match(told, /byte 8388608: the header of a record is damaged here/);
	t.equal(told.match(/a page of volume web is damaged here/g)?.length, 2, told);
	t.equal(told.match(/the summary of this segment is damaged here/g)?.length, 3);
	t.equal(damaged, findings.length);
	t.equal(told.match(/does not go on here/), null, `what follows is not blamed for it: ${told}`);
});

t.test(
	"a checkpoint that makes no sense is told with its file, though the log before it has moved",
	async (t) => {
		const folder = new SmallFolder(2);
		const mapSize = { entries: RECORD_ENTRIES + 1_000, nodeBytes: 2 ** 20 };
		const stage = await Stage.create(folder, 2 ** 24, 1, mapSize);
		const counted = new Counted({ move: SegmentTable.prototype });
		const random = new Random();
		for (let i = 0; i < 2_000 && counted.all("move") === 0; i++)
			await stage.write(random.below(4_000), ...new Array<number>(96).fill(1 + (i % 250)));
		t.ok(counted.all("move") > 0);
		counted.end();
		await stage.close();
		const forge = await Forge.of(folder);
		await forge.say("pages", [new Uint8Array(64)]);
		const { findings } = await look(folder, true);
		t.match(findings[0], {
			place: "",
			what: /^memory\/log\.\d+: what the pool's checkpoint says of its past is damaged/,
		});
	},
);

t.test("a segment that is missing, and one in another's place", async (t) => {
	const folder = await written();
	const second = await peek(folder, LOG, SEGMENT_BYTES, SEGMENT_BYTES);
	await poke(folder, LOG, 2 * SEGMENT_BYTES, second);
	const { findings } = await look(folder, false);
	const told = findings.map(({ place, what }) => `${place}: ${what}`);
	t.match(told, [/^memory\/log\.000000, byte 25161728: the summary of this/]);
});

/** Does something to the table of segments, and to where the page is that was written last, before the pool is closed. */
async function forged(act: (table: SegmentTable, position: number) => void): Promise<string[]> {
	const { born } = SegmentTable.prototype;
	let [table, at] = [new SegmentTable(new Slots()), 0];
	SegmentTable.prototype.born = function (position, sectors) {
		[table, at] = [this, position];
		born.call(this, position, sectors);
	};
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder);
	await stage.write(0, 1, 2, 3);
	SegmentTable.prototype.born = born;
	act(table, at);
	await stage.close();
	const { findings } = await look(folder, true);
	return findings.map(({ place, what }) => `${place}: ${what}`.replace(`${at * 512}`, "PAGE"));
}

t.test("what lives is held against who wants it", async (t) => {
	t.strictSame(await forged(() => {}), []);
	const lost = await forged((table, page) => table.free(page, 8));
	t.strictSame(lost, [`memory/${LOG}, byte PAGE: 4096 bytes that are wanted are counted as free`]);
	// (Its record's header, which nobody reads any more when that is in a checkpoint.)
	const header = await forged((table, page) => table.born(page - 24, 8));
	t.match(header, [/^memory\/log\.000000, byte \d+: 4096 bytes that nobody wants are counted as used$/]);
});

t.test("what has died before a checkpoint in the segment that is being filled comes back", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder);
	await stage.pool.administration.setPool("create", { historySeconds: 0 });
	const { pool } = stage;
	for (let round = 1; round < 4; round++) {
		await stage.write(0, round, round);
		await pool.administration.takeSnapshots([{ volume: "web", name: `s${round}` }]);
		await pool.checkpoint();
	}
	// (What is given back by that is found while the next checkpoint is made.)
	for (let round = 1; round < 4; round++) await pool.administration.forget("web", `s${round}`);
	await stage.close();
	for (let life = 0; life < 2; life++) {
		t.strictSame((await look(folder, true)).findings, []);
		const again = await Stage.open(folder);
		t.strictSame(await again.readAll(0, 1), [3, 3]);
		await again.write(5, 1);
		await again.close();
	}
});
