// Limits that come, change and go while requests wait; what is taken back; closing; and the conformance suite in all of it.
import t from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { DurabilityLayer } from "../../lib/block/durability.js";
import { GroupCommit } from "../../lib/block/group-commit.js";
import { LimitLayer } from "../../lib/block/limit.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { BlockOp, BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { Pump } from "../../lib/pump.js";
import type { LimitSpec } from "../../lib/spec/spec.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { CrashDevice } from "../../lib/testing/crash-device.js";
import { DelayLayer } from "../../lib/testing/delay-layer.js";
import { StrictLayer, strictly } from "../../lib/testing/strict-layer.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { MIB } from "./devices.js";
import { LimitBench } from "./limit-bench.js";

/** A limit, and whether its disk is a slow one. */
const LIMITS: [LimitSpec | undefined, boolean][] = [
	[undefined, false],
	[{ iops: 800, bandwidth: 20 * MIB }, false],
	[{ writeIops: 200 }, false],
	[{ readIops: 300, writeIops: 2000, readBandwidth: MIB, writeBandwidth: 50 * MIB }, true],
];

for (const [limit, isSlow] of LIMITS) {
	const pump = new Pump();
	const commits = new GroupCommit(pump);
	const clock = new VirtualClock();
	const over = (device: BlockDevice): BlockDevice => {
		const layer = new LimitLayer(strictly(device), clock);
		layer.limit = limit;
		return new StrictLayer(layer, { isTop: true });
	};
	const stack = (): BlockDevice => {
		const slow = new DelayLayer(new CrashDevice(2 * MIB), { clock, minMs: 1, maxMs: 20 });
		return over(new DurabilityLayer(strictly(new OrderingLayer(slow)), commits, { mode: "ack" }));
	};
	const name = `limit ${JSON.stringify(limit ?? "none")}`;
	const options = { ordered: true, pump, wait: <T>(promise: Promise<T>) => clock.until(promise) };
	const make = isSlow ? stack : () => over(new MemoryDevice(2 * MIB));
	await blockConformance(t, `${name} over ${isSlow ? "a slow disk" : "memory"}`, make, {
		...options,
		makeReadOnly: () => over(new MemoryDevice(2 * MIB, { readOnly: true })),
	});
}

t.test("a limit that comes holds what comes after it, and one that goes lets all go", async (t) => {
	const bench = new LimitBench();
	t.equal(bench.layer.isLimited, false);
	bench.reads(100);
	t.equal(bench.gone, 100);
	bench.layer.limit = { iops: 10 };
	bench.reads(5);
	t.equal(bench.gone, 102);
	bench.layer.limit = undefined;
	t.equal(bench.gone, 105);
	t.equal(bench.layer.isLimited, false);
	t.equal(bench.clock.step(), false, "no timer is left");
	bench.reads(100);
	t.equal(bench.gone, 205);
});

t.test("another limit is in force at once, for those that wait", async (t) => {
	const bench = new LimitBench({ bandwidth: 4096 });
	bench.reads(4, 2 ** 20);
	bench.clock.pass(1000);
	t.equal(bench.gone, 1);
	bench.layer.limit = { bandwidth: 2 ** 20 };
	bench.clock.pass(1000);
	t.equal(bench.gone, 2, "what was to take 256 s takes one");
	bench.layer.limit = { bandwidth: 2 ** 19 };
	bench.clock.pass(4000);
	t.equal(bench.gone, 4);

	const often = new LimitBench({ iops: 10 });
	often.reads(100);
	for (let i = 0; i < 100; i++) {
		often.layer.limit = { iops: 10 };
		often.clock.pass(10);
	}
	t.equal(often.gone, 2 + 10, "a reload in a loop gives nothing away");
});

t.test("so many are let go in a turn that the loop does not notice", async (t) => {
	const bench = new LimitBench({ iops: 10 });
	bench.reads(1000);
	bench.layer.limit = undefined;
	t.equal(bench.gone, 2 + 256);
	t.equal(bench.layer.isLimited, true, "until nobody waits");
	bench.ask("last", BlockOp.write, 0);
	t.not(bench.device.log.at(-1)?.[0], "w", "order is kept meanwhile");
	let turns = 0;
	while (bench.clock.step()) turns++;
	t.ok(turns <= 4);
	t.equal(bench.gone, 1001);
	t.equal(bench.clock.now(), 0, "and no time passes");
	t.equal(bench.layer.isLimited, false);
});

t.test("what waits can be taken back", async (t) => {
	const bench = new LimitBench({ writeIops: 10 });
	const requests = Array.from({ length: 4 }, (_, i) => bench.ask(`write ${i}`, BlockOp.write, i * 4096));
	bench.ask("read", BlockOp.read, 2 * 4096);
	t.equal(bench.gone, 2);
	bench.layer.cancel(requests[2]!.request);
	t.same(bench.over, ["write 2"]);
	t.equal(requests[2]?.request.status, StorageStatus.cancelled);
	t.equal(bench.device.log.at(-1), "read 8192+512", "what was behind it goes");
	bench.layer.cancel(requests[0]!.request);
	t.same(bench.device.cancelled, ["write 0+512"], "what does not wait here is for the device");
	bench.layer.cancel(requests[3]!.request);
	t.equal(bench.clock.step(), false, "nobody waits, and no timer is left");
	t.equal(bench.layer.waiting, 0);
	bench.ask("again", BlockOp.write, 0);
	bench.clock.pass(1000);
	t.equal(bench.device.log.at(-1), "write 0+512");
});

t.test("closing lets all go at once", async (t) => {
	const bench = new LimitBench({ iops: 1 });
	bench.reads(600);
	const closed = bench.layer.close();
	bench.ask("late", BlockOp.read);
	t.same(bench.over, ["late"]);
	t.equal(bench.device.closed, false);
	t.equal(await bench.clock.until(closed), "closed");
	t.equal(bench.gone, 600);
	t.equal(bench.clock.now(), 0);

	const idle = new LimitBench({ iops: 1 });
	t.equal(await idle.layer.close(), "closed");
	idle.ask("late", BlockOp.flush);
	t.same(idle.over, ["late"]);
});

t.test(
	"a device that is done at once, and owners who ask again at once, do not run out of stack",
	async (t) => {
		const clock = new VirtualClock();
		const layer = new LimitLayer(new MemoryDevice(MIB), clock);
		layer.limit = { iops: 10 };
		let done = 0;
		const requests = Array.from({ length: 100 }, () => {
			const request: BlockRequest = new BlockRequest({
				finished() {
					done++;
					if (done < 20_000) layer.submit(request.begin());
				},
			});
			return request;
		});
		for (const request of requests) layer.submit(request.begin());
		clock.pass(10_000);
		t.ok(Math.abs(done - 100) <= 3, `${done} in ten seconds`);
		layer.limit = { iops: 1e6 };
		clock.pass(1000);
		t.equal(done, 20_099, "all that were asked for");

		done = 0;
		layer.limit = { iops: 1 };
		clock.pass(10_000);
		layer.submit(requests[0]!.begin());
		t.equal(done, 1, "done, and asked for again, which waits");
		layer.limit = { iops: 1e6 };
		clock.pass(1000);
		t.equal(done, 20_000, "one that is alone as well");
	},
);
