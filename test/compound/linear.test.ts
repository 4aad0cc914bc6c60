// Devices one behind the other, against one flat device: every byte, with parts that fail, dawdle, hang, grow and shrink.

import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { pairsOf } from "../../lib/block/ranges.js";
import { BlockOp } from "../../lib/block/request.js";
import { LinearDevice, type LinearMember } from "../../lib/compound/linear.js";
import { OperatorError, StorageStatus } from "../../lib/errors.js";
import { Random } from "../../lib/random.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { DelayLayer } from "../../lib/testing/delay-layer.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { StrictLayer, strictly } from "../../lib/testing/strict-layer.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { memoryOf } from "../../lib/wire/memory.js";
import { ManualDevice, MIB, Noted, run, SECTOR } from "../block/devices.js";

/** Sizes whose borders lie where the suite writes, at no block's beginning. */
const SIZES = [130 * SECTOR, 3 * SECTOR, 33 * SECTOR, SECTOR, 2 * MIB];

function named(devices: readonly LinearMember["device"][]): LinearMember[] {
	return devices.map((device, index) => ({ name: `m${index}`, device }));
}

const memories = (options = {}): MemoryDevice[] => SIZES.map((size) => new MemoryDevice(size, options));
const strictLinear = (devices: readonly LinearMember["device"][]): LinearMember["device"] =>
	new StrictLayer(new OrderingLayer(strictly(new LinearDevice(named(devices.map(strictly))))), {
		isTop: true,
	});

await blockConformance(t, "linear", () => strictLinear(memories()), {
	ordered: true,
	makeReadOnly: () => strictLinear([new MemoryDevice(MIB), new MemoryDevice(MIB, { readOnly: true })]),
});
await blockConformance(
	t,
	"linear of linear",
	() =>
		strictLinear([new MemoryDevice(SECTOR), new LinearDevice(named(memories())), new MemoryDevice(SECTOR)]),
	{ ordered: true },
);
{
	const clock = new VirtualClock();
	await blockConformance(
		t,
		"linear of slow ones",
		() =>
			strictLinear(
				memories().map((device, seed) => new DelayLayer(device, { clock, minMs: 0, maxMs: 9, seed })),
			),
		{ ordered: true, wait: (promise) => clock.until(promise) },
	);
}

t.test("what crosses borders is one request, and fails where the first part does", async (t) => {
	const devices = [1, 2, 3].map(() => new FaultyLayer(new MemoryDevice(8 * SECTOR)));
	const linear = new LinearDevice(named(devices));
	t.equal(linear.info.sizeBytes, 24 * SECTOR);
	t.same(
		linear.places.map(({ offsetBytes, sizeBytes }) => [offsetBytes / SECTOR, sizeBytes / SECTOR]),
		[
			[0, 8],
			[8, 8],
			[16, 8],
		],
	);
	devices[2]?.add({ op: BlockOp.write, startBytes: 2 * SECTOR, endBytes: 3 * SECTOR, errno: 5 });
	devices[1]?.add({ op: BlockOp.write, startBytes: 6 * SECTOR, endBytes: 7 * SECTOR, errno: 6 });
	const across = await run(linear, BlockOp.write, 4 * SECTOR, 20 * SECTOR, 9);
	t.match(across, { status: StorageStatus.mediumError, errno: 6, failedOffsetBytes: 14 * SECTOR });
	t.match(across, { offsetBytes: 4 * SECTOR, lengthBytes: 20 * SECTOR });
	const inOne = await run(linear, BlockOp.write, 17 * SECTOR, 4 * SECTOR, 9);
	t.match(inOne, { status: StorageStatus.mediumError, errno: 5, failedOffsetBytes: 18 * SECTOR });
	t.equal(
		(await run(linear, BlockOp.write, 0, 14 * SECTOR, 3)).status,
		StorageStatus.ok,
		"others are served",
	);
});

t.test("a flush is for all; one that hangs holds up only what needs it", async (t) => {
	const devices = [0, 1, 2].map(() => new ManualDevice({ sizeBytes: 8 * SECTOR }));
	const [first, second, third] = devices as [ManualDevice, ManualDevice, ManualDevice];
	const linear = new LinearDevice(named(devices));
	t.equal(linear.info.writeCache, true);
	const flush = run(linear, BlockOp.flush);
	t.same(
		devices.map(({ below }) => below),
		[["flush"], ["flush"], ["flush"]],
		"at once",
	);
	first.done();
	third.done(0, StorageStatus.syncFailed);
	const aside = [run(linear, BlockOp.write, 0, SECTOR), run(linear, BlockOp.read, 20 * SECTOR, SECTOR)];
	first.done();
	third.done();
	t.same(
		(await Promise.all(aside)).map(({ status }) => status),
		[StorageStatus.ok, StorageStatus.ok],
		"the second one hangs",
	);
	second.done();
	t.equal((await flush).status, StorageStatus.syncFailed);
});

t.test("what is taken back is taken back where it is, once", async (t) => {
	class Waits extends ManualDevice {
		override cancel(request: Parameters<ManualDevice["cancel"]>[0]): void {
			const at = this.pending.indexOf(request);
			if (at < 0) return;
			this.pending.splice(at, 1);
			request.complete(StorageStatus.cancelled);
		}
	}
	const devices = [0, 1].map(() => new Waits({ sizeBytes: 8 * SECTOR }));
	const linear = new LinearDevice(named(devices));
	const waiting = new PromisedRequest();
	waiting.request.offsetBytes = SECTOR;
	waiting.request.lengthBytes = SECTOR;
	const over = waiting.run(linear);
	linear.cancel(waiting.request);
	t.match(await over, { status: StorageStatus.cancelled, offsetBytes: SECTOR });
	const again = waiting.run(linear);
	linear.cancel(new Noted("another", []).request);
	t.equal(waiting.request.inFlight, true);
	devices[0]?.done();
	t.equal((await again).status, StorageStatus.ok);
});

t.test("only the last one grows; none may be shorter than it was", async (t) => {
	const [first, last] = [new MemoryDevice(8 * SECTOR), new MemoryDevice(8 * SECTOR)];
	const grown: string[] = [];
	const onGrown = (name: string, used: number, size: number) => grown.push(`${name} ${used} ${size}`);
	const linear = new LinearDevice(named([first, last]), { onGrown });
	let told = 0;
	linear.listen({ changed: () => told++ });
	await run(linear, BlockOp.write, 8 * SECTOR, SECTOR, 5);
	first.grow(16 * SECTOR);
	t.match({ told, size: linear.info.sizeBytes }, { told: 0, size: 16 * SECTOR });
	t.same(grown, [`m0 ${8 * SECTOR} ${16 * SECTOR}`]);
	last.grow(32 * SECTOR);
	t.match({ told, size: linear.info.sizeBytes }, { told: 1, size: 40 * SECTOR });
	t.equal((await run(linear, BlockOp.write, 39 * SECTOR, SECTOR, 6)).status, StorageStatus.ok);
	const again = new LinearDevice(
		[
			{ name: "a", device: first, lengthBytes: 8 * SECTOR },
			{ name: "b", device: last, lengthBytes: 8 * SECTOR },
		],
		{ onGrown },
	);
	t.equal(again.info.sizeBytes, 40 * SECTOR, "where it was, though the first is larger");
	t.equal((await run(again, BlockOp.read, 8 * SECTOR, SECTOR)).memory.bytes[0], 5);
	t.throws(
		() => new LinearDevice([{ name: "a", device: first, lengthBytes: 17 * SECTOR }, ...named([last])]),
		new OperatorError("its disk a has 8192 bytes, and had 8704: what follows it would not be where it was"),
	);
});

t.test("extents end at a border, and go on behind it", async (t) => {
	const linear = new LinearDevice(named([new MemoryDevice(MIB), new MemoryDevice(MIB)]));
	await run(linear, BlockOp.write, MIB, SECTOR, 1);
	const first = await run(linear, BlockOp.extents, MIB / 2, MIB);
	t.match(first, { status: StorageStatus.ok, lengthBytes: MIB, offsetBytes: MIB / 2 });
	t.same([...pairsOf(first.extents!.subarray(0, 2 * first.extentCount))], [[MIB / 2, 1]]);
	const second = await run(linear, BlockOp.extents, MIB, MIB / 2);
	t.equal(second.extents?.[1], 0, "data");
});

t.test("blocks, abilities and pieces are what all have", (t) => {
	const large = new MemoryDevice(MIB + SECTOR, { physicalBlockBytes: 4096 });
	const behind = new LinearDevice(named([new MemoryDevice(MIB), large]));
	t.match(behind.info, { physicalBlockBytes: 4096, canTrim: true, writeCache: false, readOnly: false });
	const before = new LinearDevice(named([large, new ManualDevice({ canTrim: false, readOnly: true })]));
	t.match(before.info, { physicalBlockBytes: SECTOR, canTrim: false, writeCache: true, readOnly: true });
	t.equal(before.info.trimGranularityBytes, large.info.trimGranularityBytes);
	t.end();
});

t.test("requests of any kind, many at a time, do what they do to one flat device", async (t) => {
	const { seed } = new Random();
	for (let round = 0; round < 60; round++) {
		const random = new Random(seed + round);
		const clock = new VirtualClock();
		const sizes = Array.from({ length: 1 + random.below(6) }, () => (1 + random.below(40)) * SECTOR);
		const devices = sizes.map(
			(size, index) =>
				new DelayLayer(new MemoryDevice(size), { clock, minMs: 0, maxMs: 9, seed: seed + index }),
		);
		const linear = new OrderingLayer(new LinearDevice(named(devices)));
		const size = sizes.reduce((sum, each) => sum + each, 0);
		const flat = new OrderingLayer(new MemoryDevice(size));
		const waits: Promise<unknown>[] = [];
		const ops = [BlockOp.write, BlockOp.writeZeroes, BlockOp.trim, BlockOp.flush, BlockOp.read];
		for (let count = 0; count < 60; count++) {
			const op = ops[random.below(ops.length)] ?? BlockOp.read;
			const from = random.below(size / SECTOR);
			const length = 1 + random.below(size / SECTOR - from);
			const both = [linear, flat].map((device) => {
				const asked = new PromisedRequest();
				const { request } = asked;
				Object.assign(request, { op, offsetBytes: from * SECTOR, lengthBytes: length * SECTOR });
				request.memory = memoryOf(new Uint8Array(length * SECTOR).fill(count + 1), 0);
				if (op === BlockOp.trim && length > 3) request.ranges = listIn(from, length);
				return asked.run(device);
			});
			waits.push(
				Promise.all(both).then(([one, other]) => {
					const isSame =
						one?.status === other?.status && Buffer.compare(one!.memory.bytes, other!.memory.bytes) === 0;
					if (!isSame) t.fail(`seed ${seed + round}: request ${count} differs`);
				}),
			);
		}
		await clock.until(Promise.all(waits));
		const [one, other] = await clock.until(
			Promise.all([linear, flat].map((device) => run(device, BlockOp.read, 0, size))),
		);
		t.equal(Buffer.compare(one!.memory.bytes, other!.memory.bytes), 0, `seed ${seed + round}`);
	}
});

/** Every second sector, and the last one. */
function listIn(from: number, length: number): Float64Array {
	const sectors = [...Array(length).keys()].filter((at) => at % 3 === 0 || at === length - 1);
	const apart = sectors.filter((at, index) => at === length - 1 || sectors[index + 1] !== at + 1);
	return Float64Array.from(apart.flatMap((at) => [(from + at) * SECTOR, SECTOR]));
}
