import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import t from "tap";
import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { pairsOf } from "../../lib/block/ranges.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { InvariantError, StorageStatus } from "../../lib/errors.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { DelayLayer } from "../../lib/testing/delay-layer.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { describe, fill, ManualDevice, MIB, Noted, run, SECTOR } from "./devices.js";

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
		blocks.op = BlockOp.write;
		this.clock.after(request.offsetBytes % 7, async () => {
			await blocks.run(this.device);
			this.ended();
			request.complete(blocks.status);
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

interface Arrival {
	readonly op: BlockOp;
	readonly sector: number;
	readonly sectorCount: number;
	/** A trim is a list of so many ranges of `sectorCount`, one sector or more apart. */
	readonly ranges: number;
	readonly apart: number;
}

/** Requests with more ranges than this wait for more than they must, but never for what is not between their first and last. */
const EXACT_RANGES = 64;

function requestOf({ op, sector, sectorCount, ranges, apart }: Arrival): Noted {
	const request = fill(new Noted("", []), BlockOp.trim, sector * SECTOR, sectorCount * SECTOR);
	request.op = op;
	if (op !== BlockOp.trim || ranges === 1) return request;
	const stride = (sectorCount + apart) * SECTOR;
	const pairs = Array.from({ length: ranges }, (_, i) => [
		sector * SECTOR + i * stride,
		sectorCount * SECTOR,
	]);
	request.ranges = Float64Array.from(pairs.flat());
	request.lengthBytes = (ranges - 1) * stride + sectorCount * SECTOR;
	return request;
}

/** The rule itself: slow, and plain. Requests in order of arrival; says which of them must be below. */
class Oracle {
	readonly left: BlockRequest[] = [];

	constructor(
		readonly alignBytes: number,
		readonly device: ManualDevice,
	) {}

	#ranges({ ranges, offsetBytes, lengthBytes }: BlockRequest, whole: boolean): number[][] {
		const isWhole = ranges === null || (whole && ranges.length > 2 * EXACT_RANGES);
		const pairs = isWhole ? [[offsetBytes, lengthBytes] as const] : [...pairsOf(ranges)];
		return pairs.map(([offset, length]) => [
			Math.floor(offset / this.alignBytes),
			Math.ceil((offset + length) / this.alignBytes),
		]);
	}

	/** `whole`: long lists count as all that is between their first and their last range. */
	#conflict(a: BlockRequest, b: BlockRequest, whole: boolean): boolean {
		if (a.op === BlockOp.read && b.op === BlockOp.read) return false;
		const others = this.#ranges(b, whole);
		return this.#ranges(a, whole).some(([start = 0, end = 0]) =>
			others.some(([first = 0, last = 0]) => start < last && first < end),
		);
	}

	/** Completes one request below. What becomes free by that must come down in order of arrival. */
	complete(index: number): void {
		const request = this.device.pending[index];
		if (request === undefined) return;
		this.left.splice(this.left.indexOf(request), 1);
		const before = this.device.pending.length - 1;
		this.device.done(index);
		const released = this.device.pending.slice(before).map((other) => this.left.indexOf(other));
		if (released.some((place, i) => i > 0 && place < (released[i - 1] ?? 0)))
			throw new Error("released in disorder");
	}

	#free(whole: boolean): BlockRequest[] {
		return this.left.filter((request, i) =>
			this.left.slice(0, i).every((earlier) => !this.#conflict(earlier, request, whole)),
		);
	}

	check(): void {
		const may = this.#free(false);
		const must = this.left.some(({ ranges }) => (ranges?.length ?? 0) > 2 * EXACT_RANGES)
			? this.#free(true)
			: may;
		const { pending } = this.device;
		const isRight =
			pending.every((request) => may.includes(request)) && must.every((request) => pending.includes(request));
		if (!isRight) throw new Error(`below: ${this.device.below}; should be: ${may.map(describe)}`);
	}
}

/** Plays histories of arrivals, and of completions by chance, and holds the layer against the rule after each. */
function histories(
	arrival: fc.Arbitrary<Arrival>,
	completions: number,
	maxLength: number,
	few: number,
): void {
	const event = fc.oneof({ weight: 6, arbitrary: arrival }, { weight: completions, arbitrary: fc.nat() });
	fc.assert(
		fc.property(
			fc.array(event, { maxLength, size: "max" }),
			fc.constantFrom(512, 4096),
			(events, alignBytes) => {
				const device = new ManualDevice();
				const layer = new OrderingLayer(device, { alignBytes, few });
				const oracle = new Oracle(alignBytes, device);
				for (const event of events) {
					if (typeof event === "number") {
						oracle.complete(event % Math.max(1, device.pending.length));
					} else {
						const request = requestOf(event);
						oracle.left.push(request);
						layer.submit(request.begin());
					}
					oracle.check();
				}
				while (device.pending.length > 0) {
					oracle.complete(0);
					oracle.check();
				}
				if (oracle.left.length > 0 || layer.waiting > 0) throw new Error("requests were forgotten");
			},
		),
		{ numRuns: 50 },
	);
}

t.test("a request is below exactly when nothing earlier that conflicts with it is left", async (t) => {
	// Few places, so that ranges overlap; far ones that share an entry of the table of zones; wide ones; and lists.
	const arrival = fc.record<Arrival>({
		op: fc.constantFrom(BlockOp.read, BlockOp.write, BlockOp.trim),
		sector: fc.constantFrom(0, 1, 2, 3, 5, 127, 128, 129, 128 * 1024, 128 * 1024 + 1, 128 * 3072),
		sectorCount: fc.constantFrom(1, 2, 3, 16, 200, 4096, 300_000),
		ranges: fc.constantFrom(1, 1, 2, 3),
		apart: fc.constantFrom(1, 2, 9, 128 * 256),
	});
	for (const few of [32, 3, 0]) {
		histories(arrival, 3, 80, few);
		t.pass(`50 histories, ${few} compared one by one`);
	}
});

t.test("so it is with many under way, and with long lists, which may wait for their gaps too", async (t) => {
	const arrival = fc.record<Arrival>({
		op: fc.constantFrom(BlockOp.read, BlockOp.read, BlockOp.write, BlockOp.trim),
		sector: fc.nat({ max: 120 }),
		sectorCount: fc.constantFrom(1, 1, 2, 3, 16),
		ranges: fc.constantFrom(1, 1, 2, 5, 64, 65, 200),
		apart: fc.constantFrom(1, 2, 9),
	});
	for (const few of [32, 0]) {
		histories(arrival, 2, 90, few);
		t.pass(`50 histories, ${few} compared one by one`);
	}
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

t.test(
	"the counters clear what is far apart, reads of one place, and all that comes after a quiet moment",
	async (t) => {
		const device = new ManualDevice({ sizeBytes: 1024 * 1024 * MIB });
		const layer = new OrderingLayer(device);
		const submit = (op: BlockOp, offsetBytes: number, lengthBytes: number): void =>
			layer.submit(fill(new Noted("", []), op, offsetBytes, lengthBytes).begin());
		for (let round = 1; round <= 3; round++) {
			for (let i = 0; i < 100; i++) submit(BlockOp.read, 0, 8192);
			for (let i = 1; i < 100; i++) submit(BlockOp.write, i * 128 * 1024, 65536);
			t.equal(layer.scans, (round - 1) * 3, "none had to be compared");
			submit(BlockOp.write, 8192, SECTOR);
			submit(BlockOp.trim, MIB * 1024, 100 * MIB);
			submit(BlockOp.write, MIB * 2048, SECTOR);
			t.equal(layer.scans, round * 3, "one in a busy zone, a wide one, one beside a wide one");
			device.allDone();
		}
		t.equal(layer.waiting, 0);
	},
);

t.test("a write over 65,536 reads waits for them: the counters don't wrap", async (t) => {
	const device = new ManualDevice();
	const layer = new OrderingLayer(device);
	const reads = Array.from({ length: 65_536 }, () => fill(new Noted("", []), BlockOp.read, 0, SECTOR));
	for (const read of reads) layer.submit(read.begin());
	layer.submit(fill(new Noted("", []), BlockOp.write, 0, SECTOR).begin());
	t.equal(layer.waiting, 1);
	for (const read of reads) read.complete(StorageStatus.ok);
	t.equal(layer.waiting, 0);
	t.equal(device.below.at(-1), "write 0+512");
});

/** What `count` requests cost to submit, and then to complete from the first or from the last on, in steps each. */
function price(count: number, lastFirst: boolean, make: (i: number) => BlockRequest): number {
	const device = new ManualDevice({ sizeBytes: 2 ** 44 });
	const layer = new OrderingLayer(device);
	for (let i = 0; i < count; i++) layer.submit(make(i).begin());
	while (device.pending.length > 0) device.done(lastFirst ? device.pending.length - 1 : 0);
	return layer.steps / count;
}

t.test("a request among thousands costs a few steps for each time that their number doubles", async (t) => {
	const MANY = 4096;
	/** Steps per request and per doubling; and some for requests that part what others have. */
	const EACH = 16;
	const request = (op: BlockOp, sector: number, sectors = 1): BlockRequest => {
		const made = fill(new Noted("", []), BlockOp.trim, sector * SECTOR, sectors * SECTOR);
		made.op = op;
		return made;
	};
	const scattered = (i: number): number => ((i * 7919) % MANY) * 2;
	const kinds: Record<string, (i: number) => BlockRequest> = {
		"trims apart from each other": (i) => request(BlockOp.trim, scattered(i)),
		"writes to one place": () => request(BlockOp.write, 0),
		"reads of one place, then writes to it": (i) => request(i < MANY / 2 ? BlockOp.read : BlockOp.write, 0),
		"reads and writes in turn": (i) => request(i % 2 ? BlockOp.read : BlockOp.write, i % 64, 17),
		"wide trims over each other": (i) => request(BlockOp.trim, i, 1_000_000),
		"wide trims within each other": (i) => request(BlockOp.trim, i, 2 * MANY - 2 * i),
		"wide reads over each other, then a write": (i) =>
			i < MANY - 1 ? request(BlockOp.read, i, MANY + i) : request(BlockOp.write, 0, 2 * MANY),
		"scattered trims, then wide ones": (i) =>
			i < MANY / 2 ? request(BlockOp.trim, scattered(i)) : request(BlockOp.trim, 0, 1_000_000),
		"a wide trim, then writes within it": (i) =>
			i === 0 ? request(BlockOp.trim, 0, 1_000_000) : request(BlockOp.write, scattered(i)),
	};
	for (const [name, make] of Object.entries(kinds))
		for (const lastFirst of [false, true]) {
			const steps = price(MANY, lastFirst, make);
			t.ok(steps < EACH * Math.log2(MANY), `${name}: ${steps.toFixed(1)} steps each`);
		}
});

t.test("a list of a thousand ranges costs as much as 64 requests, among hundreds of its kind", async (t) => {
	const LISTS = 128;
	const RANGES = 1088;
	const list = (i: number): BlockRequest =>
		requestOf({ op: BlockOp.trim, sector: i * 2, sectorCount: 1, ranges: RANGES, apart: 2 * LISTS - 1 });
	for (const lastFirst of [false, true]) {
		const steps = price(LISTS, lastFirst, list);
		t.ok(steps < 64 * 12 * Math.log2(64 * LISTS), `${Math.round(steps)} steps each`);
	}
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
	const request = fill(new PromisedRequest(), BlockOp.write, 0, SECTOR, 7);
	const frame = request.memory.bytes;
	request.parkMemory = heapMemory(SECTOR + 3);
	request.parkOffset = 3;
	const second = request.run(layer);
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
		protected override finished(): void {
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
