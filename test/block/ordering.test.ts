// Which requests wait for which, and what becomes of those that wait; and the conformance suite.

import { isDeepStrictEqual } from "node:util";
import t from "tap";
import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { InvariantError, StorageStatus } from "../../lib/errors.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { DelayLayer } from "../../lib/testing/delay-layer.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { fill, ManualDevice, MIB, Noted, run, SECTOR } from "./devices.js";

/** Memory that keeps no order: requests take effect up to 10 ms after they came. */
function disorderly(clock: VirtualClock, readOnly = false): BlockDevice {
	return new DelayLayer(new MemoryDevice(2 * MIB, { readOnly }), { clock, minMs: 0, maxMs: 10 });
}

/** Direct I/O on blocks of 4 KiB: a write of a part reads the whole block now and writes it back later. */
class ReadModifyWrite extends DeviceLayer {
	static readonly BLOCK = 4096;

	constructor(
		device: BlockDevice,
		readonly clock: VirtualClock,
	) {
		super(device);
	}

	protected handle(request: BlockRequest): void {
		if (request.op === BlockOp.write && request.lengthBytes > 0) {
			this.started();
			request.park();
			void this.#modify(request);
		} else this.device.submit(request);
	}

	async #modify(request: BlockRequest): Promise<void> {
		const { BLOCK } = ReadModifyWrite;
		const start = Math.floor(request.offsetBytes / BLOCK) * BLOCK;
		const end = Math.ceil((request.offsetBytes + request.lengthBytes) / BLOCK) * BLOCK;
		const blocks = await run(this.device, BlockOp.read, start, end - start);
		blocks.memory.bytes.set(
			request.memory.bytes.subarray(request.memoryOffset, request.memoryOffset + request.lengthBytes),
			request.offsetBytes - start,
		);
		const written = fill(new PromisedRequest(), BlockOp.write, start, end - start);
		written.request.memory = blocks.memory;
		this.clock.after(request.offsetBytes % 7, async () => {
			const { status } = await written.run(this.device);
			this.ended();
			request.complete(status);
		});
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

/** Puts a device through the suite and counts what the suite says against it. */
async function complaints(make: () => BlockDevice, clock: VirtualClock): Promise<number> {
	let count = 0;
	const note = (isFine: boolean): void => {
		if (!isFine) count++;
	};
	const reporter = {
		test: async (_: string, body: (t: typeof assertions) => Promise<void>) => body(assertions),
	};
	const assertions = {
		ok: (value: unknown) => note(Boolean(value)),
		equal: (found: unknown, wanted: unknown) => note(Object.is(found, wanted)),
		same: (found: unknown, wanted: unknown) => note(isDeepStrictEqual(found, wanted)),
	};
	await blockConformance(reporter, "planted", make, { ordered: true, seed: 1, wait: (p) => clock.until(p) });
	return count;
}

await blockConformance(t, "ordering over memory", () => new OrderingLayer(new MemoryDevice(2 * MIB)), {
	ordered: true,
	makeReadOnly: () => new OrderingLayer(new MemoryDevice(2 * MIB, { readOnly: true })),
});

for (const alignBytes of [512, 4096]) {
	const clock = new VirtualClock();
	const make = (readOnly = false): BlockDevice =>
		new OrderingLayer(disorderly(clock, readOnly), { alignBytes });
	await blockConformance(t, `ordering over disorder, blocks of ${alignBytes}`, make, {
		ordered: true,
		makeReadOnly: () => make(true),
		wait: (promise) => clock.until(promise),
	});
}

{
	const clock = new VirtualClock();
	const make = (): BlockDevice =>
		new OrderingLayer(new ReadModifyWrite(disorderly(clock), clock), { alignBytes: ReadModifyWrite.BLOCK });
	await blockConformance(t, "ordering over direct I/O", make, {
		ordered: true,
		wait: (promise) => clock.until(promise),
	});
}

t.test("the suite catches a device without order, and one whose blocks are larger than said", async (t) => {
	const clock = new VirtualClock();
	t.equal(await complaints(() => new OrderingLayer(disorderly(clock)), clock), 0, "the suite can be content");
	t.ok((await complaints(() => disorderly(clock), clock)) > 0, "no ordering layer");
	const small = (): BlockDevice =>
		new OrderingLayer(new ReadModifyWrite(disorderly(clock), clock), { alignBytes: SECTOR });
	t.ok((await complaints(small, clock)) > 0, "ranges not rounded to the blocks of the device");
});

t.test("reads side by side, flushes and everything apart pass; what overlaps waits", async (t) => {
	const device = new ManualDevice();
	const layer = new OrderingLayer(device);
	const over: string[] = [];
	const submit = (name: string, op: BlockOp, sector: number, count: number): void =>
		layer.submit(fill(new Noted(name, over), op, sector * SECTOR, count * SECTOR).begin());
	submit("read", BlockOp.read, 0, 8);
	submit("same read", BlockOp.read, 0, 8);
	submit("write beside", BlockOp.write, 8, 8);
	submit("write over the reads", BlockOp.write, 4, 2);
	submit("flush", BlockOp.flush, 0, 0);
	submit("trim over the waiting write", BlockOp.trim, 5, 1);
	submit("read of what is being written", BlockOp.read, 15, 2);
	t.same(device.below, ["read 0+4096", "read 0+4096", "write 4096+4096", "flush"]);
	t.equal(layer.waiting, 3);
	device.done(1);
	t.equal(layer.waiting, 3, "the first read is still under way");
	device.done(0);
	t.same(device.below, ["write 4096+4096", "flush", "write 2048+1024"]);
	device.done(0);
	t.same(device.below, ["flush", "write 2048+1024", "read 7680+1024"]);
	device.done(1);
	t.same(device.below, ["flush", "read 7680+1024", "trim 2560+512"]);
	device.allDone();
	t.same(over, [
		"same read",
		"read",
		"write beside",
		"write over the reads",
		"flush",
		"read of what is being written",
		"trim over the waiting write",
	]);
});

t.test("a failed request lets go what waited for it", async (t) => {
	const device = new ManualDevice();
	const layer = new OrderingLayer(device);
	const first = run(layer, BlockOp.write, 0, SECTOR);
	const second = run(layer, BlockOp.write, 0, SECTOR);
	device.done(0, StorageStatus.mediumError);
	device.done();
	t.equal((await first).status, StorageStatus.mediumError);
	t.equal((await second).status, StorageStatus.ok);
});

t.test("a write that is held back has parked its bytes when submit returns", async (t) => {
	const device = new ManualDevice();
	const layer = new OrderingLayer(device);
	const first = run(layer, BlockOp.write, 0, SECTOR);
	const promised = fill(new PromisedRequest(), BlockOp.write, 0, SECTOR, 7);
	const { request } = promised;
	const frame = request.memory.bytes;
	request.isLent = true;
	request.room = heapMemory(SECTOR + 3);
	request.roomOffset = 3;
	const second = promised.run(layer);
	frame.fill(0);
	device.done();
	t.ok(
		request.memory.bytes.subarray(request.memoryOffset).every((byte) => byte === 7),
		"the device sees what was sent",
	);
	device.done();
	await Promise.all([first, second]);
});

t.test("a chain of thousands that wait for each other ends in order and not in a deep stack", async (t) => {
	const COUNT = 5000;
	// Holds the first request; all others are complete at once.
	class FirstLater extends MemoryDevice {
		first: BlockRequest | null = null;
		override submit(request: BlockRequest): void {
			if (this.first === null) this.first = request;
			else super.submit(request);
		}
	}
	const device = new FirstLater(4 * MIB);
	const layer = new OrderingLayer(device);
	const over: string[] = [];
	// Each overlaps the one before it.
	for (let i = 0; i < COUNT; i++)
		layer.submit(fill(new Noted(String(i), over), BlockOp.trim, i * SECTOR, 2 * SECTOR).begin());
	t.equal(layer.waiting, COUNT - 1);
	device.first?.complete(StorageStatus.ok);
	t.same(
		over,
		Array.from({ length: COUNT }, (_, i) => String(i)),
	);
	t.equal(layer.waiting, 0);
});

t.test("two owners that write to one place again and again take turns", async (t) => {
	const device = new ManualDevice();
	const layer = new OrderingLayer(device);
	class Again extends Noted {
		override finished(): void {
			super.finished();
			layer.submit(this.begin());
		}
	}
	const requests = ["a", "b"].map((name) => fill(new Again(name, []), BlockOp.write, 0, SECTOR));
	for (const request of requests) layer.submit(request.begin());
	for (let i = 0; i < 1000; i++) device.done();
	t.same(
		requests.map((request) => request.completions),
		[500, 500],
	);
	t.equal(device.pending.length, 1, "only one of them is ever below");
});

t.test("close waits for what is held back", async (t) => {
	const device = new ManualDevice();
	const layer = new OrderingLayer(device);
	const over: string[] = [];
	for (const name of ["first", "second", "third"])
		layer.submit(fill(new Noted(name, over), BlockOp.write, 0, SECTOR).begin());
	const closed = layer.close();
	t.equal((await run(layer, BlockOp.read, 0, SECTOR)).status, StorageStatus.closed);
	t.notOk(device.closed);
	while (device.pending.length > 0) device.done();
	await closed;
	t.same(over, ["first", "second", "third"]);
	t.ok(device.closed);
});

t.test("blocks are powers of two", async (t) => {
	for (const alignBytes of [0, 100, 513, 3 * SECTOR])
		t.throws(() => new OrderingLayer(new ManualDevice(), { alignBytes }), InvariantError, String(alignBytes));
});
