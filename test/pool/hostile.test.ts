// A pool whose files were changed behind its back: whatever is changed, it is opened with the right data, or refused with a line that names
// the file; what is read is right or an error. Never a crash, never wrong data.
import t from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OperatorError } from "../../lib/errors.js";
import { BLOCK_BYTES, FILE_BYTES, SEGMENT_BYTES } from "../../lib/pool/format.js";
import { Random } from "../../lib/random.js";
import { MemoryFolder, peek, poke, Stage } from "./memory-folder.js";

const LOG = "log.000000";
const SECTOR = 512;
/** Pages that are looked at: more than one record has, of more than one segment. */
const PAGES = [0, 1, 199, 200, 777, 999];
const ROUNDS = 12;

/** A pool that was closed in order, of so many segments. */
async function written(rounds = ROUNDS): Promise<MemoryFolder> {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder);
	for (let round = 0; round < rounds; round++)
		for (let page = 0; page < 1000; page += 250)
			await stage.write(page, ...Array.from({ length: 250 }, (_, i) => filling(page + i, round)));
	await stage.close();
	return folder;
}

function filling(page: number, round: number): number {
	return 1 + ((page + round) % 250);
}

/** What comes of opening it: the message, or nothing if all that is read is right or an error. */
async function outcome(folder: MemoryFolder, rounds = ROUNDS): Promise<string | undefined> {
	let stage: Stage;
	try {
		stage = await Stage.open(folder);
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		return error.message;
	}
	for (const page of PAGES) {
		const value = await stage.read(page);
		if (value >= 0 && value !== filling(page, rounds - 1)) throw new Error(`page ${page}: wrong data`);
	}
	await stage.close();
	return undefined;
}

/** A file that is only the beginning of another one. */
async function cut(folder: MemoryFolder, name: string, length: number): Promise<MemoryDevice> {
	const short = new MemoryFolder();
	const device = new MemoryDevice(length);
	short.files.set(name, device);
	await poke(short, name, 0, await peek(folder, name, 0, length));
	return device;
}

/** Changes one byte, looks what comes of it, and changes it back. */
async function changed(
	folder: MemoryFolder,
	name: string,
	at: number,
	mask: number,
): Promise<string | undefined> {
	const sector = at - (at % SECTOR);
	const was = await peek(folder, name, sector, SECTOR);
	const bytes = was.slice();
	bytes[at - sector]! ^= mask;
	await poke(folder, name, sector, bytes);
	const heads = await peek(folder, "head", 0, 2 * BLOCK_BYTES);
	const what = await outcome(folder);
	await poke(folder, "head", 0, heads);
	await poke(folder, name, sector, was);
	return what;
}

t.test("any byte of the log is changed", async (t) => {
	const folder = await written();
	const random = new Random(7);
	const open = 5 * SEGMENT_BYTES;
	const places = Array.from({ length: 24 }, () => random.below(open));
	// A header and entries of the segment that is not full, a summary, and its header.
	for (let at = open; at < open + 120; at += 9) places.push(at);
	for (let at = SEGMENT_BYTES - 3 * BLOCK_BYTES; at < SEGMENT_BYTES; at += 997) places.push(at);
	let refused = 0;
	for (const at of places) {
		const message = await changed(folder, LOG, at, 1 + random.below(255));
		if (message === undefined) continue;
		refused++;
		t.match(message, /^memory\/log\.000000, byte \d+: /, `byte ${at}`);
	}
	t.ok(refused > 10, `${refused} of ${places.length} were refused`);
	t.equal(await outcome(folder), undefined, "and unchanged it is good");
});

t.test("any byte of the head is changed: the other copy opens it, or none does", async (t) => {
	const folder = await written(1);
	const random = new Random(8);
	for (let at = 0; at < 2 * BLOCK_BYTES; at += 1 + random.below(400)) {
		const was = await peek(folder, "head", 0, 2 * BLOCK_BYTES);
		const bytes = was.slice();
		bytes[at]! ^= 1 + random.below(255);
		await poke(folder, "head", 0, bytes);
		const message = await outcome(folder, 1);
		if (message !== undefined) t.match(message, /^memory\/head: /, `byte ${at}`);
		await poke(folder, "head", 0, was);
	}
	t.equal(await outcome(folder, 1), undefined);
});

type Files = MemoryFolder["files"];

t.test("files are missing, cut short, empty, exchanged, copied", async (t) => {
	const rounds = 20;
	const folder = await written(rounds);
	const whole = new Map(folder.files);
	const second = "log.000001";
	t.ok([...whole.keys()].includes(second), "it has a second one");
	const short = await cut(folder, second, SEGMENT_BYTES);
	const is = (name: string, device: BlockDevice) => (files: Files) => files.set(name, device);
	const cases: readonly (readonly [string, (files: Files) => unknown, RegExp])[] = [
		["no first one", (files) => files.delete(LOG), /log\.000000, byte 0: .*no such file/],
		["no second one", (files) => files.delete(second), /log\.000001, byte \d+: .*no such file/],
		["no head", (files) => files.delete("head"), /memory: is no pool/],
		["one of a sector", is(second, new MemoryDevice(SECTOR)), /log\.000001: is 512 bytes long, not 67108864/],
		["one cut short", is(second, short), /log\.000001: is 8388608 bytes long/],
		[
			"one of zeros",
			is(second, new MemoryDevice(FILE_BYTES)),
			/log\.000001, byte \d+: the pool's checkpoint is damaged/,
		],
		[
			"exchanged",
			(files) => files.set(LOG, whole.get(second)!).set(second, whole.get(LOG)!),
			/is damaged here/,
		],
		[
			"one twice",
			is(second, whole.get(LOG)!),
			/log\.000001, byte \d+: the pool's checkpoint is damaged here/,
		],
		["a short head", is("head", new MemoryDevice(BLOCK_BYTES)), /memory\/head: no head of a pool/],
	];
	for (const [name, change, message] of cases) {
		change(folder.files);
		t.match(await outcome(folder, rounds), message, name);
		folder.files.clear();
		for (const [file, device] of whole) folder.files.set(file, device);
	}
	folder.files.set("log.0000001", new MemoryDevice(SECTOR));
	t.equal(
		await outcome(folder, rounds),
		undefined,
		"a name that is almost one of the log's is not looked at",
	);
});
