import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import { SliceLayer } from "../../lib/block/slice.js";
import { OperatorError, StorageStatus } from "../../lib/errors.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { ManualDevice, MIB, run, SECTOR } from "./devices.js";

await blockConformance(t, "slice to the end", () => new SliceLayer(new MemoryDevice(2 * MIB), 7 * SECTOR), {
	ordered: true,
	makeReadOnly: () => new SliceLayer(new MemoryDevice(2 * MIB, { readOnly: true }), 7 * SECTOR),
});
await blockConformance(t, "slice with a length", () => new SliceLayer(new MemoryDevice(4 * MIB), MIB, MIB), {
	ordered: true,
});

t.test("offsets move down and back up", async (t) => {
	const whole = new ManualDevice();
	const slice = new SliceLayer(whole, 8 * SECTOR, 8 * SECTOR);
	const good = run(slice, BlockOp.write, SECTOR, 2 * SECTOR);
	const bad = run(slice, BlockOp.read, 2 * SECTOR, 3 * SECTOR);
	const flush = run(slice, BlockOp.flush);
	t.same(whole.below, [`write ${9 * SECTOR}+${2 * SECTOR}`, `read ${10 * SECTOR}+${3 * SECTOR}`, "flush"]);
	whole.done();
	t.equal((await good).offsetBytes, SECTOR, "the request is as its owner made it");
	t.equal((await good).failedOffsetBytes, 0);
	whole.pending.shift()?.complete(StorageStatus.mediumError, 5, 11 * SECTOR);
	t.equal((await bad).status, StorageStatus.mediumError);
	t.equal((await bad).failedOffsetBytes, 3 * SECTOR, "where it failed, as seen from above");
	whole.done();
	t.equal((await flush).status, StorageStatus.ok);
});

t.test("nothing outside the slice is touched", async (t) => {
	const whole = new MemoryDevice(MIB);
	const slice = new SliceLayer(whole, SECTOR, SECTOR);
	await run(whole, BlockOp.write, 0, 3 * SECTOR, 1);
	for (const [op, offset] of [
		[BlockOp.write, SECTOR],
		[BlockOp.write, -SECTOR],
		[BlockOp.trim, SECTOR],
		[BlockOp.read, -SECTOR],
	] as const)
		t.equal((await run(slice, op, offset, SECTOR, 2)).status, StorageStatus.outOfRange);
	const { bytes } = (await run(whole, BlockOp.read, 0, 3 * SECTOR)).memory;
	t.ok(bytes.every((byte) => byte === 1));
});

t.test("a slice to the end grows with its device, one with a length does not", async (t) => {
	const whole = new MemoryDevice(MIB);
	const open = new SliceLayer(whole, SECTOR);
	let told = 0;
	open.listen({ changed: () => told++ });
	t.equal(open.info.sizeBytes, MIB - SECTOR);
	whole.grow(2 * MIB);
	t.equal(told, 1);
	t.equal(open.info.sizeBytes, 2 * MIB - SECTOR);
	t.equal((await run(open, BlockOp.write, 2 * MIB - 2 * SECTOR, SECTOR)).status, StorageStatus.ok);

	const fixed = new SliceLayer(whole, SECTOR, SECTOR);
	let toldFixed = 0;
	fixed.listen({ changed: () => toldFixed++ });
	whole.grow(3 * MIB);
	t.equal(told, 2, "each of several listeners is told");
	t.equal(toldFixed, 0, "nothing has changed for it");
	t.equal(fixed.info.sizeBytes, SECTOR);
});

t.test("a slice that does not begin at a physical block does not claim that its blocks do", async (t) => {
	const whole = new MemoryDevice(MIB, { physicalBlockBytes: 4096 });
	t.equal(new SliceLayer(whole, 8192).info.physicalBlockBytes, 4096);
	t.equal(new SliceLayer(whole, 2048).info.physicalBlockBytes, 2048);
	t.equal(new SliceLayer(whole, SECTOR).info.physicalBlockBytes, SECTOR);
});

t.test("a slice says where in it a piece begins that can be trimmed", async (t) => {
	const whole = new ManualDevice({ trimGranularityBytes: 4096, trimAlignmentBytes: SECTOR });
	const alignment = (offset: number): number => new SliceLayer(whole, offset).info.trimAlignmentBytes;
	t.strictSame([0, SECTOR, 2 * SECTOR, 4096].map(alignment), [SECTOR, 0, 7 * SECTOR, SECTOR]);
});

t.test(
	"a slice tells of stalls where they are in it, and what has befallen the storage as it is",
	async (t) => {
		const whole = new ManualDevice();
		const slice = new SliceLayer(whole, 8 * SECTOR);
		const told: unknown[] = [];
		const stop = slice.listen({
			stalled: (stall) => told.push(stall),
			resumed: (waitedMs, requestCount) => told.push([waitedMs, requestCount]),
			degraded: (degradation) => told.push(degradation),
		});
		whole.listeners.stalled({ op: BlockOp.write, offsetBytes: 10 * SECTOR, waitedMs: 5000 });
		whole.listeners.resumed(6000, 2);
		whole.listeners.degraded({ kind: "shrunk", storageBytes: MIB });
		stop();
		whole.listeners.resumed(1, 1);
		t.strictSame(told, [
			{ op: BlockOp.write, offsetBytes: 2 * SECTOR, waitedMs: 5000 },
			[6000, 2],
			{ kind: "shrunk", storageBytes: MIB },
		]);
	},
);

t.test("slices that can't be are named", async (t) => {
	const whole = new MemoryDevice(MIB);
	for (const [offset, length] of [
		[-SECTOR, undefined],
		[1, undefined],
		[MIB, undefined],
		[Number.NaN, undefined],
		[0, 0],
		[0, 100],
		[SECTOR, MIB],
		[0, Number.POSITIVE_INFINITY],
	] as const)
		t.throws(() => new SliceLayer(whole, offset, length), OperatorError, `${offset}, ${length}`);
	t.equal(new SliceLayer(whole, MIB - SECTOR).info.sizeBytes, SECTOR, "the last sector alone can be");
});
