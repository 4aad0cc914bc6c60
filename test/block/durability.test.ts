import t from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { DurabilityLayer, type DurabilityMode, GroupCommit } from "../../lib/block/durability.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { BlockOp, BlockRequest } from "../../lib/block/request.js";
import { StorageStatus, storageStatusName } from "../../lib/errors.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { CrashDevice } from "../../lib/testing/crash-device.js";
import { DelayLayer } from "../../lib/testing/delay-layer.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { fill, ManualDevice, MIB, Noted, run, SECTOR } from "./devices.js";

const MODES = ["ack", "flush", "none"] as const;

for (const mode of MODES) {
	const pump = new Pump();
	const commits = new GroupCommit(pump);
	const over = (device: BlockDevice): BlockDevice => new DurabilityLayer(device, commits, { mode });
	await blockConformance(t, `durability ${mode} over memory`, () => over(new MemoryDevice(2 * MIB)), {
		ordered: true,
		pump,
		makeReadOnly: () => over(new MemoryDevice(2 * MIB, { readOnly: true })),
	});
	await blockConformance(t, `durability ${mode} over a write cache`, () => over(new CrashDevice(2 * MIB)), {
		ordered: true,
		pump,
	});
	const clock = new VirtualClock();
	const slow = (): BlockDevice =>
		over(new OrderingLayer(new DelayLayer(new CrashDevice(2 * MIB), { clock, minMs: 1, maxMs: 20 })));
	await blockConformance(t, `durability ${mode} over a slow disk without order`, slow, {
		ordered: true,
		pump,
		wait: (promise) => clock.until(promise),
	});
}

/** A layer over a device that the test completes by hand. */
class Bench {
	readonly pump = new Pump();
	readonly device: ManualDevice;
	readonly layer: DurabilityLayer;
	readonly over: string[] = [];
	readonly requests: Noted[] = [];
	readonly failures: number[] = [];

	constructor(mode: DurabilityMode, writeCache = true) {
		this.device = new ManualDevice({ writeCache });
		this.layer = new DurabilityLayer(this.device, new GroupCommit(this.pump), {
			mode,
			onSyncFailed: (errno) => this.failures.push(errno),
		});
	}

	submit(name: string, op: BlockOp, fua = false): Noted {
		const request = fill(new Noted(name, this.over), op, this.requests.length * SECTOR, SECTOR);
		request.fua = fua;
		this.requests.push(request);
		this.layer.submit(request.begin());
		return request;
	}

	/** What the device got so far, in short. */
	get ops(): string {
		return this.device.log.map((entry) => entry.split(" ")[0]).join(" ");
	}

	/** Completes the oldest thing below and lets the pump run. */
	done(status: StorageStatus = StorageStatus.ok): void {
		this.device.done(0, status);
		this.pump.run();
	}
}

t.test("ack: a burst is answered after one flush that starts when all of it is written", async (t) => {
	const bench = new Bench("ack");
	for (const name of ["a", "b", "c", "d"]) bench.submit(name, BlockOp.write);
	bench.submit("e", BlockOp.trim);
	bench.pump.run();
	for (let i = 0; i < 4; i++) {
		bench.done();
		t.equal(bench.ops, "write write write write trim", "no flush while others of the burst are under way");
	}
	bench.done();
	t.equal(bench.ops, "write write write write trim flush");
	t.same(bench.over, [], "nothing is answered before the flush is over");
	bench.done();
	t.same(bench.over, ["a", "b", "c", "d", "e"]);
	bench.pump.run();
	t.equal(bench.device.pending.length, 0, "and no other flush");
	t.ok(bench.requests.every((request) => request.status === StorageStatus.ok && request.completions === 1));
});

t.test("ack: a burst on a device that completes at once costs one flush", async (t) => {
	const pump = new Pump();
	let flushes = 0;
	class Counting extends CrashDevice {
		override submit(request: BlockRequest): void {
			if (request.op === BlockOp.flush) flushes++;
			super.submit(request);
		}
	}
	const layer = new DurabilityLayer(new Counting(MIB), new GroupCommit(pump), { mode: "ack" });
	const over: string[] = [];
	for (let i = 0; i < 100; i++)
		layer.submit(fill(new Noted(String(i), over), BlockOp.write, i * SECTOR, SECTOR).begin());
	t.equal(flushes, 0, "not before the batch is over");
	t.equal(over.length, 0);
	pump.run();
	t.equal(flushes, 1);
	t.equal(over.length, 100);
	await run(layer, BlockOp.write, 0, SECTOR);
	t.equal(flushes, 2, "without anyone running the pump, it runs by itself");
});

t.test(
	"ack: later writes are not waited for, and what completes during a flush waits for the next",
	async (t) => {
		const bench = new Bench("ack");
		bench.submit("a", BlockOp.write);
		bench.submit("b", BlockOp.write);
		bench.done();
		bench.submit("late, slow", BlockOp.write);
		bench.submit("late, quick", BlockOp.write);
		bench.device.done(2);
		bench.done();
		t.same(bench.device.below.length, 2, "the slow one, and the flush");
		t.equal(bench.ops, "write write write write flush");
		bench.submit("during the flush", BlockOp.write);
		bench.device.done(2);
		bench.pump.run();
		t.equal(bench.ops, "write write write write flush write", "one flush at a time");
		bench.device.done(1);
		bench.pump.run();
		t.same(bench.over, ["a", "late, quick", "b"], "those that were complete when it started");
		t.equal(bench.ops, "write write write write flush write", "the next one waits for the slow write");
		bench.done();
		t.equal(bench.ops, "write write write write flush write flush");
		bench.done();
		t.same(bench.over, ["a", "late, quick", "b", "during the flush", "late, slow"]);
	},
);

t.test("ack: a stream of writes that never pauses is answered", async (t) => {
	const bench = new Bench("ack");
	let most = 0;
	for (let i = 0; i < 1000; i++) {
		bench.submit(String(i), BlockOp.write);
		// Eight are always under way.
		while (bench.device.pending.length > 8) bench.done();
		most = Math.max(most, i - bench.over.length);
	}
	t.ok(most < 100, `at most ${most} wait for their answer`);
});

t.test("ack: reads and failed writes do not wait; a flush is a real one", async (t) => {
	const bench = new Bench("ack");
	bench.submit("read", BlockOp.read);
	bench.submit("write", BlockOp.write);
	bench.submit("flush", BlockOp.flush);
	bench.done();
	t.same(bench.over, ["read"]);
	bench.done(StorageStatus.mediumError);
	t.same(bench.over, ["read", "write"]);
	t.equal(bench.requests[1]?.status, StorageStatus.mediumError);
	t.equal(bench.ops, "read write flush");
	bench.done();
	t.same(bench.over, ["read", "write", "flush"]);
});

t.test(
	"ack and flush: a failed sync fails what depended on it and all that comes later, for ever",
	async (t) => {
		for (const mode of ["ack", "flush"] as const) {
			const bench = new Bench(mode);
			bench.submit("covered", BlockOp.write, true);
			bench.done();
			bench.submit("complete during the flush", BlockOp.write, true);
			bench.submit("under way", BlockOp.write);
			bench.device.done(1);
			bench.device.done(0, StorageStatus.mediumError);
			bench.pump.run();
			t.same(bench.over, ["covered", "complete during the flush"]);
			t.same(bench.failures, [5], "said once");
			bench.done();
			for (const [name, op] of [
				["write", BlockOp.write],
				["trim", BlockOp.trim],
				["flush", BlockOp.flush],
			] as const)
				bench.submit(name, op);
			bench.pump.run();
			t.same(bench.over, ["covered", "complete during the flush", "under way", "write", "trim", "flush"]);
			for (const request of bench.requests) {
				t.equal(storageStatusName(request.status), "syncFailed", `${mode}: ${request.name}`);
				t.equal(request.errno, 5);
				t.equal(request.failedOffsetBytes, request.offsetBytes);
			}
			t.equal(bench.device.pending.length, 0, "the device is left alone");
			const read = bench.submit("read", BlockOp.read);
			bench.done();
			t.equal(read.status, StorageStatus.ok, "reads go on");
			t.same(bench.failures, [5]);
		}
	},
);

t.test("flush: writes are answered at once, forced unit access and flushes after a sync", async (t) => {
	const bench = new Bench("flush");
	bench.submit("write", BlockOp.write);
	const forced = bench.submit("forced", BlockOp.write, true);
	t.equal(forced.fua, false, "the device need not do what the layer does");
	bench.done();
	t.same(bench.over, ["write"]);
	bench.done();
	t.equal(bench.ops, "write write flush");
	bench.submit("flush", BlockOp.flush);
	bench.done();
	t.same(bench.over, ["write", "forced"]);
	t.equal(forced.fua, true, "the request is as its owner made it");
	t.equal(bench.ops, "write write flush flush", "a flush is not satisfied with one that started before it");
	bench.done();
	t.same(bench.over, ["write", "forced", "flush"]);
});

t.test("a device may sync writes itself, where they would be synced anyway", async (t) => {
	for (const [mode, fua, may] of [
		["ack", false, true],
		["flush", true, true],
		["flush", false, false],
		["none", true, false],
	] as const) {
		const bench = new Bench(mode);
		const write = bench.submit("write", BlockOp.write, fua);
		t.equal(write.maySync, may, `${mode}, forced unit access ${fua}`);
		write.synced = may;
		bench.done();
		bench.pump.run();
		t.same(bench.over, ["write"]);
		t.equal(bench.ops, "write", "no flush follows");
		if (!may) continue;
		bench.submit("left to the layer", BlockOp.write, fua);
		bench.done();
		bench.done();
		t.equal(bench.ops, "write write flush", "what it has not synced is flushed");
		const failed = bench.submit("failed", BlockOp.write, fua);
		bench.device.done(0, StorageStatus.syncFailed);
		t.equal(storageStatusName(failed.status), "syncFailed");
		const later = bench.submit("later", BlockOp.write);
		t.equal(
			storageStatusName(later.status),
			"syncFailed",
			"a sync that failed is final, whoever asked for it",
		);
		t.same(bench.failures, [5]);
	}
});

t.test("none: nothing is ever synced", async (t) => {
	const bench = new Bench("none");
	bench.submit("forced", BlockOp.write, true);
	bench.submit("flush", BlockOp.flush);
	t.same(bench.over, ["flush"]);
	bench.done();
	t.same(bench.over, ["flush", "forced"]);
	t.equal(bench.ops, "write");
});

t.test("over a device with nothing volatile no write waits", async (t) => {
	for (const mode of MODES) {
		const bench = new Bench(mode, false);
		bench.submit("write", BlockOp.write, true);
		bench.done();
		t.same(bench.over, ["write"], mode);
		t.equal(bench.ops, "write");
		t.equal(bench.layer.info.writeCache, false);
		t.equal(bench.layer.setWriteCache(true), false);
		t.equal(bench.layer.setWriteCache(false), true);
	}
});

t.test("the write cache is what info says, and can be switched where that is promised", async (t) => {
	const cache = (mode: DurabilityMode): unknown[] => {
		const { layer } = new Bench(mode);
		return [
			layer.info.writeCache,
			layer.setWriteCache(true),
			layer.setWriteCache(false),
			layer.info.writeCache,
			layer.setWriteCache(true),
			layer.info.writeCache,
		];
	};
	t.same(cache("ack"), [false, false, true, false, false, false], "ack never has one");
	t.same(cache("flush"), [true, true, true, false, true, true], "flush obeys");
	t.same(cache("none"), [true, true, false, true, true, true], "none always has one");

	const bench = new Bench("flush");
	bench.submit("before", BlockOp.write);
	bench.layer.setWriteCache(false);
	bench.done();
	t.same(bench.over, [], "a write that was under way then is held to the new rule");
	t.equal(bench.ops, "write flush");
	bench.done();
	t.same(bench.over, ["before"]);
	bench.layer.setWriteCache(true);
	bench.submit("after", BlockOp.write);
	bench.done();
	t.same(bench.over, ["before", "after"]);
});

t.test("info follows the device below", async (t) => {
	const bench = new Bench("ack");
	const told: number[] = [];
	bench.layer.onChange((device) => told.push(device.info.sizeBytes));
	bench.device.info = { ...bench.device.info, sizeBytes: 2048 * MIB };
	bench.device.listener?.(bench.device);
	t.same(told, [2048 * MIB]);
	t.equal(bench.layer.info.writeCache, false);
});

t.test("close waits for the last flush", async (t) => {
	const bench = new Bench("ack");
	bench.submit("write", BlockOp.write);
	const closed = bench.layer.close();
	t.equal(bench.submit("too late", BlockOp.flush).status, StorageStatus.closed);
	bench.done();
	t.notOk(bench.device.closed);
	bench.done();
	await closed;
	t.ok(bench.device.closed);
	t.same(bench.over, ["too late", "write"]);
});

t.test("a disk whose flush failed has lost what it was for, although reads still see it", async (t) => {
	const disk = new CrashDevice(MIB);
	const newest = async (device: CrashDevice, sector: number): Promise<number | undefined> =>
		(await run(device, BlockOp.read, sector * SECTOR, SECTOR)).memory.bytes[0];
	await run(disk, BlockOp.write, 0, SECTOR, 1);
	disk.flushFailures = 1;
	const failed = await run(disk, BlockOp.flush);
	t.same([storageStatusName(failed.status), failed.errno], ["mediumError", 5]);
	await run(disk, BlockOp.write, SECTOR, SECTOR, 2);
	t.equal((await run(disk, BlockOp.flush)).status, StorageStatus.ok, "the next one says that all is well");
	t.same([await newest(disk, 0), await newest(disk, 1)], [1, 2]);
	const after = disk.crash(new Random(1), 1);
	t.same([await newest(after, 0), await newest(after, 1)], [0, 2]);
});

/** Writes a number into each of its sectors, and knows when. */
class Stamp extends BlockRequest {
	/** Called with the status. */
	onFinished: (status: StorageStatus) => void = () => {};

	constructor(
		readonly stamp: number,
		readonly sector: number,
		readonly sectorCount: number,
	) {
		super();
		this.op = BlockOp.write;
		this.offsetBytes = sector * SECTOR;
		this.lengthBytes = sectorCount * SECTOR;
		this.memory = heapMemory(this.lengthBytes);
		const view = new DataView(this.memory.bytes.buffer);
		for (let at = 0; at < this.lengthBytes; at += 4) view.setUint32(at, stamp);
	}

	protected finished(): void {
		this.onFinished(this.status);
	}
}

const SECTORS = 24;

/** A disk that loses its power: what an initiator was promised, by sector, against what is there afterwards. */
class PowerCut {
	readonly random: Random;
	readonly clock = new VirtualClock();
	readonly pump = new Pump();
	readonly disk = new CrashDevice(MIB);
	/** By sector: the newest write that must survive. */
	readonly promised = new Array<number>(SECTORS).fill(0);
	/** By sector: the newest write that is complete. */
	readonly complete = new Array<number>(SECTORS).fill(0);
	answered = 0;

	constructor(
		seed: number,
		readonly mode: "ack" | "flush",
		readonly makeTop: (device: BlockDevice, commits: GroupCommit) => BlockDevice,
	) {
		this.random = new Random(seed);
	}

	#raise(sectors: number[], sector: number, stamp: number): void {
		sectors[sector] = Math.max(sectors[sector] ?? 0, stamp);
	}

	#write(top: BlockDevice, stamp: number): void {
		const count = 1 + this.random.below(4);
		const write = new Stamp(stamp, this.random.below(SECTORS - count + 1), count);
		write.fua = this.random.chance(0.1);
		write.onFinished = (status) => {
			if (status !== StorageStatus.ok) return;
			this.answered++;
			for (let i = 0; i < count; i++) {
				this.#raise(this.complete, write.sector + i, stamp);
				if (this.mode === "ack" || write.fua) this.#raise(this.promised, write.sector + i, stamp);
			}
		};
		top.submit(write.begin());
	}

	#flush(top: BlockDevice): void {
		const flush = new Stamp(0, 0, 0);
		flush.op = BlockOp.flush;
		const before = [...this.complete];
		flush.onFinished = (status) => {
			if (status !== StorageStatus.ok) return;
			for (const [sector, stamp] of before.entries()) this.#raise(this.promised, sector, stamp);
		};
		top.submit(flush.begin());
	}

	/** Works for a while, cuts the power, and counts the sectors that are older than was promised. */
	async lost(): Promise<number> {
		const { random } = this;
		const slow = new DelayLayer(this.disk, {
			clock: this.clock,
			minMs: 0,
			maxMs: 10,
			seed: random.below(1e9),
		});
		const top = this.makeTop(new OrderingLayer(slow), new GroupCommit(this.pump));
		const steps = 50 + random.below(200);
		for (let step = 1; step <= steps; step++) {
			if (random.chance(0.5)) this.#write(top, step);
			else if (this.mode === "flush" && random.chance(0.2)) this.#flush(top);
			else this.clock.step();
			if (random.chance(0.7)) this.pump.run();
		}
		const after = this.disk.crash(random, random.pick([0, 0.5, 1]));
		let lost = 0;
		for (let sector = 0; sector < SECTORS; sector++) {
			const { bytes } = (await run(after, BlockOp.read, sector * SECTOR, SECTOR)).memory;
			if (new DataView(bytes.buffer).getUint32(0) < (this.promised[sector] ?? 0)) lost++;
		}
		return lost;
	}
}

/** Over many power cuts: sectors lost, writes answered. */
async function cutPower(
	firstSeed: number,
	mode: "ack" | "flush",
	makeTop: (device: BlockDevice, commits: GroupCommit) => BlockDevice,
): Promise<{ lost: number; answered: number }> {
	let lost = 0;
	let answered = 0;
	for (let seed = firstSeed; seed < firstSeed + 150; seed++) {
		const cut = new PowerCut(seed, mode, makeTop);
		lost += await cut.lost();
		answered += cut.answered;
	}
	return { lost, answered };
}

/** The planted fault: the layer without its sync. */
class WithoutSync extends DurabilityLayer {
	protected override sync(flush: BlockRequest): void {
		flush.complete(StorageStatus.ok);
	}
}

/** Another one: the sync is there, but says that it is done while it is under way. */
class HastySync extends DeviceLayer {
	protected handle(request: BlockRequest): void {
		if (request.op !== BlockOp.flush) {
			this.device.submit(request);
			return;
		}
		void run(this.device, BlockOp.flush);
		request.complete(StorageStatus.ok);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

t.test("what was answered survives power cuts, and without a sync the test would notice", async (t) => {
	const { seed } = new Random();
	for (const mode of ["ack", "flush"] as const) {
		const sound = await cutPower(
			seed,
			mode,
			(device, commits) => new DurabilityLayer(device, commits, { mode }),
		);
		t.equal(sound.lost, 0, `${mode}: nothing is lost (seed ${seed})`);
		t.ok(sound.answered > 1000, `${mode}: ${sound.answered} writes were answered`);
		const without = await cutPower(
			seed,
			mode,
			(device, commits) => new WithoutSync(device, commits, { mode }),
		);
		t.ok(without.lost > 0, `${mode}: ${without.lost} sectors lost without a sync`);
		const hasty = await cutPower(
			seed,
			mode,
			(device, commits) => new DurabilityLayer(new HastySync(device), commits, { mode }),
		);
		t.ok(hasty.lost > 0, `${mode}: ${hasty.lost} sectors lost with a sync that is not waited for`);
	}
});

t.test("a disk whose syncs fail now and then is never trusted again after the first", async (t) => {
	const pump = new Pump();
	const faulty = new FaultyLayer(new CrashDevice(MIB));
	const layer = new DurabilityLayer(faulty, new GroupCommit(pump), { mode: "ack" });
	t.equal((await run(layer, BlockOp.write, 0, SECTOR)).status, StorageStatus.ok);
	faulty.add({ op: BlockOp.flush, times: 1 });
	t.equal((await run(layer, BlockOp.write, 0, SECTOR)).status, StorageStatus.syncFailed);
	faulty.heal();
	t.equal((await run(layer, BlockOp.write, 0, SECTOR)).status, StorageStatus.syncFailed);
	t.equal((await run(layer, BlockOp.flush)).status, StorageStatus.syncFailed);
	t.equal((await run(layer, BlockOp.read, 0, SECTOR)).status, StorageStatus.ok);
});
