import { constants } from "node:os";
import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import { systemClock } from "../../lib/clock.js";
import { StorageStatus } from "../../lib/errors.js";
import { Random } from "../../lib/random.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { CrashDevice } from "../../lib/testing/crash-device.js";
import { DelayLayer } from "../../lib/testing/delay-layer.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { fill, MIB, Noted, run, SECTOR } from "../block/devices.js";

await blockConformance(t, "faulty without faults", () => new FaultyLayer(new MemoryDevice(2 * MIB)), {
	ordered: true,
	makeReadOnly: () => new FaultyLayer(new MemoryDevice(2 * MIB, { readOnly: true })),
});
await blockConformance(t, "crash", () => new CrashDevice(2 * MIB), { ordered: true });
{
	const clock = new VirtualClock();
	const options = { clock, minMs: 1, maxMs: 20 };
	await blockConformance(t, "delay", () => new DelayLayer(new MemoryDevice(2 * MIB), options), {
		makeReadOnly: () => new DelayLayer(new MemoryDevice(2 * MIB, { readOnly: true }), options),
		wait: (promise) => clock.until(promise),
	});
}

t.test("delay: the order is another one, and the same for the same seed", async (t) => {
	const order = (seed: number): string[] => {
		const clock = new VirtualClock();
		const device = new DelayLayer(new MemoryDevice(MIB), { clock, minMs: 5, maxMs: 50, seed });
		const over: string[] = [];
		for (let i = 0; i < 50; i++)
			device.submit(fill(new Noted(String(i), over), BlockOp.write, i * SECTOR, SECTOR).begin());
		t.equal(over.length, 0, "nothing at once");
		while (clock.step());
		t.ok(clock.now() >= 5 && clock.now() < 50, "all within the time given");
		return over;
	};
	const first = order(1);
	t.same([...first].sort(), Array.from({ length: 50 }, (_, i) => String(i)).sort(), "all complete");
	t.not(first.join(), Array.from({ length: 50 }, (_, i) => i).join(), "in disorder");
	t.same(order(1), first);
	t.not(order(2).join(), first.join());
});

t.test("delay: works with the system's clock", async (t) => {
	const device = new DelayLayer(new MemoryDevice(MIB), { clock: systemClock, minMs: 0, maxMs: 3 });
	await Promise.all(
		Array.from({ length: 8 }, (_, i) => run(device, BlockOp.write, i * SECTOR, SECTOR, i + 1)),
	);
	for (let i = 0; i < 8; i++)
		t.equal((await run(device, BlockOp.read, i * SECTOR, SECTOR)).memory.bytes[0], i + 1);
	await device.close();
});

t.test("faulty: sectors are bad for as long and as often as was said", async (t) => {
	const device = new FaultyLayer(new MemoryDevice(MIB));
	await run(device, BlockOp.write, 0, 8 * SECTOR, 3);
	device.add({ op: BlockOp.read, startBytes: 2 * SECTOR, endBytes: 4 * SECTOR });
	const bad = await run(device, BlockOp.read, 0, 8 * SECTOR);
	t.equal(bad.status, StorageStatus.mediumError);
	t.equal(bad.errno, constants.errno.EIO);
	t.equal(bad.failedOffsetBytes, 2 * SECTOR, "the first bad byte");
	t.equal((await run(device, BlockOp.read, 3 * SECTOR, SECTOR)).failedOffsetBytes, 3 * SECTOR);
	t.equal((await run(device, BlockOp.read, 0, 2 * SECTOR)).status, StorageStatus.ok, "before them");
	t.equal((await run(device, BlockOp.read, 4 * SECTOR, SECTOR)).status, StorageStatus.ok, "behind them");
	t.equal((await run(device, BlockOp.write, 2 * SECTOR, SECTOR, 4)).status, StorageStatus.ok, "writes go on");

	device.heal();
	t.equal((await run(device, BlockOp.read, 2 * SECTOR, SECTOR)).memory.bytes[0], 4);

	device.add({ op: BlockOp.write, status: StorageStatus.noSpace, errno: constants.errno.ENOSPC, times: 2 });
	for (let i = 0; i < 2; i++) {
		const full = await run(device, BlockOp.write, 0, SECTOR, 5);
		t.equal(full.status, StorageStatus.noSpace);
		t.equal(full.errno, constants.errno.ENOSPC);
	}
	t.equal((await run(device, BlockOp.write, SECTOR, SECTOR, 5)).status, StorageStatus.ok, "no longer");
	t.equal((await run(device, BlockOp.read, 0, SECTOR)).memory.bytes[0], 3, "what failed was not written");
});

t.test("faulty: by chance, and the same for the same seed", async (t) => {
	const failures = async (seed: number): Promise<string> => {
		const device = new FaultyLayer(new MemoryDevice(MIB), seed);
		device.add({ op: BlockOp.flush, chance: 0.3 });
		let marks = "";
		for (let i = 0; i < 100; i++)
			marks += (await run(device, BlockOp.flush)).status === StorageStatus.ok ? "." : "x";
		return marks;
	};
	const first = await failures(1);
	t.match(first, /x.*\.|\..*x/, "some fail and some do not");
	t.equal(await failures(1), first);
	t.not(await failures(2), first);
});

t.test("crash: what was flushed is there, of the rest any selection of sectors", async (t) => {
	const after = async (survival: number): Promise<number[]> => {
		const disk = new CrashDevice(MIB);
		for (const byte of [7, 1]) {
			await run(disk, BlockOp.write, 0, 64 * SECTOR, byte);
			await run(disk, BlockOp.flush);
		}
		await run(disk, BlockOp.write, 0, 32 * SECTOR, 2);
		await run(disk, BlockOp.trim, 48 * SECTOR, 16 * SECTOR);
		const found = disk.crash(new Random(1), survival);
		t.equal((await run(disk, BlockOp.read, 0, SECTOR)).status, StorageStatus.closed, "the old one is gone");
		const { bytes } = (await run(found, BlockOp.read, 0, 64 * SECTOR)).memory;
		return Array.from({ length: 64 }, (_, sector) => bytes[sector * SECTOR] ?? -1);
	};
	const repeat = (byte: number, count: number): number[] => new Array<number>(count).fill(byte);
	t.same(await after(0), repeat(1, 64));
	t.same(await after(1), [...repeat(2, 32), ...repeat(1, 16), ...repeat(0, 16)]);
	const some = await after(0.5);
	t.ok(some.slice(0, 32).includes(1) && some.slice(0, 32).includes(2), "of one write, a part");
	t.same(some.slice(32, 48), repeat(1, 16), "what was not touched is as it was");
});
