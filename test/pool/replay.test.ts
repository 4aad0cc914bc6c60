// What is there when a pool is opened again: after an orderly end, a torn tail, damage, and a slot that had another life. The numbers
// are those of the traps that others fell into.
import t from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { BLOCK_BYTES, SEGMENT_BYTES } from "../../lib/pool/format.js";
import { Pool } from "../../lib/pool/pool.js";
import { MemoryFolder, peek, poke, Stage, testWorld } from "./memory-folder.js";

const LOG = "log.000000";
/** The first record is the note of the volume; each of one page takes two blocks. */
const NOTE_BYTES = 2 * BLOCK_BYTES;
const RECORD_BYTES = 2 * BLOCK_BYTES;

/** Where the record of the nth write of one page begins. */
function recordAt(n: number): number {
	return NOTE_BYTES + n * RECORD_BYTES;
}

async function damage(folder: MemoryFolder, name: string, at: number): Promise<void> {
	const sector = at - (at % 512);
	const bytes = await peek(folder, name, sector, 512);
	bytes[at - sector]! ^= 1;
	await poke(folder, name, sector, bytes);
}

/** A pool of which so many pages were written, one after the other, each with its number plus one. */
async function written(pages: number, isKilled = false): Promise<MemoryFolder> {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder);
	for (let page = 0; page < pages; page++) await stage.write(page, page + 1);
	const head = await peek(folder, "head", 0, 2 * BLOCK_BYTES);
	await stage.close();
	if (isKilled) await poke(folder, "head", 0, head);
	return folder;
}

/** The same, when its process was killed: the head does not say how far it had come. */
function killed(pages: number): Promise<MemoryFolder> {
	return written(pages, true);
}

t.test("what was written is there when the pool is opened again", async (t) => {
	const folder = await written(5);
	const stage = await Stage.open(folder);
	t.strictSame(await stage.readAll(0, 1, 2, 3, 4, 5), [1, 2, 3, 4, 5, 0]);
	t.equal(await stage.write(1, 77, 0, 78), 0, "a page, zeros, a page");
	await stage.close();
	const again = await Stage.open(folder);
	t.strictSame(await again.readAll(0, 1, 2, 3, 4), [1, 77, 0, 78, 5]);
	t.equal(
		again.pool.space.usedBytes(again.pool.administration.volume("web")),
		4 * 4096,
		"zeros cost nothing",
	);
	await again.close();
});

/** Keeps the names of files that are synced. */
class Noting extends DeviceLayer {
	constructor(
		device: BlockDevice,
		readonly name: string,
		readonly synced: string[],
	) {
		super(device);
	}

	protected handle(request: BlockRequest): void {
		if (request.op === BlockOp.flush) this.synced.push(this.name);
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

t.test("what is found is synced before the head calls it stable", async (t) => {
	const synced: string[] = [];
	const folder = new MemoryFolder((device, name) => new Noting(device, name, synced));
	const stage = await Stage.create(folder);
	await stage.write(0, 1);
	await stage.close();
	synced.length = 0;
	const again = await Stage.open(folder);
	t.strictSame(synced, [LOG, "head", "head"], "a process that was killed may have left it in memory alone");
	await again.close();
	t.equal(synced.at(-1), "head", "and at an orderly end the head is written once more");
});

t.test(
	"every half minute the head says how far the log has come: what is lost then is missed, even after a kill",
	async (t) => {
		const folder = new MemoryFolder();
		const stage = await Stage.create(folder);
		await stage.write(0, 1);
		stage.pool.age();
		for (let i = 0; i < 10; i++) await stage.read(0);
		const head = await peek(folder, "head", 0, 2 * BLOCK_BYTES);
		await stage.close();
		await poke(folder, "head", 0, head);
		await poke(folder, LOG, 0, new Uint8Array(SEGMENT_BYTES));
		await t.rejects(Pool.open(testWorld(folder)), /memory\/log\.000000, byte 0: the log is damaged here/);
	},
);

t.test("many segments, sealed and not", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder, 64 * 2 ** 20);
	for (let round = 0; round < 6; round++)
		for (let page = 0; page < 1200; page += 200)
			t.equal(await stage.write(page, ...Array.from({ length: 200 }, (_, i) => (page + i + round) % 251)), 0);
	await stage.close();
	const again = await Stage.open(folder);
	for (const page of [0, 1, 199, 200, 777, 1199]) t.equal(await again.read(page), (page + 5) % 251);
	t.ok(again.pool.space.ofPool(await again.pool.space.unwalked()).usedBytes > 3 * SEGMENT_BYTES);
	await again.close();
});

t.test("trap 2: a torn tail ends the log, and all before it is kept", async (t) => {
	for (const at of [recordAt(3), recordAt(3) + 40, recordAt(3) + 90, recordAt(3) + BLOCK_BYTES + 17]) {
		const folder = await killed(4);
		const stage = await writtenAgain(folder, at);
		t.strictSame(await stage.readAll(0, 1, 2, 3), [1, 2, 3, 0], `byte ${at} is torn`);
		await stage.close();
	}
});

/** Opens a pool as it is after a loss of power that has torn the byte at `at`: the head was not written at the end. */
async function writtenAgain(folder: MemoryFolder, at: number): Promise<Stage> {
	await damage(folder, LOG, at);
	return Stage.open(folder);
}

t.test("trap 2: damage before something that is known to be stable is an error", async (t) => {
	for (const at of [recordAt(1), recordAt(1) + 90]) {
		const folder = await written(4);
		await damage(folder, LOG, at);
		await t.rejects(Pool.open(testWorld(folder)), /memory\/log\.000000, byte 16384: the log is damaged here/);
	}
	const folder = await written(4);
	await damage(folder, LOG, recordAt(1) + BLOCK_BYTES + 9);
	const stage = await Stage.open(folder);
	t.strictSame(await stage.readAll(0, 1, 2, 3), [1, -2, 3, 4], "a bad page is an error where it is");
	await stage.close();
});

t.test("trap 2: a damaged summary of a segment that others follow is an error", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder);
	for (let round = 0; round < 15; round++) await stage.write(0, ...new Array<number>(250).fill(round + 1));
	const head = await peek(folder, "head", 0, 2 * BLOCK_BYTES);
	await stage.close();
	// Without what a checkpoint has of it.
	await poke(folder, "head", 0, head);
	await damage(folder, LOG, SEGMENT_BYTES - BLOCK_BYTES + 30);
	await t.rejects(Pool.open(testWorld(folder)), /log\.000000, byte \d+: the log is damaged here/);
});

t.test("trap 3: written, torn, reopened, written: both are there", async (t) => {
	const folder = await written(3);
	const left = await peek(folder, LOG, recordAt(2), 2 * RECORD_BYTES);
	let stage = await writtenAgain(folder, recordAt(1) + BLOCK_BYTES);
	t.ok(stage, "(the torn one is known to be stable: its page alone is lost)");
	await stage.close();
	const other = await killed(3);
	stage = await writtenAgain(other, recordAt(2) + BLOCK_BYTES);
	await stage.write(9, 99);
	await stage.close();
	await poke(other, LOG, recordAt(3), left.subarray(RECORD_BYTES));
	stage = await Stage.open(other);
	t.strictSame(await stage.readAll(0, 1, 2, 9), [1, 2, 0, 99]);
	await stage.close();
});

t.test("trap 4: a slot's former life is not replayed", async (t) => {
	const folder = await written(4);
	const former = await peek(folder, LOG, 0, SEGMENT_BYTES);
	const stage = await Stage.open(folder);
	for (let round = 0; round < 8; round++) await stage.write(100, ...new Array<number>(250).fill(9));
	// The next slot, where nothing has been written yet.
	const next = 1;
	await stage.close();
	await poke(folder, LOG, next * SEGMENT_BYTES, former);
	const again = await Stage.open(folder);
	t.strictSame(await again.readAll(0, 3, 100), [1, 4, 9]);
	for (let round = 0; round < 8; round++) await again.write(100, ...new Array<number>(250).fill(10));
	await again.close();
	const third = await Stage.open(folder);
	t.strictSame(await third.readAll(0, 3, 100), [1, 4, 10]);
	await third.close();
});

t.test("trap 5: a header whose pages are missing is no record", async (t) => {
	const folder = await killed(4);
	await poke(folder, LOG, recordAt(3) + BLOCK_BYTES, new Uint8Array(BLOCK_BYTES));
	const stage = await Stage.open(folder);
	t.strictSame(await stage.readAll(2, 3), [3, 0]);
	await stage.close();
});

t.test("trap 16: with one copy of the head damaged the other one opens the pool", async (t) => {
	for (const at of [20, BLOCK_BYTES + 20]) {
		const folder = await written(2);
		await damage(folder, "head", at);
		const stage = await Stage.open(folder);
		t.strictSame(await stage.readAll(0, 1), [1, 2]);
		await stage.close();
	}
	const folder = await written(2);
	for (const at of [20, BLOCK_BYTES + 20]) await damage(folder, "head", at);
	await t.rejects(
		Pool.open(testWorld(folder)),
		/memory\/head: no head of a pool, or both of its copies are damaged/,
	);
});

t.test("trap 9 and 12: names are taken once, and a folder that is no pool is told", async (t) => {
	const folder = await written(1);
	const { pool, device } = await Stage.open(folder);
	await t.rejects(pool.administration.create("web", 4096, 4096), /has a volume "web" already/);
	await t.rejects(pool.administration.create("-x", 4096, 4096), /a name is 1 to 127/);
	await t.rejects(pool.administration.create("x", 4096, 1000), /a power of two from 512 to 256K/);
	await t.rejects(pool.administration.create("x", 4097, 4096), /multiple of 512/);
	await t.rejects(
		pool.openVolume("web", true, async () => {}),
		/in use already/,
	);
	await device.close();
	await pool.close();
	await t.rejects(Pool.open(testWorld(new MemoryFolder())), /memory: is no pool/);
	await t.rejects(Pool.create(testWorld(folder)), /memory: is not empty/);
});
