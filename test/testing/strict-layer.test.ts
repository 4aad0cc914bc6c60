// The strict layer: content with what is sound, and finds what is planted.
import t from "tap";
import { DurabilityLayer } from "../../lib/block/durability.js";
import { GroupCommit } from "../../lib/block/group-commit.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { SliceLayer } from "../../lib/block/slice.js";
import { StorageStatus } from "../../lib/errors.js";
import { Pump } from "../../lib/pump.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { CrashDevice } from "../../lib/testing/crash-device.js";
import { DelayLayer } from "../../lib/testing/delay-layer.js";
import { StrictLayer } from "../../lib/testing/strict-layer.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { fill, ManualDevice, Noted, run, SECTOR } from "../block/devices.js";

const MIB = 1024 * 1024;

{
	const pump = new Pump();
	const commits = new GroupCommit(pump);
	const clock = new VirtualClock();
	const slow = () =>
		new StrictLayer(
			new DelayLayer(new StrictLayer(new CrashDevice(3 * MIB)), { clock, minMs: 1, maxMs: 20 }),
		);
	const slice = () => new StrictLayer(new SliceLayer(new StrictLayer(new OrderingLayer(slow())), SECTOR));
	await blockConformance(
		t,
		"strict between all layers",
		() => new StrictLayer(new DurabilityLayer(slice(), commits, { mode: "ack" }), { isTop: true }),
		{ ordered: true, pump, wait: (promise) => clock.until(promise) },
	);
}

/** A layer that does something wrong on the way down, or on the way up. */
class Planted extends DeviceLayer {
	constructor(
		readonly down: (request: BlockRequest) => void,
		readonly up: (request: BlockRequest) => void = () => {},
	) {
		super(new MemoryDevice(MIB));
	}

	protected handle(request: BlockRequest): void {
		request.push(this);
		this.down(request);
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		this.up(request);
		request.resume();
	}
}

const nothing = (): void => {};
/** By what is said of it: what is done to a write, on the way down and on the way up. */
const planted: [
	breach: string,
	down: (request: BlockRequest) => void,
	up: (request: BlockRequest) => void,
][] = [
	["its offsetBytes is 1024 when it comes back", (request) => (request.offsetBytes += SECTOR), nothing],
	["its fua is true when it comes back", nothing, (request) => (request.fua = true)],
	["its bytes have changed under way", (request) => request.memory.bytes.fill(7), nothing],
	["it ends with 77", nothing, (request) => (request.status = 77 as StorageStatus)],
	["nobody has cancelled it", nothing, (request) => (request.status = StorageStatus.cancelled)],
	["its errno is -5", nothing, (request) => (request.errno = -5)],
	["it is answered with an address", nothing, (request) => (request.borrowedAddress = 4096)],
];

for (const [breach, down, up] of planted)
	t.test(`a layer is caught: ${breach}`, async (t) => {
		const breaches: string[] = [];
		const strict = new StrictLayer(new Planted(down, up), { onBreach: (said) => breaches.push(said) });
		await run(strict, BlockOp.write, SECTOR, SECTOR, 1);
		t.ok(breaches.includes(`write 512+512: ${breach}`), breaches.join());
		t.throws(() => new StrictLayer(new Planted(down, up)).submit(aWrite()), { message: /write 512\+512: / });
	});

function aWrite(): BlockRequest {
	return fill(new Noted("", []), BlockOp.write, SECTOR, SECTOR, 1).request.begin();
}

/** A strict layer on a device that the test completes by hand. */
function makeBench() {
	const device = new ManualDevice();
	const breaches: string[] = [];
	const strict = new StrictLayer(device, { onBreach: (said) => breaches.push(said) });
	return { device, breaches, strict };
}

t.test("who looks at a request when it is over is caught, and who completes it twice", async (t) => {
	const { device, breaches, strict } = makeBench();
	strict.submit(aWrite());
	const [below] = device.pending;
	if (below === undefined) throw new Error("nothing has come down");
	device.done();
	t.strictSame(breaches, []);
	t.equal(below.offsetBytes, undefined);
	below.storageHandle = 3;
	t.strictSame(breaches, [
		"write 512+512: its offsetBytes is looked at when it is over",
		"write 512+512: its storageHandle is changed when it is over",
	]);
	below.resume();
	t.equal(breaches.at(-1), "write 512+512: it is completed twice");
	t.throws(() => below.complete(StorageStatus.ok), { message: /completed twice/ });
});

t.test("what comes down has to be sound", async (t) => {
	const { breaches, strict } = makeBench();
	const short = aWrite();
	short.lengthBytes = 2 * SECTOR;
	strict.submit(short);
	strict.submit(short);
	const list = fill(new Noted("", []), BlockOp.trim, 0, 4 * SECTOR).request.begin();
	list.ranges = Float64Array.of(0, 2 * SECTOR, SECTOR, 3 * SECTOR);
	strict.submit(list);
	const noRoom = fill(new Noted("", []), BlockOp.extents, 0, SECTOR).request.begin();
	noRoom.extents = new Float64Array(1);
	strict.submit(noRoom);
	t.strictSame(
		[...new Set(breaches)],
		[
			"write 512+1024: its memory is too short",
			"a request is submitted twice",
			"trim 0+2048: its ranges are not in order and apart",
			"extents 0+512: it has no room for an extent",
		],
	);
});

t.test("a device is caught that does what it had to refuse, or changes without a word", async (t) => {
	const { device, breaches, strict } = makeBench();
	device.submit = (request) => request.complete(StorageStatus.ok);
	await run(strict, BlockOp.read, device.info.sizeBytes, SECTOR);
	t.match(breaches, [/read .*: it ends with ok, not with outOfRange/]);
	device.info = { ...device.info, sizeBytes: 2 * device.info.sizeBytes };
	t.equal(strict.info, device.info);
	t.equal(breaches.at(-1), "info has changed and nobody was told");
	device.listeners.changed();
	breaches.length = 0;
	t.equal(strict.info, device.info);
	t.strictSame(breaches, [], "now it was");
});

t.test("nothing may be under way in what is closed, nor come to it", async (t) => {
	const { breaches, strict } = makeBench();
	strict.submit(aWrite());
	await strict.close();
	t.strictSame(breaches, ["closed with 1 requests under way"]);
	strict.submit(aWrite());
	t.equal(breaches.at(-1), "a request is submitted to a device that was closed");
});
