// When a write is complete: the modes, the write cache that initiators see, closing; and the conformance suite in all of them.

import t from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { DurabilityLayer } from "../../lib/block/durability.js";
import { GroupCommit } from "../../lib/block/group-commit.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { BlockOp } from "../../lib/block/request.js";
import type { DurabilityMode } from "../../lib/block/write-cache.js";
import { StorageStatus, storageStatusName } from "../../lib/errors.js";
import { Pump } from "../../lib/pump.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { CrashDevice } from "../../lib/testing/crash-device.js";
import { DelayLayer } from "../../lib/testing/delay-layer.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { MIB } from "./devices.js";
import { Bench } from "./durability-bench.js";

const MODES = ["ack", "flush", "none"] as const;

for (const mode of MODES) {
	const pump = new Pump();
	const commits = new GroupCommit(pump);
	const over = (device: BlockDevice): BlockDevice => new DurabilityLayer(device, commits, { mode });
	await blockConformance(t, `durability ${mode} over memory`, () => over(new MemoryDevice(2 * MIB)), {
		ordered: true,
		pump,
		makeReadOnly: () => over(new MemoryDevice(2 * MIB, { readOnly: true })),
	});
	await blockConformance(t, `durability ${mode} over a write cache`, () => over(new CrashDevice(2 * MIB)), {
		ordered: true,
		pump,
	});
	const clock = new VirtualClock();
	const slow = (): BlockDevice =>
		over(new OrderingLayer(new DelayLayer(new CrashDevice(2 * MIB), { clock, minMs: 1, maxMs: 20 })));
	await blockConformance(t, `durability ${mode} over a slow disk without order`, slow, {
		ordered: true,
		pump,
		wait: (promise) => clock.until(promise),
	});
}

t.test("flush: writes are answered at once, forced unit access and flushes after a sync", async (t) => {
	const bench = new Bench("flush");
	bench.submit("write", BlockOp.write);
	const forced = bench.submit("forced", BlockOp.write, true);
	t.equal(forced.fua, false, "the device need not do what the layer does");
	bench.done();
	t.same(bench.over, ["write"]);
	bench.done();
	t.equal(bench.ops, "write write flush");
	bench.submit("flush", BlockOp.flush);
	bench.done();
	t.same(bench.over, ["write", "forced"]);
	t.equal(forced.fua, true, "the request is as its owner made it");
	t.equal(bench.ops, "write write flush flush", "a flush is not satisfied with one that started before it");
	bench.done();
	t.same(bench.over, ["write", "forced", "flush"]);
});

t.test("a device may sync writes itself, where they would be synced anyway", async (t) => {
	for (const [mode, fua, may] of [
		["ack", false, true],
		["flush", true, true],
		["flush", false, false],
		["none", true, false],
	] as const) {
		const bench = new Bench(mode);
		const write = bench.submit("write", BlockOp.write, fua);
		t.equal(write.maySync, may, `${mode}, forced unit access ${fua}`);
		write.synced = may;
		bench.done();
		bench.pump.run();
		t.same(bench.over, ["write"]);
		t.equal(bench.ops, "write", "no flush follows");
		if (!may) continue;
		bench.submit("left to the layer", BlockOp.write, fua);
		bench.done();
		bench.done();
		t.equal(bench.ops, "write write flush", "what it has not synced is flushed");
		const failed = bench.submit("failed", BlockOp.write, fua);
		bench.device.done(0, StorageStatus.syncFailed);
		t.equal(storageStatusName(failed.status), "syncFailed");
		const later = bench.submit("later", BlockOp.write);
		t.equal(
			storageStatusName(later.status),
			"syncFailed",
			"a sync that failed is final, whoever asked for it",
		);
		t.same(bench.failures, [5]);
	}
});

t.test("none: nothing is ever synced", async (t) => {
	const bench = new Bench("none");
	bench.submit("forced", BlockOp.write, true);
	bench.submit("flush", BlockOp.flush);
	t.same(bench.over, ["flush"]);
	bench.done();
	t.same(bench.over, ["flush", "forced"]);
	t.equal(bench.ops, "write");
});

t.test("over a device with nothing volatile no write waits", async (t) => {
	for (const mode of MODES) {
		const bench = new Bench(mode, false);
		bench.submit("write", BlockOp.write, true);
		bench.done();
		t.same(bench.over, ["write"], mode);
		t.equal(bench.ops, "write");
		t.equal(bench.layer.info.writeCache, false);
		t.equal(bench.layer.setWriteCache(true), false);
		t.equal(bench.layer.setWriteCache(false), true);
	}
});

t.test("the write cache is what info says, and can be switched where that is promised", async (t) => {
	const cache = (mode: DurabilityMode): unknown[] => {
		const { layer } = new Bench(mode);
		return [
			layer.info.writeCache,
			layer.setWriteCache(true),
			layer.setWriteCache(false),
			layer.info.writeCache,
			layer.setWriteCache(true),
			layer.info.writeCache,
		];
	};
	t.same(cache("ack"), [false, false, true, false, false, false], "ack never has one");
	t.same(cache("flush"), [true, true, true, false, true, true], "flush obeys");
	t.same(cache("none"), [true, true, false, true, true, true], "none always has one");

	const bench = new Bench("flush");
	bench.submit("before", BlockOp.write);
	bench.layer.setWriteCache(false);
	bench.done();
	t.same(bench.over, [], "a write that was under way then is held to the new rule");
	t.equal(bench.ops, "write flush");
	bench.done();
	t.same(bench.over, ["before"]);
	bench.layer.setWriteCache(true);
	bench.submit("after", BlockOp.write);
	bench.done();
	t.same(bench.over, ["before", "after"]);
});

t.test("info follows the device below", async (t) => {
	const bench = new Bench("ack");
	const told: number[] = [];
	bench.layer.listen({ changed: () => told.push(bench.layer.info.sizeBytes) });
	bench.device.info = { ...bench.device.info, sizeBytes: 2048 * MIB };
	bench.device.listeners.changed();
	t.same(told, [2048 * MIB]);
	t.equal(bench.layer.info.writeCache, false);
});

t.test(
	"a flush that was taken back is no sync that failed, though the device is closed by then",
	async (t) => {
		for (const mode of MODES) {
			const bench = new Bench(mode);
			const flush = bench.submit("flush", BlockOp.flush);
			bench.layer.cancel(flush);
			t.equal(storageStatusName(flush.status), mode === "none" ? "ok" : "cancelled", mode);
			await bench.layer.close();
			bench.pump.run();
			t.strictSame([bench.failures, bench.ops, bench.over], [[], "", ["flush"]], mode);

			const open = new Bench(mode);
			open.layer.cancel(open.submit("taken back", BlockOp.flush));
			open.pump.run();
			open.submit("write", BlockOp.write, true);
			while (open.device.pending.length > 0) open.done();
			t.equal(open.ops, mode === "none" ? "write" : "write flush", `${mode}: it goes on as ever`);
			t.same(open.over, ["taken back", "write"]);
		}
	},
);

t.test(
	"a device that somebody else has closed has not failed a sync; what it did not sync is not said to be stable",
	async (t) => {
		for (const mode of ["ack", "flush"] as const) {
			const bench = new Bench(mode);
			const write = bench.submit("write", BlockOp.write, true);
			await bench.device.close();
			bench.done();
			t.equal(storageStatusName(write.status), "closed", mode);
			t.strictSame(bench.failures, []);
		}
	},
);

t.test("close waits for the last flush", async (t) => {
	const bench = new Bench("ack");
	bench.submit("write", BlockOp.write);
	const closed = bench.layer.close();
	t.equal(bench.submit("too late", BlockOp.flush).status, StorageStatus.closed);
	bench.done();
	t.notOk(bench.device.closed);
	bench.done();
	await closed;
	t.ok(bench.device.closed);
	t.same(bench.over, ["too late", "write"]);
});
