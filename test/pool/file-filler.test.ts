// A pool in a directory grows slot by slot, each written with zeros before: in the background, as fast as the log, and as far as there is space.

import t from "tap";
import { StorageStatus } from "../../lib/errors.js";
import { FileFiller } from "../../lib/pool/file-filler.js";
import { SEGMENT_BYTES } from "../../lib/pool/format.js";
import { Segments } from "../../lib/pool/segments.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { FilledFolder } from "./filled-folder.js";
import { Stage } from "./memory-folder.js";

const MIB = 2 ** 20;
const FIRST = "log.000000";

const turnsUntil = (condition: () => boolean | Promise<boolean>): Promise<void> =>
	until("slots", condition, LIMIT_MS);

async function filling(folder = new FilledFolder()) {
	const segments = new Segments(folder);
	await segments.grow();
	folder.has(FIRST);
	for (let slot = 0; slot < 8; slot++) segments.slots.took(slot);
	const filler = new FileFiller(segments, { allocate: heapMemory });
	return { folder, segments, filler };
}

t.test("it goes on as the log does, and each slot is synced before it may be used", async (t) => {
	const { folder, segments, filler } = await filling();
	let told = 0;
	filler.whenTold = () => {
		told++;
		t.equal(folder.syncs, 4 * (segments.slots.count - 8), "synced, 2 MiB at a time");
	};
	filler.begin();
	for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
	t.equal(folder.writtenBytes, 0, "nothing was written to the log");
	filler.advance(MIB);
	await turnsUntil(() => folder.writtenBytes >= 3 * MIB);
	for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
	t.equal(folder.writtenBytes, 3 * MIB);
	t.equal(segments.slots.count, 8);
	filler.advance(2 * MIB);
	await turnsUntil(() => told === 1);
	t.equal(segments.slots.count, 9);
	t.ok(segments.known.isFilled(8));
	t.notOk(segments.known.isFilled(9));
	filler.advance(100 * MIB);
	await turnsUntil(() => segments.slots.count === 16);
	await filler.close();
	t.equal(folder.writtenBytes, 64 * MIB);
});

t.test("who waits for a slot gets one at once; an end in between is waited for", async (t) => {
	const { segments, filler } = await filling();
	filler.begin();
	await filler.next();
	t.equal(segments.slots.count, 9);
	await filler.close();
	t.equal(segments.slots.count, 9);
	filler.begin();
	await filler.next();
	t.equal(segments.slots.count, 9, "it is over");
});

t.test("as many slots as there is space for, and the rest when there is more", async (t) => {
	const folder = new FilledFolder();
	folder.freeBytes = 3.5 * SEGMENT_BYTES;
	const { segments, filler } = await filling(folder);
	filler.begin();
	filler.advance(1024 * MIB);
	await turnsUntil(() => filler.hasFailed);
	t.equal(segments.slots.count, 11);
	await segments.measure();
	t.equal(segments.sizeBytes, 11 * SEGMENT_BYTES);
	folder.freeBytes = 2.5 * SEGMENT_BYTES;
	await segments.measure();
	t.equal(segments.sizeBytes, 13 * SEGMENT_BYTES);
	filler.begin();
	folder.isFull = true;
	await filler.next();
	t.ok(filler.hasFailed, "somebody else was faster");
	t.equal(segments.slots.count, 11);
	folder.isFull = false;
	filler.begin();
	await filler.next();
	t.equal(segments.slots.count, 12);
	t.notOk(filler.hasFailed);
	await filler.close();
	t.equal(folder.files.size, 2, "all of that in one file");
});

t.test("a removed volume comes back though the next file waits for the log to go on", async (t) => {
	const folder = new FilledFolder();
	const stage = await Stage.create(folder, 2 ** 30);
	const { administration, space } = stage.pool;
	await administration.set("web", { historySeconds: 0 });
	await administration.create("gone", MIB, 4096);
	await administration.set("gone", { historySeconds: 0 });
	const gone = await Stage.of(stage.pool, "gone");
	await gone.write(0, ...new Array<number>(256).fill(7));
	await gone.device.close();
	for (let page = 0; page < 40 * 256; page += 256) await stage.write(page, ...new Array<number>(256).fill(9));
	const freeing = async (): Promise<number> => space.ofPool(await space.unwalked()).freeingBytes;
	// (A snapshot waits for the checkpoint that the one before has begun.)
	const snapshots = async (...names: readonly string[]): Promise<void> => {
		for (const name of names) await administration.takeSnapshots([{ volume: "web", name }]);
	};
	await snapshots("first", "second");
	const { writtenBytes } = folder;
	await administration.delete("gone");
	await snapshots("third", "fourth");
	await turnsUntil(async () => (await freeing()) === 0);
	t.ok(folder.writtenBytes < writtenBytes + SEGMENT_BYTES, "that file is not made yet");
	await stage.close();
});

t.test("a pool that was opened again has the slots that it had, and no more", async (t) => {
	const folder = new FilledFolder();
	folder.freeBytes = 90 * MIB;
	const stage = await Stage.create(folder, 2 ** 30);
	await stage.pool.administration.set("web", { historySeconds: 0 });
	let page = 0;
	const fill = (): Promise<StorageStatus> => stage.write(250 * page++, ...new Array<number>(250).fill(9));
	while ((await fill()) === StorageStatus.ok);
	const { sizeBytes } = stage.pool.space.ofPool(await stage.pool.space.unwalked());
	t.ok(
		sizeBytes > 64 * MIB && sizeBytes < 90 * MIB + 2 * SEGMENT_BYTES,
		`${sizeBytes} bytes, some in the second file`,
	);
	t.ok(folder.freeBytes < SEGMENT_BYTES + MIB);
	await stage.close();
	const again = await Stage.open(folder);
	t.equal(again.pool.space.ofPool(await again.pool.space.unwalked()).sizeBytes, sizeBytes);
	t.equal(await again.write(0, 1), StorageStatus.noSpace);
	folder.freeBytes = 90 * MIB;
	again.pool.age();
	await turnsUntil(async () => (await again.write(0, 1)) === StorageStatus.ok);
	t.strictSame(await again.readAll(0, 1, 250), [1, 9, 9]);
	await again.close();
});

t.test("where the first file has not all of its space, a pool is as large as what it can have", async (t) => {
	const folder = new FilledFolder();
	const HAS = 36 * MIB;
	folder.freeBytes = HAS;
	const stage = await Stage.create(folder, 2 ** 30);
	const sizes = async ({ pool }: Stage): Promise<[size: number, free: number]> => {
		const { sizeBytes, freeBytes } = pool.space.ofPool(await pool.space.unwalked());
		return [sizeBytes, freeBytes];
	};
	const [size, free] = await sizes(stage);
	t.equal(size, 4 * SEGMENT_BYTES);
	t.ok(free < size);
	for (let page = 0; page < 3000; page += 250) await stage.write(page, ...new Array<number>(250).fill(9));
	stage.pool.age();
	await turnsUntil(async () => (await sizes(stage))[0] === size);
	const [, left] = await sizes(stage);
	t.ok(left < free, `${left} of ${free} bytes are free`);
	await stage.close();
	const again = await Stage.open(folder);
	t.equal((await sizes(again))[0], size, "and so it is when it was opened again");
	await again.close();
});
