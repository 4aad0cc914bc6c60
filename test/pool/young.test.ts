// A pool in a directory that is new, while somebody else fills the file system: it counts nothing that has no space for good, what only is said is said
// and stored from the beginning, writes are refused until there is room, and a record that finds none waits for it.

import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { BlockOp } from "../../lib/block/request.js";
import { OperatorError, StorageStatus } from "../../lib/errors.js";
import type { PoolWorld } from "../../lib/pool/folder.js";
import { FILE_SLOTS, SEGMENT_BYTES } from "../../lib/pool/format.js";
import { openHead } from "../../lib/pool/head-file.js";
import { Pool } from "../../lib/pool/pool.js";
import { NO_SLOT, Slots } from "../../lib/pool/space/slots.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { run } from "../block/devices.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { FilledFolder } from "./filled-folder.js";
import { MemoryFolder, Stage, testWorld } from "./memory-folder.js";

const MIB = 2 ** 20;
const FIRST = "log.000000";
const TURNS = 200;
const RECORD_PAGES = 250;
/** What two slots take, and what is left for what the file system keeps besides. */
const JUST_ENOUGH = 2 * SEGMENT_BYTES + MIB;

async function sizeOf({ space }: Pool): Promise<number> {
	return space.ofPool(await space.unwalked()).sizeBytes;
}

function writeMegabyte(stage: Stage, number: number): Promise<StorageStatus> {
	return stage.write(RECORD_PAGES * number, ...new Array<number>(RECORD_PAGES).fill(1 + (number % 200)));
}

/** Volumes and snapshots come and go, each of them stored. */
async function sayMuch(pool: Pool): Promise<void> {
	const { administration } = pool;
	for (let round = 0; round < 10; round++) {
		await administration.create("other", MIB, 4096);
		await administration.takeSnapshots([{ volume: "other", name: "a" }]);
		await administration.takeSnapshots([{ volume: "other", name: "b" }]);
		await administration.delete("other");
		await pool.checkpoint();
	}
}

t.test("what has no space is none of a new pool's", async (t) => {
	const folder = new FilledFolder();
	folder.freeBytes = JUST_ENOUGH - 1;
	await t.rejects(Pool.create(testWorld(folder)), /^memory: there is no space left: a pool takes at least/);
	t.equal(folder.files.size, 0, "nothing is left of that");
	folder.freeBytes = JUST_ENOUGH;
	const stage = await Stage.create(folder, 2 ** 30);
	await stage.pool.administration.set("web", { historySeconds: 0 });
	t.equal(await writeMegabyte(stage, 0), StorageStatus.noSpace);
	t.equal(folder.takenIn(FIRST), 2 * SEGMENT_BYTES);
	t.equal(await sizeOf(stage.pool), 2 * SEGMENT_BYTES);
	t.equal((await run(stage.device, BlockOp.trim, 0, MIB)).status, StorageStatus.ok);
	await sayMuch(stage.pool);
	await stage.close();
	const again = await Stage.open(folder);
	await sayMuch(again.pool);
	t.equal(await writeMegabyte(again, 0), StorageStatus.noSpace);
	t.equal(again.pool.state.failed, null);
	folder.freeBytes = 100 * MIB;
	again.pool.age();
	await until("it goes on", async () => (await writeMegabyte(again, 0)) === StorageStatus.ok, LIMIT_MS);
	await again.close();
});

t.test("whatever is counted has its space, as soon as it is", async (t) => {
	const folder = new FilledFolder();
	const stage = await Stage.create(folder, 2 ** 30);
	for (let turn = 0; turn < TURNS && folder.takenIn(FIRST) < FILE_SLOTS * SEGMENT_BYTES; turn++) {
		const { freeBytes } = folder;
		folder.freeBytes = 0;
		await stage.pool.age();
		await nextTurn();
		const sizeBytes = await sizeOf(stage.pool);
		t.ok(folder.takenIn(FIRST) >= sizeBytes, `${sizeBytes} bytes in turn ${turn}`);
		folder.freeBytes = freeBytes;
		await nextTurn();
	}
	await until("the first file", () => folder.takenIn(FIRST) === FILE_SLOTS * SEGMENT_BYTES, LIMIT_MS);
	await stage.close();
	const { state, device } = await openHead(testWorld(folder), false);
	await device.close();
	t.match(state, { filled: FILE_SLOTS, slots: FILE_SLOTS });
});

t.test("a pool whose making is broken off is made by whoever opens it, or there is none", async (t) => {
	let opened = 0;
	for (let changes = 0; changes < 30; changes++) {
		let left = changes;
		const folder = new FilledFolder();
		const world: PoolWorld = { ...testWorld(folder), folder };
		folder.refuses = () => left-- <= 0;
		const isMade = await Pool.create(world).then(
			(pool) => pool.close().then(() => true),
			() => false,
		);
		folder.refuses = () => false;
		try {
			const pool = await Pool.open(testWorld(folder));
			await pool.administration.create("web", MIB, 4096);
			const stage = await Stage.of(pool);
			t.equal(await stage.write(0, 1), StorageStatus.ok, `after ${changes}`);
			await stage.close();
			opened++;
		} catch (error) {
			t.notOk(isMade);
			if (!(error instanceof OperatorError)) t.match(String(error), /no such file/);
		}
	}
	t.ok(opened > 15, `${opened} were opened`);
});

for (const slots of [undefined, FILE_SLOTS])
	t.test(`a pool of a version that counted what it had not written, ${slots} slots`, async (t) => {
		// (Where slots are not filled ahead the head says nothing of them.)
		const folder = new FilledFolder();
		folder.fillsAhead = false;
		const before = await Stage.create(folder, 2 ** 30);
		await before.pool.administration.set("web", { historySeconds: 0 });
		for (let megabyte = 0; megabyte < 12; megabyte++) await writeMegabyte(before, megabyte);
		await before.close();
		const head = await openHead(testWorld(folder), false);
		await head.write(slots === undefined ? {} : { slots });
		await head.device.close();
		folder.fillsAhead = true;
		folder.freeBytes = 0;
		const stage = await Stage.open(folder);
		const sizeBytes = await sizeOf(stage.pool);
		t.ok(sizeBytes >= 2 * SEGMENT_BYTES && sizeBytes <= 4 * SEGMENT_BYTES, `${sizeBytes} bytes`);
		t.equal(await writeMegabyte(stage, 12), StorageStatus.noSpace);
		t.equal((await run(stage.device, BlockOp.trim, 0, MIB)).status, StorageStatus.ok);
		folder.freeBytes = 200 * MIB;
		stage.pool.age();
		await until("it goes on", async () => (await writeMegabyte(stage, 12)) === StorageStatus.ok, LIMIT_MS);
		for (let megabyte = 13; megabyte < 40; megabyte++) await writeMegabyte(stage, megabyte);
		await stage.close();
		const again = await Stage.open(folder);
		t.strictSame(await again.readAll(0, 11 * RECORD_PAGES, 39 * RECORD_PAGES), [0, 12, 40]);
		await again.close();
		const { state, device } = await openHead(testWorld(folder), false);
		await device.close();
		t.ok((state.filled ?? 0) >= FILE_SLOTS, "and now it says what it has written");
	});

/** A pool with something in it, on files that fail as they are told, and time that passes when it is told to. */
async function faultyPool() {
	const layers: FaultyLayer[] = [];
	const folder = new MemoryFolder((device, name) => {
		if (name !== FIRST) return device;
		const layer = new FaultyLayer(device);
		layers.push(layer);
		return layer;
	});
	let laterUs = 0;
	const world = testWorld(folder);
	const pool = await Pool.create({ ...world, elapsed: () => world.elapsed() + laterUs });
	await pool.administration.create("web", 64 * MIB, 4096);
	const stage = await Stage.of(pool);
	const fill = () => layers.at(-1)!.add({ op: BlockOp.write, status: StorageStatus.noSpace });
	const empty = () => layers.at(-1)!.heal();
	return { folder, pool, stage, fill, empty, later: () => (laterUs += 1_000_000) };
}

async function turns(): Promise<void> {
	for (let turn = 0; turn < TURNS; turn++) await nextTurn();
}

t.test("a record that finds no space waits; who comes then is refused; it goes on by itself", async (t) => {
	const { folder, pool, stage, fill, empty, later } = await faultyPool();
	fill();
	let answer: StorageStatus | undefined;
	const waiting = stage.write(1, 2).then((status) => (answer = status));
	await turns();
	t.equal(answer, undefined, "the first record that was ever written waits");
	t.equal(await stage.write(2, 3), StorageStatus.noSpace);
	t.equal((await run(stage.device, BlockOp.trim, 0, 4096)).status, StorageStatus.noSpace);
	await t.rejects(pool.administration.create("db", MIB, 4096), /^the pool takes no changes: noSpace$/);
	t.equal(await stage.read(1), 2);
	t.equal(pool.state.failed, null, "it has not failed");
	later();
	t.equal(await stage.write(2, 3), StorageStatus.noSpace, "there is still no room");
	await turns();
	t.equal(answer, undefined);
	empty();
	t.equal(await stage.write(2, 3), StorageStatus.noSpace, "it is not tried at each write");
	await turns();
	t.equal(answer, undefined);
	later();
	pool.age();
	t.equal(await waiting, StorageStatus.ok);
	t.equal(await stage.write(2, 3), StorageStatus.ok);
	await stage.close();
	const again = await Stage.open(folder);
	t.strictSame(await again.readAll(0, 1, 2), [0, 2, 3]);
	await again.close();
});

t.test("the summary of a segment waits likewise", async (t) => {
	const { folder, pool, stage, fill, empty, later } = await faultyPool();
	for (let megabyte = 0; megabyte < 7; megabyte++) await writeMegabyte(stage, megabyte);
	fill();
	const waiting = [7, 8].map((megabyte) => writeMegabyte(stage, megabyte));
	await turns();
	t.equal(pool.state.failed, null);
	empty();
	later();
	pool.age();
	const [status] = await Promise.all(waiting);
	t.ok(status === StorageStatus.ok || status === StorageStatus.noSpace);
	t.equal(await writeMegabyte(stage, 9), StorageStatus.ok);
	await stage.close();
	const again = await Stage.open(folder);
	t.strictSame(await again.readAll(0, 9 * RECORD_PAGES), [1, 10]);
	await again.close();
});

t.test("a pool that is closed waits for no space: what was not written is not acknowledged", async (t) => {
	const { folder, pool, stage, fill, empty } = await faultyPool();
	await stage.write(0, 1);
	fill();
	const waiting = stage.write(1, 2);
	await turns();
	await pool.close();
	t.equal(await waiting, StorageStatus.syncFailed);
	empty();
	const again = await Stage.open(folder);
	t.equal(await again.read(0), 1);
	t.equal(await again.write(1, 3), StorageStatus.ok);
	await again.close();
});

t.test("a slot is there when it is added, in whatever order", async (t) => {
	const slots = new Slots();
	slots.grow(2);
	slots.took(4);
	t.strictSame([slots.count, slots.free, slots.whole], [3, 2, 2], "those before one that is used are not");
	t.strictSame([slots.take(), slots.take(), slots.take()], [0, 1, NO_SLOT]);
	slots.add(3);
	t.strictSame([slots.count, slots.free, slots.whole], [4, 1, 2]);
	slots.add(2);
	slots.add(2);
	t.strictSame([slots.count, slots.free, slots.whole], [5, 2, 5]);
	t.strictSame([slots.take(), slots.take(), slots.take()], [2, 3, NO_SLOT]);
	slots.grow(8);
	slots.withdrawFresh(7);
	t.strictSame([slots.count, slots.free, slots.whole], [6, 1, 5], "those that were never used");
});
