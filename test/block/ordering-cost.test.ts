// What order costs, in steps: little where nothing overlaps, and a few for each doubling where everything does.

import t from "tap";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { fill, ManualDevice, MIB, Noted, SECTOR } from "./devices.js";
import { requestOf } from "./ordering-arrivals.js";

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
	const reads = Array.from(
		{ length: 65_536 },
		() => fill(new Noted("", []), BlockOp.read, 0, SECTOR).request,
	);
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
	const request = (op: BlockOp, sector: number, sectors = 1): BlockRequest =>
		requestOf({ op, sector, sectorCount: sectors, ranges: 1, apart: 0 });
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
