import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import type { BlockDevice } from "../../../lib/block/device.js";
import { DeviceLayer } from "../../../lib/block/layer.js";
import { BlockOp, type BlockRequest, operationName } from "../../../lib/block/request.js";
import { StorageStatus } from "../../../lib/errors.js";
import { Objects } from "../../../lib/object/objects.js";
import { Pool } from "../../../lib/pool/pool.js";
import { LocalFile } from "../../../lib/pool/store/local-file.js";
import { Random } from "../../../lib/random.js";
import { MemoryObjects } from "../../../lib/testing/memory-objects.js";
import { VirtualClock } from "../../../lib/testing/virtual-clock.js";
import { MemoryFolder, Stage, show, testWorld } from "../memory-folder.js";
import { planted } from "../planted.js";
import { StoreStage } from "./stage.js";

t.test("a pool is made in a store, closed, and opened by another host", async (t) => {
	const there = new StoreStage();
	const folder = there.folder(new MemoryFolder());
	const pool = await Pool.create(testWorld(folder));
	await pool.administration.create("web", 64 * 2 ** 20, 4096);
	const stage = await Stage.of(pool);
	for (let page = 0; page < 2000; page++) await stage.write(page, (page % 250) + 1);
	await pool.administration.takeSnapshots([{ volume: "web", name: "monday" }]);
	await stage.write(7, 251);
	await stage.close();
	const objects = there.backend.objects.size;
	t.ok(objects > 0, `${objects} objects`);
	const storedBytes = [...there.backend.objects.values()].reduce((sum, { length }) => sum + length, 0);
	t.match(folder.state, { objects, storedBytes }, "what is there, and what that costs, is told");

	const other = await Pool.open(testWorld(there.folder(new MemoryFolder())));
	t.same(await show(other, "web", 0, 7, 1999, 2000), [1, 251, 250, 0]);
	t.same(await show(other, "web@monday", 7), [8]);
	await other.close();
});

/** Lets virtual time pass, a second at a time, with everything that goes on without time in between. */
async function pass(clock: VirtualClock, seconds: number): Promise<void> {
	for (let second = 0; second < seconds; second++) {
		clock.pass(1000);
		for (let turn = 0; turn < 20; turn++) await nextTurn();
	}
}

/** Overwrites a volume again and again; which objects there were, and which of them are not there any more. */
async function overwrite(clock: VirtualClock, there: StoreStage, rounds: number) {
	const { backend } = there;
	const folder = there.folder(new MemoryFolder(), { clock, store: new Objects(backend, { clock }) });
	const pool = await Pool.create(testWorld(folder));
	await pool.administration.create("web", 16 * 2 ** 20, 4096);
	await pool.administration.set("web", { historySeconds: 0 });
	const stage = await Stage.of(pool, "web", "flush");
	const deleted = new Set<string>();
	const names = new Set(backend.objects.keys());
	for (let round = 1; round <= rounds; round++) {
		for (let page = 0; page < 4096; page += 64)
			await stage.write(page, ...Array.from({ length: 64 }, (_, at) => 1 + ((page + at + round) % 250)));
		await pool.checkpoint();
		pool.age();
		await pass(clock, 120);
		for (const name of names) if (!backend.objects.has(name)) deleted.add(name);
		for (const name of backend.objects.keys()) names.add(name);
	}
	return { stage, names, deleted };
}

t.test(
	"what was overwritten is deleted from the store, and what is left of sparse objects is written anew",
	async (t) => {
		const clock = new VirtualClock();
		const there = new StoreStage(new MemoryObjects({ clock, random: new Random(1) }));
		const { backend } = there;
		const { stage, names, deleted } = await overwrite(clock, there, 12);
		const bytes = [...backend.objects.values()].reduce((sum, { length }) => sum + length, 0);
		t.ok(deleted.size > 0, `${deleted.size} of ${names.size} objects were deleted`);
		t.ok(bytes < 6 * 16 * 2 ** 20, `${Math.round(bytes / 2 ** 20)} MiB are stored of 192 that were written`);
		const closing = stage.close();
		await pass(clock, 40);
		await closing;
		const other = await Pool.open(
			testWorld(there.folder(new MemoryFolder(), { clock, store: new Objects(backend, { clock }) })),
		);
		t.same(await show(other, "web", 0, 63, 4095), [13, 76, 1 + ((4095 + 12) % 250)]);
		await other.close();
	},
);

t.test("what a tail goes on from that was given up is not deleted", async (t) => {
	const clock = new VirtualClock();
	const there = new StoreStage(new MemoryObjects({ clock, random: new Random(1) }));
	there.keepers.heldBelow = Number.MAX_SAFE_INTEGER;
	const { stage, names, deleted } = await overwrite(clock, there, 8);
	t.same([...deleted], [], `${names.size} objects are there`);
	const closing = stage.close();
	await pass(clock, 40);
	await closing;
});

t.test("what is here is given up when it is too much, and fetched again", async (t) => {
	const clock = new VirtualClock();
	const backend = new MemoryObjects({ clock, random: new Random(1) });
	const there = new StoreStage(backend);
	const small = {
		clock,
		store: new Objects(backend, { clock }),
		logBytes: 32 * 2 ** 20,
		cacheBytes: 2 ** 20,
	};
	const folder = there.folder(new MemoryFolder(), small);
	const pool = await Pool.create(testWorld(folder));
	await pool.administration.create("web", 128 * 2 ** 20, 4096);
	const stage = await Stage.of(pool, "web", "flush");
	for (let page = 0; page < 24_576; page += 128) {
		await stage.write(page, ...new Array<number>(128).fill(1 + (page % 251)));
		if (page % 2048 === 0) await pass(clock, 40);
	}
	await pass(clock, 300);
	t.equal(folder.state?.unshippedBytes, 0);
	for (let page = 0; page < 24_576; page += 512)
		t.equal(await stage.read(page), 1 + (page % 251), `page ${page}`);
	t.ok(folder.state!.fetchedBytes > 0, `${folder.state!.fetchedBytes} bytes were fetched again`);
	await stage.close();
});

t.test(
	"a store that is away holds up nobody until the log is full, and then it goes on by itself",
	async (t) => {
		const clock = new VirtualClock();
		const backend = new MemoryObjects({ clock, random: new Random(1) });
		const there = new StoreStage(backend);
		const told: (string | null)[] = [];
		const folder = there.folder(new MemoryFolder(), {
			clock,
			store: new Objects(backend, { clock }),
			logBytes: 16 * 2 ** 20,
			tell: (_, trouble) => void told.push(trouble),
		});
		const pool = await Pool.create(testWorld(folder));
		await pool.administration.create("web", 64 * 2 ** 20, 4096);
		const stage = await Stage.of(pool, "web");
		await pass(clock, 60);
		backend.isAway = true;
		let written = 0;
		const writing = (async () => {
			for (; written < 8192; written += 64) await stage.write(written, ...new Array<number>(64).fill(9));
		})();
		await pass(clock, 200);
		t.ok(written > 2048 && written < 4096, `${written} pages were acknowledged meanwhile`);
		t.ok(folder.state!.unshippedBytes >= 15 * 2 ** 20, "and are told not to be there");
		t.match(folder.state!.trouble, /no answer/);
		const before = written;
		folder.resize({ logBytes: 20 * 2 ** 20, cacheBytes: 2 ** 30 });
		await pass(clock, 30);
		t.ok(written > before && written < 8192, `with a larger log ${written}`);
		backend.isAway = false;
		for (let wait = 0; wait < 20 && written < 8192; wait++) await pass(clock, 30);
		await writing;
		t.equal(written, 8192);
		t.equal(told.at(-1), null, "and that it is over is told");
		t.equal(await stage.read(8191), 9);
		await stage.close();
	},
);

t.test(
	"a host that comes back after another one has gone on does not throw away what it alone has",
	async (t) => {
		const clock = new VirtualClock();
		const backend = new MemoryObjects({ clock, random: new Random(1) });
		const there = new StoreStage(backend);
		const on = (local: MemoryFolder) =>
			testWorld(there.folder(local, { clock, store: new Objects(backend, { clock }) }));
		const mine = new MemoryFolder();
		const pool = await Pool.create(on(mine));
		await pool.administration.create("web", 2 ** 20, 4096);
		const stage = await Stage.of(pool);
		await pool.checkpoint();
		await stage.write(1, 7);
		// (The first one's process is gone.)
		const other = await Pool.open(on(new MemoryFolder()));
		await other.administration.create("more", 2 ** 20, 4096);
		await other.close();
		await t.rejects(
			Pool.open(on(mine)),
			/another host has gone on with it, and in .* are up to [1-9][0-9]* bytes .*; move that directory away/,
		);
		const elsewhere = new MemoryObjects({ clock, random: new Random(2) });
		const strange = new StoreStage(elsewhere);
		strange.keepers.pool = "ff".repeat(16);
		const onStrange = (local: MemoryFolder) =>
			testWorld(strange.folder(local, { clock, store: new Objects(elsewhere, { clock }) }));
		await (await Pool.create(onStrange(new MemoryFolder()))).close();
		await t.rejects(Pool.open(onStrange(mine)), /in .* is another pool, with up to [1-9][0-9]* bytes/);
		// What was not promised was not acknowledged, and is nobody's.
		there.keepers.isGivenUp = false;
		const back = await Pool.open(on(mine));
		t.ok(back.find("more"));
		await back.close();
	},
);

/** A disk that has no space for new things, for a while. */
class FullDisk extends DeviceLayer {
	constructor(
		device: BlockDevice,
		readonly isFull: () => boolean,
	) {
		super(device);
	}

	protected handle(request: BlockRequest): void {
		if (request.op === BlockOp.write && this.isFull()) request.complete(StorageStatus.noSpace);
		else this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

t.test("a disk of this host that is full holds up writes, and they go on when it is not", async (t) => {
	const clock = new VirtualClock();
	const backend = new MemoryObjects({ clock, random: new Random(1) });
	const there = new StoreStage(backend);
	let isFull = false;
	const local = new MemoryFolder((device) => new FullDisk(device, () => isFull));
	const world = testWorld(there.folder(local, { clock, store: new Objects(backend, { clock }) }));
	let laterUs = 0;
	const pool = await Pool.create({ ...world, elapsed: () => world.elapsed() + laterUs });
	await pool.administration.create("web", 64 * 2 ** 20, 4096);
	const stage = await Stage.of(pool);
	t.equal(await stage.write(0, 1), StorageStatus.ok);
	isFull = true;
	const waiting = stage.write(1, 2);
	t.equal(await Promise.race([waiting, pass(clock, 5).then(() => "waits")]), "waits");
	isFull = false;
	laterUs += 60_000_000;
	pool.age();
	t.equal(await waiting, StorageStatus.ok);
	t.same(await stage.readAll(0, 1), [1, 2]);
	await stage.close();
});

/** Tells what is done to a disk. */
class Watched extends DeviceLayer {
	constructor(
		device: BlockDevice,
		readonly name: string,
		readonly events: string[],
	) {
		super(device);
	}

	protected handle(request: BlockRequest): void {
		if (request.op !== BlockOp.read) this.events.push(`${operationName(request.op)} ${this.name}`);
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

t.test(
	"what was fetched is stable before it is said that what is here counts, and that is before it is written to",
	async (t) => {
		const clock = new VirtualClock();
		const backend = new MemoryObjects({ clock, random: new Random(1) });
		const there = new StoreStage(backend);
		const on = (local: MemoryFolder) =>
			testWorld(there.folder(local, { clock, store: new Objects(backend, { clock }) }));
		const pool = await Pool.create(on(new MemoryFolder()));
		await pool.administration.create("web", 2 ** 20, 4096);
		await pool.close();
		const events: string[] = [];
		const { sync } = LocalFile.prototype;
		t.teardown(
			planted(LocalFile.prototype, "sync", async function (this: LocalFile) {
				await sync.call(this);
				events.push("stable");
			}),
		);
		const other = await Pool.open(on(new MemoryFolder((device, name) => new Watched(device, name, events))));
		await other.administration.create("more", 2 ** 20, 4096);
		const stable = events.indexOf("stable");
		t.ok(events.slice(0, stable).includes("write log.000000"), "something was fetched, and is stable then");
		const said = events.indexOf("write image", stable);
		t.ok(stable > 0 && said > stable, "then it is said that something may be newer here");
		t.ok(events.slice(said).includes("write log.000000"), "and then it is written to");
		await other.close();
	},
);
