// A pool's storage that somebody has written to who knows the format: checksums are right, and what they are of is not: lengths, places, counts, names,
// lines that go round. It is refused with a line that names file and place, or opened, and then it serves; it never crashes, and never hangs.
// POOL_SEED=n begins with that seed.
import t from "tap";
import { BlockOp } from "../../lib/block/request.js";
import { OperatorError } from "../../lib/errors.js";
import { examine } from "../../lib/pool/examine.js";
import type { MapSize } from "../../lib/pool/folder.js";
import { Pool } from "../../lib/pool/pool.js";
import { Random } from "../../lib/random.js";
import { run } from "../block/devices.js";
import { rounds } from "../support/long.js";
import type { CrashFolder } from "./crash-folder.js";
import { MAP, Prepared, within } from "./fault-run.js";
import { SCRIPTS } from "./fault-scripts.js";
import { Forge } from "./forge.js";
import { FORGED, type ForgedKind } from "./forged-kinds.js";
import { testWorld } from "./memory-folder.js";

const SEED = Number(process.env.POOL_SEED ?? 1 + Math.floor(Math.random() * 1e6));
const ROUNDS = Number(process.env.POOL_ROUNDS ?? rounds(8, 100));
const READ_BYTES = 65_536;
/** A head that is somebody else's is one of a copy; what is nowhere has no file. */
const PLACE = /^memory(\/(head|log\.\d{6,})(:|, byte \d+:)|: is a copy|: segment \d+ of the log is nowhere)/;

t.setTimeout(rounds(230_000, 3_500_000));

const world = (folder: CrashFolder) => testWorld(folder, 1, undefined, MAP satisfies MapSize);

/** What it comes to, or the line that refuses it. */
async function unlessRefused<T>(what: string, act: Promise<T>): Promise<T | string> {
	try {
		return await within(what, act);
	} catch (error) {
		if (error instanceof OperatorError) return error.message;
		throw error;
	}
}

/** It is asked for all that a pool is, whatever the answer is. */
async function use(pool: Pool): Promise<void> {
	const { administration } = pool;
	const ask = async (name: string, isPast: boolean): Promise<void> => {
		const { device } = await pool.openVolume(name, isPast, async () => {});
		await run(device, BlockOp.read, 0, Math.min(device.info.sizeBytes, READ_BYTES));
		if (!isPast) {
			await run(device, BlockOp.write, 0, 512);
			await run(device, BlockOp.trim, 0, device.info.sizeBytes);
		}
		await device.close();
	};
	for (const { name, snapshots } of pool.volumes) {
		for (const snapshot of snapshots)
			await unlessRefused("a snapshot", ask(`${name}@${snapshot.name}`, true));
		await unlessRefused("a volume", ask(name, false));
		await unlessRefused("taking one", administration.takeSnapshots([{ volume: name, name: "fresh" }]));
	}
	await unlessRefused("making one", administration.create("fresh", 65_536, 4096));
	await unlessRefused("a checkpoint", pool.checkpoint());
	pool.age();
	const [first] = pool.volumes;
	if (first !== undefined) await unlessRefused("deleting one", administration.delete(first.name));
	await unlessRefused("a checkpoint", pool.checkpoint());
	await within("closing", pool.close());
}

async function play(prepared: Prepared, kind: ForgedKind, random: Random): Promise<string | undefined> {
	const first = prepared.folder.crash(random, 1, Number.POSITIVE_INFINITY);
	const forge = await within("reading what it says", Forge.of(first));
	// (What does not fit into a head can't be said.)
	if (typeof (await unlessRefused("forging", FORGED[kind](random, forge))) === "string") return undefined;
	const folder = first.crash(random, 1, Number.POSITIVE_INFINITY);
	const copy = first.crash(random, 1, Number.POSITIVE_INFINITY);
	await unlessRefused("examining", examine(world(copy), { doPages: true, progress: () => {} }));
	const pool = await unlessRefused("opening", Pool.open(world(folder)));
	if (typeof pool === "string") return pool;
	await use(pool);
	const again = await unlessRefused("opening it again", Pool.open(world(folder)));
	if (typeof again !== "string") await within("closing it again", again.close());
	return undefined;
}

t.test(
	"whatever it says, with checksums that are right, it is refused by file and place, or serves",
	async (t) => {
		const { before, steps } = SCRIPTS["used in every way"];
		t.comment(`seed ${SEED}`);
		const prepared = await within("a life before", Prepared.after(SEED, [...before, ...steps]));
		for (const kind of Object.keys(FORGED) as ForgedKind[]) {
			let refused = 0;
			for (let round = 0; round < ROUNDS; round++) {
				const name = `${kind}, round ${round} of seed ${SEED}`;
				try {
					const message = await play(prepared, kind, new Random(SEED * 1000 + round));
					if (message === undefined) continue;
					refused++;
					if (!PLACE.test(message)) t.fail(`${name}: no file and place: ${message}`);
				} catch (error) {
					t.error(error, name);
				}
			}
			t.ok(refused > 0, `${kind}: ${refused} of ${ROUNDS} were refused`);
		}
	},
);

/** Flags of a line. */
const LISTED = 1;
const ENDING = 2;

/** What was found so. (The sixth number of a lineage is where the first line's window begins.) */
const FOUND: Readonly<Record<string, readonly [(forge: Forge) => Promise<void>, RegExp]>> = {
	"a slot that is far behind all": [
		(forge) => forge.sayHead({ ...forge.head, start: { ...forge.head.start, slot: 2 ** 33 } }),
		/^memory\/log\.\d+, byte \d+: the log goes on here, but there is no such file/,
	],
	"a log that ends before its checkpoint": [
		(forge) => forge.sayHead({ ...forge.head, checkpoint: { ...forge.head.checkpoint!, position: 2 ** 45 } }),
		/^memory\/log\.\d+, byte \d+: the log ends here, before what the pool's checkpoint has of it/,
	],
	"a window that begins behind the end": [
		(forge) => {
			const bytes = forge.pieces.nodes[0]!.slice();
			new DataView(bytes.buffer).setFloat64(5 * 8, 2 ** 50, true);
			return forge.say("nodes", [bytes, ...forge.pieces.nodes.slice(1)]);
		},
		/^memory\/log\.\d+: what the pool's checkpoint says of its past is damaged: a window is behind the end/,
	],
	"lines that end, though volumes go by them": [
		(forge) => {
			const bytes = forge.pieces.pages[0]!.slice();
			const view = new DataView(bytes.buffer);
			// (Four numbers, of which the third is how many lines there are; and of each line eight, of which the third are flags.)
			const lines = view.getFloat64(2 * 8, true);
			for (let line = 0; line < lines; line++) view.setFloat64((4 + 8 * line + 2) * 8, LISTED | ENDING, true);
			return forge.say("pages", [bytes, ...forge.pieces.pages.slice(1)]);
		},
		/^memory\/log\.\d+: the pool's checkpoint does not know whose its pages are/,
	],
	"a checkpoint before it whose nodes end behind its own": [
		(forge) =>
			forge.say("text", [
				Buffer.from(`${forge.lines.join("\n").replace(/("earlier":\{"place":)\d+/, `$1${2 ** 31}`)}\n`),
			]),
		/^memory\/log\.\d+: what the pool's checkpoint says of those before it is damaged/,
	],
	"a list that is none": [
		(forge) => forge.sayList("{"),
		/^memory\/log\.\d+, byte \d+: no list of what a checkpoint has/,
	],
	"a volume without pages": [
		(forge) =>
			forge.say("text", [
				Buffer.from(`${forge.lines.join("\n").replace(/"pageBytes":\d+/, '"pageBytes":0')}\n`),
			]),
		/^memory\/log\.\d+: the pool's checkpoint says what this version does not know/,
	],
};

t.test("what was found so is refused", async (t) => {
	const { before, steps } = SCRIPTS["used in every way"];
	const { folder } = await Prepared.after(1, [...before, ...steps]);
	for (const [name, [say, message]] of Object.entries(FOUND)) {
		const random = new Random(1);
		const forged = folder.crash(random, 1, Number.POSITIVE_INFINITY);
		await say(await Forge.of(forged));
		t.match(await unlessRefused("opening", Pool.open(world(forged))), message, name);
	}
});

t.test("what is not forged is opened", async (t) => {
	const { before, steps } = SCRIPTS["used in every way"];
	const { folder, seed } = await Prepared.after(SEED, [...before, ...steps]);
	const random = new Random(seed);
	const forge = await Forge.of(folder);
	await forge.say("text", [Buffer.from(forge.lines.map((line) => `${line}\n`).join(""))]);
	for (const part of ["table", "pages", "nodes"] as const) await forge.say(part, forge.pieces[part]);
	const pool = await Pool.open(world(folder.crash(random, 1, Number.POSITIVE_INFINITY)));
	t.ok(pool.volumes.length > 0);
	await pool.close();
});
