// A device whose storage is exchanged while it is used: what waits, what is asked again, and what ends; and the conformance suite while that goes on all the time.
import t from "tap";
import { ExchangeDevice } from "../../lib/block/exchange.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { BlockOp, BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { Pump } from "../../lib/pump.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { StrictLayer, strictly } from "../../lib/testing/strict-layer.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { ManualDevice, MIB } from "./devices.js";

const LIMIT_MS = 60_000;

const memory = (readOnly: boolean) =>
	new StrictLayer(
		new OrderingLayer(new ExchangeDevice(strictly(new MemoryDevice(2 * MIB, { readOnly })), true)),
		{ isTop: true },
	);
await blockConformance(t, "exchanged for nothing", () => memory(false), {
	...{ ordered: true, pump: new Pump(), makeReadOnly: () => memory(true) },
});

const named = (offset: number, status: StorageStatus): string => `${offset}: ${status}`;

/** A device, what it is exchanged for, and what became of what was asked. */
class Stage {
	readonly clock = new VirtualClock();
	readonly first = new ManualDevice();
	readonly second = new ManualDevice();
	readonly device = new ExchangeDevice(this.first, true, { clock: this.clock, limitMs: LIMIT_MS });
	readonly over: string[] = [];

	write(offsetBytes: number): BlockRequest {
		const request = new BlockRequest({
			finished: ({ status }) => this.over.push(named(offsetBytes, status)),
		});
		request.op = BlockOp.write;
		request.offsetBytes = offsetBytes;
		request.lengthBytes = 512;
		request.memory = heapMemory(512);
		this.device.submit(request.begin());
		return request;
	}
}

const OK = StorageStatus.ok;

t.test(
	"what comes while there is no storage waits for the next one, behind what that has to do again",
	async (t) => {
		const stage = new Stage();
		const { first, second, device, over } = stage;
		stage.write(0);
		stage.write(512);
		device.hold();
		stage.write(1024);
		t.strictSame(first.below, ["write 0+512", "write 512+512"]);
		first.done(0);
		t.strictSame(over, [named(0, OK)]);
		void device.leave(0);
		first.done(0, StorageStatus.closed);
		stage.write(1536);
		t.strictSame(over, [named(0, OK)], "nobody hears of it");
		t.equal(device.tenure.mayAnswer, false);
		device.enter(second, false);
		t.equal(device.tenure.mayAnswer, false, "somebody else answers those who could ask him");
		t.strictSame(second.below, ["write 512+512", "write 1024+512", "write 1536+512"]);
		second.allDone();
		t.equal(over.length, 4);
		t.ok(over.every((each) => each.endsWith(named(0, OK).slice(3))));
		t.strictSame(first.log, ["write 0+512", "write 512+512"]);
	},
);

t.test("what the one before ends late is asked of the next one, and what it has done is done", async (t) => {
	const stage = new Stage();
	const { first, second, device, over } = stage;
	stage.write(0);
	stage.write(512);
	void device.leave(0);
	device.enter(second, true);
	t.strictSame(second.below, []);
	first.done(0, StorageStatus.closed);
	t.strictSame(second.below, ["write 0+512"]);
	first.done(0);
	t.strictSame(over, [named(512, OK)]);
	second.done();
	t.equal(over.length, 2);
});

t.test("one that goes on as it was has lost nothing", async (t) => {
	const stage = new Stage();
	const { first, device, over } = stage;
	stage.write(0);
	device.hold();
	stage.write(512);
	let isDrained = false;
	const drained = device.drained(1000).then((is) => {
		isDrained = is;
	});
	first.done();
	await drained;
	t.ok(isDrained);
	device.resume();
	first.done();
	t.strictSame(over, [named(0, OK), named(512, OK)]);
	stage.write(1024);
	t.equal(await device.drained(1), false, "what hangs is not waited for");
});

t.test("without storage for too long what waits fails, and goes on afterwards", async (t) => {
	const stage = new Stage();
	const { second, device, over, clock } = stage;
	stage.write(0);
	void device.leave(0);
	stage.write(512);
	clock.pass(LIMIT_MS);
	t.strictSame(over, [named(512, StorageStatus.unreachable)]);
	stage.write(1024);
	t.equal(over.length, 2, "at once");
	stage.first.done(0, StorageStatus.closed);
	t.equal(over.length, 3);
	device.enter(second, true);
	stage.write(2048);
	second.done();
	t.equal(over.at(-1), named(2048, OK));
	t.equal(clock.step(), false, "no timer is left");
});

t.test("what is taken back, and what is there at the end", async (t) => {
	const stage = new Stage();
	const { first, device, over } = stage;
	device.hold();
	const [one] = [stage.write(0), stage.write(512)];
	device.cancel(one);
	t.strictSame(over, [named(0, StorageStatus.cancelled)]);
	await device.close();
	t.strictSame(over.at(-1), named(512, StorageStatus.closed));
	t.ok(first.closed);
	stage.write(1024);
	t.equal(over.at(-1), named(1024, StorageStatus.closed));
});

t.test("what was cancelled while it was under way is not asked of the next one", async (t) => {
	const stage = new Stage();
	const { first, second, device, over } = stage;
	const [one] = [stage.write(0), stage.write(512)];
	device.cancel(one);
	t.strictSame(first.cancelled, ["write 0+512"]);
	void device.leave(0);
	first.done(0, StorageStatus.closed);
	t.strictSame(over, [named(0, StorageStatus.unreachable)]);
	device.submit(one.begin());
	device.enter(second, true);
	first.done(0, StorageStatus.closed);
	t.strictSame(second.below, ["write 0+512", "write 512+512"], "asked once more it is wanted");
	second.allDone();
	t.strictSame(over.slice(1), [named(0, OK), named(512, OK)]);
	t.end();
});

t.test("what was over here when it was cancelled is asked of the next one when it comes again", async (t) => {
	const stage = new Stage();
	const { first, second, device, over } = stage;
	const waiting = new BlockRequest({ finished: ({ status }) => over.push(named(0, status)) });
	waiting.op = BlockOp.write;
	waiting.lengthBytes = 512;
	waiting.memory = heapMemory(512);
	// Somebody above has more to do with it (a sync) than this device.
	const above = { below: (): void => {} };
	waiting.begin().push(above, 0);
	device.submit(waiting);
	first.done();
	device.cancel(waiting);
	waiting.complete(OK);
	t.strictSame(over, [named(0, OK)]);
	device.submit(waiting.begin());
	void device.leave(0);
	first.done(0, StorageStatus.closed);
	device.enter(second, true);
	t.strictSame(second.below, ["write 0+512"]);
	second.allDone();
	t.strictSame(over, [named(0, OK), named(0, OK)]);
});

t.test("those who listen hear of another size, and where they are answered", async (t) => {
	const stage = new Stage();
	const told: string[] = [];
	stage.device.listen({ changed: () => told.push("changed"), answers: () => told.push("answers") });
	void stage.device.leave(0);
	stage.device.enter(stage.second, true);
	t.strictSame(told, ["answers"]);
	t.equal(stage.device.tenure.mayAnswer, true);
	stage.first.listeners.changed();
	t.strictSame(told, ["answers"], "of what was left nothing is told");
	void stage.device.leave(0);
	stage.device.enter(new ManualDevice({ sizeBytes: 2 * MIB }), false);
	t.strictSame(told, ["answers", "changed"]);
	t.equal(stage.device.info.sizeBytes, 2 * MIB);
});

t.test(
	"a write with a guard goes on with the next one, unless its guard has decided by what was there before",
	async (t) => {
		const stage = new Stage();
		const { first, second, over } = stage;
		// (As the ordering layer below the device does it.)
		const ordered = new ExchangeDevice(new OrderingLayer(first), true, {
			clock: stage.clock,
			limitMs: LIMIT_MS,
		});
		let asked = 0;
		const guarded = (offsetBytes: number): void => {
			const request = new BlockRequest({
				finished: ({ status }) => over.push(named(offsetBytes, status)),
			});
			Object.assign(request, { op: BlockOp.write, offsetBytes, lengthBytes: 512, memory: heapMemory(512) });
			request.guard = {
				...{ memory: heapMemory(512), memoryOffset: 0 },
				allows: () => {
					asked += 1;
					return true;
				},
			};
			ordered.submit(request.begin());
		};
		for (const offset of [0, 512, 1024]) guarded(offset);
		t.strictSame(first.below, ["read 0+512", "read 512+512", "read 1024+512"]);
		first.done(0, OK);
		first.done(0, OK);
		t.equal(asked, 2);
		first.done(1, OK);
		t.strictSame(over, [named(0, OK)]);
		const left = ordered.leave(0);
		while (first.below.length > 0) first.done(0, StorageStatus.closed);
		await left;
		t.strictSame(over.splice(0), [named(0, OK), named(512, StorageStatus.unreachable)]);
		ordered.enter(new OrderingLayer(second), true);
		t.strictSame(second.below, ["read 1024+512"], "nothing was decided of this one");
		second.done();
		second.done();
		t.equal(asked, 3);
		t.strictSame(over.splice(0), [named(1024, OK)]);
		ordered.hold();
		guarded(1536);
		void ordered.leave(0);
		ordered.enter(new ManualDevice({ guarded: "nobody" }), false);
		t.strictSame(over, [named(1536, StorageStatus.closed)], "who has none of it has nothing against it");
		t.equal(asked, 3);
		await ordered.close();
	},
);
