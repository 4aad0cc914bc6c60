import t from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { PARTS_PER_TURN, type Part, Parts, type Split, type Splitter } from "../../lib/block/parts.js";
import { BlockOp, BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { Random } from "../../lib/random.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { fill, ManualDevice, MIB, Noted, SECTOR } from "./devices.js";

/** Cuts requests into pieces of `pieceBytes`, each for the next one of `devices`, at the same place there but for `shiftBytes`. */
class Cutter implements Splitter<string> {
	readonly parts: Parts<string>;
	readonly seen = new Set<Part<string>>();
	readonly splits = new Set<Split<string>>();
	asked = 0;

	constructor(
		readonly devices: readonly BlockDevice[],
		atOnce: number,
		readonly pieceBytes = SECTOR,
		readonly shiftBytes = 0,
	) {
		this.parts = new Parts<string>(this, atOnce);
	}

	next(split: Split<string>, part: Part<string>): BlockDevice {
		this.asked++;
		this.seen.add(part);
		this.splits.add(split);
		const { lengthBytes } = split.whole;
		part.take(split.cursor, Math.min(this.pieceBytes, lengthBytes - split.cursor));
		part.request.offsetBytes += this.shiftBytes;
		const device = this.devices[(split.cursor / this.pieceBytes) % this.devices.length];
		split.cursor += part.request.lengthBytes;
		split.noMore = split.cursor === lengthBytes;
		if (device === undefined) throw new Error("no device");
		return device;
	}

	/** Begins a request of `sectors` from sector 8 on. */
	begin(op: BlockOp, sectors: number, byte = 0): Noted {
		const noted = fill(new Noted("whole", []), op, 8 * SECTOR, sectors * SECTOR, byte);
		this.parts.split(noted.begin(), "context");
		return noted;
	}
}

const turnOfTheLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

t.test("what is written in parts is read in parts", async (t) => {
	for (const atOnce of [1, 3, 100]) {
		const device = new MemoryDevice(MIB);
		const cutter = new Cutter([device], atOnce, 3 * SECTOR);
		const write = cutter.begin(BlockOp.write, 16, 7);
		const read = cutter.begin(BlockOp.read, 16);
		t.same([write.completions, read.completions], [1, 1]);
		t.ok(read.request.memory.bytes.every((byte) => byte === 7));
		t.equal(cutter.asked, 12);
		await turnOfTheLoop();
	}
});

t.test(
	"no more are under way than may be, and those that follow come as others end, in any order",
	async (t) => {
		const random = new Random();
		for (const atOnce of [1, 2, 5]) {
			const device = new ManualDevice();
			const cutter = new Cutter([device], atOnce);
			const whole = cutter.begin(BlockOp.read, 20);
			for (let over = 0; over < 20; over++) {
				t.equal(device.pending.length, Math.min(atOnce, 20 - over), `seed ${random.seed}`);
				t.equal(whole.completions, 0);
				device.done(random.below(device.pending.length));
				await turnOfTheLoop();
			}
			t.equal(whole.completions, 1);
			t.equal(cutter.seen.size, atOnce, "as many parts as are under way, again and again");
		}
	},
);

t.test("the first byte that failed is told, in the order of bytes, whichever failed first", async (t) => {
	const orders = [
		[0, 1, 2, 3],
		[3, 2, 1, 0],
		[2, 0, 3, 1],
	];
	for (const failing of [[1], [3], [1, 2], [0, 3], [0, 1, 2, 3]])
		for (const order of orders) {
			const device = new ManualDevice();
			const whole = new Cutter([device], 4, SECTOR, 100 * SECTOR).begin(BlockOp.write, 4);
			const parts = [...device.pending];
			for (const index of order) {
				const part = parts[index]!;
				if (failing.includes(index))
					part.complete(StorageStatus.mediumError, 50 + index, part.offsetBytes + 1);
				else part.complete(StorageStatus.ok);
			}
			t.match(
				whole.request,
				{
					status: StorageStatus.mediumError,
					errno: 50 + failing[0]!,
					failedOffsetBytes: (8 + failing[0]!) * SECTOR + 1,
				},
				`${failing} fail, ${order} end`,
			);
			t.equal(whole.completions, 1);
		}
});

t.test("that a sync failed is told, whatever else did: who is above must not write on", async (t) => {
	for (const [first, second] of [
		[StorageStatus.mediumError, StorageStatus.syncFailed],
		[StorageStatus.syncFailed, StorageStatus.mediumError],
	] as const) {
		const device = new ManualDevice();
		const whole = new Cutter([device], 2).begin(BlockOp.write, 2);
		device.done(0, first);
		device.done(0, second);
		t.equal(whole.request.status, StorageStatus.syncFailed);
	}
});

t.test("a read that has failed begins no more parts; a change is done as far as it can be", async (t) => {
	for (const [op, begun] of [
		[BlockOp.read, 3],
		[BlockOp.write, 8],
		[BlockOp.trim, 8],
	] as const) {
		const device = new ManualDevice();
		const cutter = new Cutter([device], 2);
		const whole = cutter.begin(op, 8);
		device.done();
		device.done(0, StorageStatus.noSpace);
		while (device.pending.length > 0) {
			t.equal(whole.completions, 0, "not before all are over");
			device.done();
			await turnOfTheLoop();
		}
		t.equal(cutter.asked, begun);
		t.match(whole, { completions: 1, request: { status: StorageStatus.noSpace } });
		t.equal(whole.request.failedOffsetBytes, 9 * SECTOR);
	}
});

t.test("the whole is on stable storage if all of it is", async (t) => {
	for (const lacking of [-1, 0, 2]) {
		const device = new ManualDevice();
		const whole = new Cutter([device], 3).begin(BlockOp.write, 3);
		for (const [index, part] of [...device.pending].entries()) {
			part.synced = index !== lacking;
			part.complete(StorageStatus.ok);
		}
		t.equal(whole.request.synced, lacking === -1);
	}
});

t.test("parts have what the whole asks for", async (t) => {
	const [one, other] = [new ManualDevice(), new ManualDevice()];
	const cutter = new Cutter([one, other], 2, SECTOR, MIB);
	const noted = fill(new Noted("", []), BlockOp.write, 0, 2 * SECTOR);
	noted.request.fua = true;
	noted.request.maySync = true;
	cutter.parts.split(noted.begin(), "context");
	t.match(one.pending[0], { op: BlockOp.write, fua: true, maySync: true, offsetBytes: MIB });
	t.match(other.pending[0], { offsetBytes: MIB + SECTOR, lengthBytes: SECTOR, memoryOffset: SECTOR });
	t.same(
		[...cutter.splits].map(({ context }) => context),
		["context"],
	);
	one.done();
	other.done();
});

t.test("lent bytes that later parts need are parked before the frame is gone", async (t) => {
	const device = new ManualDevice();
	const cutter = new Cutter([device], 1);
	const noted = fill(new Noted("", []), BlockOp.write, 0, 3 * SECTOR, 9);
	const { request } = noted;
	const frame = request.memory.bytes;
	request.isLent = true;
	request.room = heapMemory(3 * SECTOR + 5);
	request.roomOffset = 5;
	cutter.parts.split(noted.begin(), "");
	device.pending[0]?.park();
	frame.fill(0);
	for (let part = 0; part < 3; part++) {
		const { memory, memoryOffset, lengthBytes } = device.pending[0]!;
		t.ok(memory.bytes.subarray(memoryOffset, memoryOffset + lengthBytes).every((byte) => byte === 9));
		t.equal(memoryOffset, 5 + part * SECTOR);
		device.done();
		await turnOfTheLoop();
	}
	t.equal(noted.completions, 1);
});

t.test("a hundred thousand parts that end at once take turns, and no deep stack", async (t) => {
	const device = new MemoryDevice(64 * MIB);
	const cutters = Array.from({ length: 2 }, () => new Cutter([device], 2));
	const wholes = cutters.map((cutter) => cutter.begin(BlockOp.trim, 50_000));
	const begun = (): number => cutters.reduce((sum, { asked }) => sum + asked, 0);
	let turns = 0;
	for (let before = begun(); before < 100_000; before = begun()) {
		await turnOfTheLoop();
		turns++;
		if (begun() - before > PARTS_PER_TURN) t.fail(`${begun() - before} parts in a turn`);
		if (turns === 4)
			t.ok(
				cutters.every(({ asked }) => asked > PARTS_PER_TURN / 2),
				"both go on",
			);
		if (turns > 4000) throw new Error("it does not end");
	}
	await turnOfTheLoop();
	t.same(
		wholes.map(({ completions }) => completions),
		[1, 1],
	);
});

t.test("an owner may have it done again at once, and nothing is made for that", async (t) => {
	const device = new ManualDevice();
	const cutter = new Cutter([device], 2);
	let rounds = 0;
	const request = new BlockRequest({
		finished(over) {
			rounds++;
			t.equal(
				over.status,
				rounds === 1 ? StorageStatus.noSpace : StorageStatus.ok,
				"nothing is left of a failure",
			);
			if (rounds < 5) cutter.parts.split(over.begin(), "");
		},
	});
	request.op = BlockOp.trim;
	request.lengthBytes = 4 * SECTOR;
	cutter.parts.split(request.begin(), "");
	device.done(0, StorageStatus.noSpace);
	while (device.pending.length > 0) {
		device.done();
		await turnOfTheLoop();
	}
	t.equal(rounds, 5);
	t.equal(cutter.splits.size, 1);
	t.equal(cutter.seen.size, 2);
});

t.test("one part is the whole, even if it is empty", async (t) => {
	const device = new MemoryDevice(MIB);
	const whole = new Cutter([device], 1).begin(BlockOp.write, 0);
	t.match(whole, { completions: 1, request: { status: StorageStatus.ok } });
});
