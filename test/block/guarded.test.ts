// Writes that what is there decides about: whatever else is under way, nothing comes between the look and the write.

import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { GroupCommit } from "../../lib/block/group-commit.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { BlockOp, type BlockRequest, type WriteGuard } from "../../lib/block/request.js";
import { layersOn } from "../../lib/block/stack.js";
import { StorageStatus } from "../../lib/errors.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";
import { DelayLayer } from "../../lib/testing/delay-layer.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { fill, ManualDevice, MIB, run, SECTOR } from "./devices.js";

function guarded(guard: WriteGuard, offset = 0, length = SECTOR): PromisedRequest {
	const promised = fill(new PromisedRequest(), BlockOp.write, offset, length);
	promised.request.guard = guard;
	return promised;
}

/** Adds one to the number that is there. */
class Increment implements WriteGuard {
	readonly memory = heapMemory(3 * SECTOR);
	readonly memoryOffset = SECTOR;

	allows({ memory, memoryOffset }: BlockRequest): boolean {
		memory.view.setUint32(memoryOffset, this.memory.view.getUint32(SECTOR) + 1);
		return true;
	}
}

for (let seed = 1; seed <= 20; seed++)
	t.test(`a hundred that add one come to a hundred, seed ${seed}`, async (t) => {
		const clock = new VirtualClock();
		const random = new Random(seed);
		const disorderly = new DelayLayer(new MemoryDevice(MIB), { clock, minMs: 0, maxMs: 10, seed });
		const device = layersOn(
			disorderly,
			"test",
			{ offsetSectors: 8, lengthSectors: undefined, durability: "flush" },
			new GroupCommit(new Pump()),
		);
		const all: Promise<BlockRequest>[] = [];
		for (let count = 0; count < 100; count++) {
			all.push(guarded(new Increment()).run(device));
			if (random.chance(0.3)) all.push(run(device, BlockOp.read, 0, 2 * SECTOR));
			if (random.chance(0.3)) all.push(run(device, BlockOp.write, SECTOR, SECTOR));
		}
		for (const { status } of await clock.until(Promise.all(all))) t.equal(status, StorageStatus.ok);
		const { memory } = await clock.until(run(device, BlockOp.read, 0, SECTOR));
		t.equal(memory.view.getUint32(0), 100);
	});

t.test("one that is against it leaves all as it is, and what waits goes on", async (t) => {
	const below = new ManualDevice();
	const device = new OrderingLayer(below);
	let isOver = false;
	const never: WriteGuard = { memory: heapMemory(SECTOR), memoryOffset: 0, allows: () => false };
	const write = guarded(never)
		.run(device)
		.then(({ status }) => {
			isOver = true;
			return status;
		});
	const read = run(device, BlockOp.read, 0, SECTOR);
	t.same(below.below, ["read 0+512"], "the look");
	t.notOk(isOver);
	below.done();
	t.equal(await write, StorageStatus.ok);
	t.same(below.below, ["read 0+512"], "the read");
	below.done();
	await read;
	t.same(below.log, ["read 0+512", "read 0+512"]);
});

t.test("a look that fails is a write that fails, where the look did", async (t) => {
	const faulty = new FaultyLayer(new MemoryDevice(MIB));
	faulty.add({ op: BlockOp.read, startBytes: 3 * SECTOR, endBytes: 4 * SECTOR });
	const guard: WriteGuard = {
		memory: heapMemory(8 * SECTOR),
		memoryOffset: 0,
		allows: () => t.fail("it is asked"),
	};
	const { status, failedOffsetBytes } = await guarded(guard, 0, 8 * SECTOR).run(new OrderingLayer(faulty));
	t.same([status, failedOffsetBytes], [StorageStatus.mediumError, 3 * SECTOR]);
});

t.test("a device that nobody orders the requests of refuses", async (t) => {
	const guard: WriteGuard = {
		memory: heapMemory(SECTOR),
		memoryOffset: 0,
		allows: () => t.fail("it is asked"),
	};
	t.equal((await guarded(guard).run(new MemoryDevice(MIB))).status, StorageStatus.unsupported);
});
