// Checkpoints of a pool: made while it is written, of what every format has; what they have is there when the pool is opened again, and what
// was changed of them behind its back is an error.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { DeviceLayer } from "../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { BLOCK_BYTES, RECORD_ENTRIES, SEGMENT_BYTES } from "../../lib/pool/format.js";
import { decodeHead } from "../../lib/pool/head.js";
import { Pool } from "../../lib/pool/pool.js";
import { Random } from "../../lib/random.js";
import { poolOfFormat1 } from "./format-1.js";
import { poolOfFormat2 } from "./format-2.js";
import { poolOfFormat3 } from "./format-3.js";
import { poolOfFormat4 } from "./format-4.js";
import { MemoryFolder, peek, poke, Stage, show, testWorld } from "./memory-folder.js";

/** So many pages that are written begin a checkpoint. */
const ENTRIES = 100;
const MAP_SIZE = { entries: RECORD_ENTRIES + ENTRIES, nodeBytes: 2 ** 20 } as const;

async function checkpointOf(folder: MemoryFolder) {
	const heads = [0, BLOCK_BYTES].map(async (at) =>
		decodeHead(await peek(folder, "head", at, BLOCK_BYTES), "head"),
	);
	const [one, other] = await Promise.all(heads);
	return [one, other].sort((a, b) => (b?.generation ?? 0) - (a?.generation ?? 0))[0]?.checkpoint;
}

t.test("when the map in memory is full it is stored, again and again, and all is found", async (t) => {
	const folder = new MemoryFolder();
	const random = new Random();
	const stage = await Stage.create(folder, 2 ** 40, 1, MAP_SIZE);
	const pages = new Map<number, number>();
	const sequences = new Set<number>();
	for (let i = 0; i < 300; i++) {
		const page = 100 + random.below(2 ** 28 - 104);
		const values = Array.from({ length: 1 + random.below(4) }, () => 1 + random.below(200));
		t.equal(await stage.write(page, ...values), StorageStatus.ok);
		for (const [at, value] of values.entries()) pages.set(page + at, value);
		sequences.add((await checkpointOf(folder))?.sequence ?? 0);
	}
	t.ok(sequences.size > 5, `${sequences.size} checkpoints, seed ${random.seed}`);
	const wrong = async ({ read }: { read: (page: number) => Promise<number> }) => {
		for (const [page, value] of pages) if ((await read(page)) !== value) return page;
		return undefined;
	};
	t.equal(await wrong({ read: (page) => stage.read(page) }), undefined);
	// As after a kill, when no checkpoint is being made.
	await stage.pool.checkpoint();
	for (let page = 0; page < ENTRIES / 2; page++) {
		await stage.write(page, 7);
		pages.set(page, 7);
	}
	const killed = new MemoryFolder();
	for (const [name, device] of folder.files) killed.files.set(name, device);
	const again = await Stage.open(killed, MAP_SIZE);
	t.equal(await wrong({ read: (page) => again.read(page) }), undefined);
	await again.close();
	const third = await Stage.open(killed, MAP_SIZE);
	t.equal(third.pool.space.usedBytes(third.pool.administration.volume("web")), 4096 * pages.size);
	t.equal(await wrong({ read: (page) => third.read(page) }), undefined);
	await third.close();
});

t.test("a pool that was closed in order is opened by its checkpoint alone", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder);
	for (let page = 0; page < 5; page++) await stage.write(page, page + 1);
	await stage.close();
	const before = await checkpointOf(folder);
	const again = await Stage.open(folder);
	t.equal(again.pool.space.usedBytes(again.pool.volumes[0]!), 5 * 4096, "before any other is made");
	t.strictSame(await again.readAll(0, 1, 2, 3, 4, 5), [1, 2, 3, 4, 5, 0]);
	await again.close();
	t.strictSame(await checkpointOf(folder), before, "nothing is new, and nothing is stored");
});

t.test("a pool of format 1 is opened, and is of this one from then on", async (t) => {
	const folder = await poolOfFormat1();
	for (let time = 0; time < 2; time++) {
		const pool = await Pool.open(testWorld(folder));
		t.strictSame(
			pool.volumes.map(({ name, snapshots }) => [name, ...snapshots.map((each) => each.name)]),
			[["copy"], ["web", "one", "two", "before-two"]],
		);
		t.strictSame(await show(pool, "web@one", 0, 1, 2, 3), [1, 2, 3, 0]);
		t.strictSame(await show(pool, "copy", 0, 1, 2, 3), [1, 2, 3, 0]);
		t.strictSame(await show(pool, "web@two", 0, 1, 2, 3), [0, 22, 0, 33]);
		t.strictSame(await show(pool, "web", 0, 1, 2, 3, 5), [0, 22, 0, 33, 0]);
		t.strictSame(await show(pool, "web@before-two", 1, 3, 5), [22, 33, 55]);
		await pool.close();
	}
	t.not(await checkpointOf(folder), undefined);
});

t.test("a pool of format 2 is opened, and goes on, though what was before is not given back", async (t) => {
	const folder = await poolOfFormat2();
	for (let time = 0; time < 3; time++) {
		const stage = await Stage.open(folder, MAP_SIZE);
		t.strictSame(await show(stage.pool, "web@one", 0, 1, 2, 3, 5), [1, 2, 3, 4, 0]);
		t.strictSame(await show(stage.pool, "copy", 0, 1, 2, 3, 5), [1, 2, 3, 4, 0]);
		t.strictSame(await show(stage.pool, "web@two", 0, 1, 2, 3, 5, 6), [1, 22, 3, 33, 55, 0]);
		t.strictSame(await stage.readAll(0, 1, 2, 3, 5, 6), [11, 22, 3, 33, 55, 66]);
		for (let round = 0; round < 40; round++)
			await stage.write(100, ...new Array<number>(250).fill(round + 1));
		t.equal(await stage.read(150), 40);
		await stage.close();
	}
});

t.test("a pool of format 3 is opened, and all is as it was, again and again", async (t) => {
	const folder = await poolOfFormat3();
	let stage = await Stage.open(folder, MAP_SIZE);
	const all = [0, 1, 2, 3, 4, 5, 6, 7];
	for (let time = 0; time < 3; time++) {
		t.strictSame(await show(stage.pool, "web@one", ...all), [1, 2, 3, 4, 5, 0, 0, 0]);
		t.strictSame(await show(stage.pool, "copy", ...all), [1, 2, 3, 4, 5, 0, 0, 0]);
		t.strictSame(await show(stage.pool, "web@two", ...all), [11, 12, 13, 4, 5, 55, 0, 0]);
		t.strictSame(await stage.readAll(...all), [31, 12, 13, 4, 5, 65, 86, 77]);
		await stage.close();
		stage = await Stage.open(folder, MAP_SIZE);
	}
	await stage.close();
});

t.test("a pool of format 4 is opened, and its segments of nodes go when nothing of them lives", async (t) => {
	const folder = await poolOfFormat4();
	const all = [0, 70, 4 * 70, 5 * 70, 39 * 70];
	for (let time = 0; time < 3; time++) {
		const stage = await Stage.open(folder, MAP_SIZE);
		t.strictSame(await show(stage.pool, "web@one", 0, 1, 70), [1, 2, 0]);
		t.strictSame(await show(stage.pool, "web@three", ...all), [40, 41, 44, 45, 79]);
		const now = time === 2 ? [9, 9, 9, 9, 9] : [200, 201, 204, 105, 139];
		t.strictSame(await stage.readAll(...all), now);
		if (time === 1) for (let i = 0; i < 40; i++) await stage.write(i * 70, 9);
		await stage.close();
	}
	const pool = await Pool.open(testWorld(folder));
	await pool.administration.delete("web");
	await pool.close();
	const again = await Pool.open(testWorld(folder));
	t.strictSame(await show(again, "copy", 0, 1, 70), [1, 2, 0]);
	await again.close();
});

t.test("many snapshots, one right after the other, while it is written", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder, 2 ** 30, 1, MAP_SIZE);
	const { administration } = stage.pool;
	const writing = (async () => {
		for (let i = 0; i < 300; i++) await stage.write(100 + i, 1 + (i % 200));
	})();
	const taken = await Promise.all(
		Array.from({ length: 12 }, async (_, i) => {
			await stage.write(0, i + 1);
			const [snapshot] = await administration.takeSnapshots([{ volume: "web", name: `s${i}` }]);
			return snapshot!;
		}),
	);
	await writing;
	t.equal(new Set(taken.map(({ position }) => position)).size, 12);
	const before = await Promise.all(taken.map(({ name }) => show(stage.pool, `web@${name}`, 0, 100, 250)));
	await stage.close();
	const pool = await Pool.open(testWorld(folder));
	for (const [i, { name }] of taken.entries())
		t.strictSame(await show(pool, `web@${name}`, 0, 100, 250), before[i], name);
	await pool.close();
});

/** Nothing is written from the third slot on, while it is full: nodes are. */
class FullBehind extends DeviceLayer {
	static isFull = false;

	protected handle(request: BlockRequest): void {
		const isBehind = request.op === BlockOp.write && request.offsetBytes >= 2 * SEGMENT_BYTES;
		if (FullBehind.isFull && isBehind) request.complete(StorageStatus.noSpace);
		else this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

t.test("trap 11: where the map can't be stored writes are refused when it is full, and heal", async (t) => {
	const folder = new MemoryFolder((device, name) => (name === "head" ? device : new FullBehind(device)));
	const stage = await Stage.create(folder, 2 ** 30, 1, MAP_SIZE);
	FullBehind.isFull = true;
	let count = 0;
	let status: StorageStatus = StorageStatus.ok;
	for (; status === StorageStatus.ok && count < 5 * ENTRIES; count++) status = await stage.write(count, 7);
	t.equal(status, StorageStatus.noSpace);
	t.ok(count > 2 * ENTRIES && count < 3 * ENTRIES, `after ${count} pages: two overlays have room for them`);
	t.strictSame(await stage.readAll(0, count - 2, count - 1), [7, 7, 0]);
	await t.rejects(stage.pool.administration.takeSnapshots([{ volume: "web", name: "a" }]), /noSpace/);
	FullBehind.isFull = false;
	stage.pool.age();
	for (let turns = 0; status !== StorageStatus.ok && turns < 1000; turns++) {
		await nextTurn();
		status = await stage.write(count, 8);
	}
	t.equal(status, StorageStatus.ok, "with space again it goes on");
	await stage.close();
	const again = await Stage.open(folder);
	t.strictSame(await again.readAll(0, count - 2, count), [7, 7, 8]);
	await again.close();
});

t.test("what was changed of a checkpoint is an error that names the place", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder);
	for (let page = 0; page < 250; page++) await stage.write(page * 64, 1 + (page % 200));
	await stage.close();
	const ref = (await checkpointOf(folder))!;
	const at = ref.slot * SEGMENT_BYTES + (ref.place % SEGMENT_BYTES);
	const random = new Random();
	for (let round = 0; round < 40; round++) {
		// What it says is right before the list of that.
		const byte = at + random.below(ref.bytes + 3000) - 3000;
		const sector = byte - (byte % 512);
		const was = await peek(folder, "log.000000", sector, 512);
		const changed = was.slice();
		changed[byte - sector]! ^= 1 + random.below(255);
		await poke(folder, "log.000000", sector, changed);
		const heads = await peek(folder, "head", 0, 2 * BLOCK_BYTES);
		const opened = await Stage.open(folder).catch((error: Error) => error);
		if (opened instanceof Error)
			t.match(opened.message, /^memory\/log\.000000, byte \d+: the pool's checkpoint is damaged here/);
		else {
			for (let page = 0; page < 250; page += 7) {
				const value = await opened.read(page * 64);
				if (value !== -StorageStatus.mediumError && value !== 1 + (page % 200))
					t.fail(`page ${page} reads as ${value}, seed ${random.seed}`);
			}
			await opened.close();
		}
		await poke(folder, "head", 0, heads);
		await poke(folder, "log.000000", sector, was);
	}
});
