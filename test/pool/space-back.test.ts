// Space comes back: what is written over, trimmed and deleted is written to again, for as long as one likes, while all that somebody may
// still want is kept; and it is so after a pool was opened again, by whichever copy of its head.

import { setImmediate as nextTurn } from "node:timers/promises";
import t, { type Test } from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { RECORD_ENTRIES } from "../../lib/pool/format.js";
import { DeadWalk } from "../../lib/pool/map/walk.js";
import { Random } from "../../lib/random.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { Counted } from "./counted.js";
import { Stage, show } from "./memory-folder.js";
import { SmallFolder } from "./small-folder.js";

const MAP_SIZE = { entries: RECORD_ENTRIES + 1_000, nodeBytes: 2 ** 20 } as const;
const SLOTS = 16;
const SLOT_PAGES = 2048;
/** Of the volume. */
const PAGES = 4_000;

/** What pages hold. */
class Written {
	readonly values = new Map<number, number>();
	count = 0;

	constructor(
		public stage: Stage,
		readonly random: Random,
	) {}

	/** Some pages, anywhere; says how that ended. */
	async write(): Promise<StorageStatus> {
		const length = 1 + this.random.below(100);
		const page = this.random.below(PAGES - length);
		const values = Array.from({ length }, () => 1 + this.random.below(250));
		const status = await this.stage.write(page, ...values);
		if (status !== StorageStatus.ok) return status;
		for (const [i, value] of values.entries()) this.values.set(page + i, value);
		this.count += length;
		return status;
	}

	async check(t: Test, stage: Stage, what: string): Promise<void> {
		for (const [page, value] of this.values)
			if (page % 4 === 0 && (await stage.read(page)) !== value) {
				t.fail(`page ${page}: ${what}, seed ${this.random.seed}`);
				return;
			}
		t.pass(what);
	}
}

t.test("pages of a small pool are written over, many times its size", async (t) => {
	const folder = new SmallFolder(2);
	let stage = await Stage.create(folder, PAGES * 4096, 1, MAP_SIZE);
	const random = new Random();
	const written = new Written(stage, random);
	for (let round = 0; round < 2; round++) {
		for (let i = 0; i < 900; i++) {
			const status = await written.write();
			if (status === StorageStatus.ok) continue;
			t.fail(`${status} after ${written.count} pages, seed ${random.seed}`);
			return;
		}
		await stage.close();
		stage = await Stage.open(folder, MAP_SIZE);
		await written.check(t, stage, "all is found when it is opened again");
		written.stage = stage;
	}
	t.ok(written.count > 2 * SLOTS * SLOT_PAGES, `${written.count} pages in ${SLOTS * SLOT_PAGES} of a pool`);
	await stage.close();
});

/** Pages of the first megabytes are written over, so often that all slots of a pool have been used again. */
async function fillOver(stage: Stage, megabytes: number): Promise<void> {
	for (let i = 0; i < megabytes; i++)
		if ((await stage.write(2_000 + 250 * (i % 8), ...new Array<number>(250).fill(1 + (i % 250)))) !== 0)
			throw new Error(`there is no space after ${i} megabytes`);
}

t.test(
	"what snapshots, clones and the way back want is kept while the rest comes back (traps 8 and 15)",
	async (t) => {
		const folder = new SmallFolder(2);
		const stage = await Stage.create(folder, PAGES * 4096, 1, MAP_SIZE);
		const { pool } = stage;
		const { administration } = pool;
		for (let page = 0; page < 8; page++) await stage.write(page, 10 + page);
		await administration.takeSnapshots([{ volume: "web", name: "one" }]);
		await administration.clone("web", "one", "copy");
		await stage.write(1, 101);
		await fillOver(stage, 160);
		t.strictSame(await show(pool, "web@one", 0, 1, 7), [10, 11, 17]);
		t.strictSame(await show(pool, "copy", 0, 1, 7), [10, 11, 17]);
		t.strictSame(await stage.readAll(0, 1, 7), [10, 101, 17]);
		await stage.device.close();
		await administration.rollback("web", "one");
		const back = await Stage.of(pool);
		await administration.forget("web", "one");
		await administration.forget("web", "before-one");
		await fillOver(back, 160);
		t.strictSame(await back.readAll(0, 1, 7), [10, 11, 17], "the head reads all");
		await administration.delete("copy");
		await fillOver(back, 160);
		await back.close();
		const again = await Stage.open(folder, MAP_SIZE);
		t.strictSame(await again.readAll(0, 1, 7), [10, 11, 17]);
		await again.close();
	},
);

t.test("a pool that is full takes trims and deletions, and then writes again (trap 11)", async (t) => {
	const folder = new SmallFolder(1);
	const stage = await Stage.create(folder, 2 ** 30, 1, MAP_SIZE);
	let records = 0;
	while ((await stage.write(250 * records, ...new Array<number>(250).fill(1))) === StorageStatus.ok)
		records++;
	t.ok(records > 15, `${records} megabytes in eight slots`);
	t.equal(await stage.read(250 * (records - 1)), 1, "it is still read");
	t.equal(await stage.write(250 * records, 1), StorageStatus.noSpace, "nobody looks for space again");
	for (let turns = 0; turns < 50; turns++) await nextTurn();
	// (The first of these pages takes no space, a part of the second is refused: what is in a record goes out for all that.)
	const zeros = new PromisedRequest();
	Object.assign(zeros.request, { op: BlockOp.writeZeroes, offsetBytes: 2 ** 29, lengthBytes: 4608 });
	t.equal((await zeros.run(stage.device)).status, StorageStatus.noSpace);
	const flush = new PromisedRequest();
	flush.request.op = BlockOp.flush;
	t.equal((await flush.run(stage.device)).status, StorageStatus.ok, "a flush behind it is answered");
	const trim = new PromisedRequest();
	Object.assign(trim.request, { op: BlockOp.trim, offsetBytes: 0, lengthBytes: 2 ** 20 * (records - 2) });
	t.equal((await trim.run(stage.device)).status, StorageStatus.ok);
	let status: StorageStatus = StorageStatus.noSpace;
	for (let turns = 0; status !== StorageStatus.ok && turns < 10_000; turns++) {
		await nextTurn();
		status = await stage.write(250 * records, ...new Array<number>(250).fill(2));
	}
	t.equal(status, StorageStatus.ok);
	t.strictSame(await stage.readAll(0, 250 * (records - 1), 250 * records), [0, 1, 2]);
	await stage.close();
});

t.test(
	"a write to a full pool does not wait until all of a large volume that was deleted is known",
	async (t) => {
		const mapSize = { entries: 20_000, nodeBytes: 2 ** 20 } as const;
		const stage = await Stage.create(new SmallFolder(2), 2 ** 30, 1, mapSize);
		const { administration } = stage.pool;
		await administration.create("old", 2 ** 27, 512);
		const old = await Stage.of(stage.pool, "old");
		for (let i = 0; i < 140; i++) await old.write(125 * i, ...new Array<number>(125).fill(1 + i));
		await old.device.close();
		let records = 0;
		const write = (): Promise<StorageStatus> =>
			stage.write(250 * records++, ...new Array<number>(250).fill(1));
		while ((await write()) === StorageStatus.ok);
		const slices = new Counted({ step: DeadWalk.prototype });
		await administration.delete("old");
		t.equal(await write(), StorageStatus.ok);
		const before = slices.all("step");
		for (let last = -1; slices.all("step") > last; ) {
			last = slices.all("step");
			await stage.pool.checkpoint();
			for (let turns = 0; turns < 1000; turns++) await nextTurn();
		}
		t.ok(before < slices.all("step"), `after ${before} of ${slices.all("step")} slices it was answered`);
		slices.end();
		await stage.close();
	},
);

t.test("a full pool with many snapshots forgets them, and then takes writes again (trap 11)", async (t) => {
	const stage = await Stage.create(new SmallFolder(1), 2 ** 30, 1, MAP_SIZE);
	const { administration } = stage.pool;
	const names = Array.from({ length: 60 }, (_, i) => ({ volume: "web", name: `s${i}` }));
	let records = 0;
	const write = (value: number): Promise<StorageStatus> =>
		stage.write(250 * (records % 4), ...new Array<number>(250).fill(value));
	for (const name of names) {
		await stage.write(250 * 5 + records, 1);
		await administration.takeSnapshots([name]);
	}
	// (Each snapshot has a megabyte of its own, until there is no space for one more.)
	for (
		let status: StorageStatus = StorageStatus.ok;
		status === StorageStatus.ok && records < 100;
		records++
	) {
		status = await write(1 + records);
		if (status === StorageStatus.ok)
			await administration.takeSnapshots([{ volume: "web", name: `m${records}` }]).catch(() => {});
	}
	t.ok(records < 100, `full after ${records} megabytes`);
	const [volume] = stage.pool.volumes;
	for (const { name } of volume!.snapshots) await administration.forget("web", name);
	let status: StorageStatus = StorageStatus.noSpace;
	for (let turns = 0; status !== StorageStatus.ok && turns < 10_000; turns++) {
		await nextTurn();
		status = await write(7);
	}
	t.equal(status, StorageStatus.ok);
	t.equal(await stage.read(250 * (records % 4)), 7);
	await stage.close();
});

t.test("a volume that was deleted just before the end gives its space back after it", async (t) => {
	const folder = new SmallFolder(2);
	let stage = await Stage.create(folder, 2 ** 30, 1, MAP_SIZE);
	const { administration } = stage.pool;
	await administration.create("gone", 2 ** 30, 4096);
	const { device } = await stage.pool.openVolume("gone", false, async () => {});
	const memory = heapMemory(2 ** 20);
	for (let offsetBytes = 0; offsetBytes < 66 * 2 ** 20; offsetBytes += 2 ** 20) {
		const promised = new PromisedRequest();
		memory.bytes.fill(1);
		Object.assign(promised.request, { op: BlockOp.write, offsetBytes, lengthBytes: 2 ** 20, memory });
		t.equal((await promised.run(device)).status, StorageStatus.ok);
	}
	await device.close();
	await administration.delete("gone");
	await stage.close();
	stage = await Stage.open(folder, MAP_SIZE);
	// (With what was deleted that would be more than there is.)
	for (let record = 0; record < 56; record++)
		if ((await stage.write(250 * record, ...new Array<number>(250).fill(1))) !== StorageStatus.ok)
			t.fail(`there is no space after ${record} megabytes`);
	await stage.close();
});

t.test(
	"however many write to a pool that is full, each is told so, though its history must be kept",
	async (t) => {
		const stage = await Stage.create(new SmallFolder(1), 2 ** 30, 1, MAP_SIZE);
		await stage.pool.administration.setPool("file", { historyMinSeconds: 3600 });
		const writer = async (first: number) => {
			for (let page = first; page < first + 20_000; page += 50)
				if ((await stage.write(page, ...new Array<number>(50).fill(1))) !== StorageStatus.ok) return true;
			return false;
		};
		const told = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => writer(20_000 * i)));
		t.notOk(told.includes(false));
		// Those who come back to it wait for nobody.
		const again = await Promise.all([0, 1, 2, 3].map((i) => stage.write(200_000 + 50 * i, 1)));
		t.ok(again.every((status) => status === StorageStatus.noSpace));
		t.equal(await stage.read(0), 1, "it is still read");
		await stage.close();
	},
);
