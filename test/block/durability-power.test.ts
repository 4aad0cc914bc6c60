// What was answered as stable is there after a loss of power, under loads of chance; and without its syncs the test would notice.

import t from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { DurabilityLayer } from "../../lib/block/durability.js";
import { GroupCommit } from "../../lib/block/group-commit.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { BlockOp, BlockRequest, type RequestOwner } from "../../lib/block/request.js";
import { StorageStatus, storageStatusName } from "../../lib/errors.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";
import { CrashDevice } from "../../lib/testing/crash-device.js";
import { DelayLayer } from "../../lib/testing/delay-layer.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { MIB, run, SECTOR } from "./devices.js";

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
class Stamp implements RequestOwner {
	readonly request = new BlockRequest(this);
	/** Called with the status. */
	onFinished: (status: StorageStatus) => void = () => {};

	constructor(
		readonly stamp: number,
		readonly sector: number,
		readonly sectorCount: number,
	) {
		const { request } = this;
		request.op = BlockOp.write;
		request.offsetBytes = sector * SECTOR;
		request.lengthBytes = sectorCount * SECTOR;
		request.memory = heapMemory(request.lengthBytes);
		const view = new DataView(request.memory.bytes.buffer);
		for (let at = 0; at < request.lengthBytes; at += 4) view.setUint32(at, stamp);
	}

	finished({ status }: BlockRequest): void {
		this.onFinished(status);
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
		write.request.fua = this.random.chance(0.1);
		write.onFinished = (status) => {
			if (status !== StorageStatus.ok) return;
			this.answered++;
			for (let i = 0; i < count; i++) {
				this.#raise(this.complete, write.sector + i, stamp);
				if (this.mode === "ack" || write.request.fua) this.#raise(this.promised, write.sector + i, stamp);
			}
		};
		top.submit(write.request.begin());
	}

	#flush(top: BlockDevice): void {
		const flush = new Stamp(0, 0, 0);
		flush.request.op = BlockOp.flush;
		const before = [...this.complete];
		flush.onFinished = (status) => {
			if (status !== StorageStatus.ok) return;
			for (const [sector, stamp] of before.entries()) this.#raise(this.promised, sector, stamp);
		};
		top.submit(flush.request.begin());
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
