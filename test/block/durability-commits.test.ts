// Group commit: what waits for which flush, how many flushes many writes cost, and what a sync that failed means.

import t from "tap";
import { DurabilityLayer } from "../../lib/block/durability.js";
import { GroupCommit } from "../../lib/block/group-commit.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { StorageStatus, storageStatusName } from "../../lib/errors.js";
import { Pump } from "../../lib/pump.js";
import { CrashDevice } from "../../lib/testing/crash-device.js";
import { fill, MIB, Noted, run, SECTOR } from "./devices.js";
import { Bench } from "./durability-bench.js";

t.test("ack: a burst is answered after one flush that starts when all of it is written", async (t) => {
	const bench = new Bench("ack");
	for (const name of ["a", "b", "c", "d"]) bench.submit(name, BlockOp.write);
	bench.submit("e", BlockOp.trim);
	bench.pump.run();
	for (let i = 0; i < 4; i++) {
		bench.done();
		t.equal(bench.ops, "write write write write trim", "no flush while others of the burst are under way");
	}
	bench.done();
	t.equal(bench.ops, "write write write write trim flush");
	t.same(bench.over, [], "nothing is answered before the flush is over");
	bench.done();
	t.same(bench.over, ["a", "b", "c", "d", "e"]);
	bench.pump.run();
	t.equal(bench.device.pending.length, 0, "and no other flush");
	t.ok(
		bench.requests.every(
			({ request, completions }) => request.status === StorageStatus.ok && completions === 1,
		),
	);
});

t.test("ack: a burst on a device that completes at once costs one flush", async (t) => {
	const pump = new Pump();
	let flushes = 0;
	class Counting extends CrashDevice {
		override submit(request: BlockRequest): void {
			if (request.op === BlockOp.flush) flushes++;
			super.submit(request);
		}
	}
	const layer = new DurabilityLayer(new Counting(MIB), new GroupCommit(pump), { mode: "ack" });
	const over: string[] = [];
	for (let i = 0; i < 100; i++)
		layer.submit(fill(new Noted(String(i), over), BlockOp.write, i * SECTOR, SECTOR).begin());
	t.equal(flushes, 0, "not before the batch is over");
	t.equal(over.length, 0);
	pump.run();
	t.equal(flushes, 1);
	t.equal(over.length, 100);
	await run(layer, BlockOp.write, 0, SECTOR);
	t.equal(flushes, 2, "without anyone running the pump, it runs by itself");
});

t.test(
	"ack: later writes are not waited for, and what completes during a flush waits for the next",
	async (t) => {
		const bench = new Bench("ack");
		bench.submit("a", BlockOp.write);
		bench.submit("b", BlockOp.write);
		bench.done();
		bench.submit("late, slow", BlockOp.write);
		bench.submit("late, quick", BlockOp.write);
		bench.device.done(2);
		bench.done();
		t.same(bench.device.below.length, 2, "the slow one, and the flush");
		t.equal(bench.ops, "write write write write flush");
		bench.submit("during the flush", BlockOp.write);
		bench.device.done(2);
		bench.pump.run();
		t.equal(bench.ops, "write write write write flush write", "one flush at a time");
		bench.device.done(1);
		bench.pump.run();
		t.same(bench.over, ["a", "late, quick", "b"], "those that were complete when it started");
		t.equal(bench.ops, "write write write write flush write", "the next one waits for the slow write");
		bench.done();
		t.equal(bench.ops, "write write write write flush write flush");
		bench.done();
		t.same(bench.over, ["a", "late, quick", "b", "during the flush", "late, slow"]);
	},
);

t.test("ack: a stream of writes that never pauses is answered", async (t) => {
	const bench = new Bench("ack");
	let most = 0;
	for (let i = 0; i < 1000; i++) {
		bench.submit(String(i), BlockOp.write);
		// Eight are always under way.
		while (bench.device.pending.length > 8) bench.done();
		most = Math.max(most, i - bench.over.length);
	}
	t.ok(most < 100, `at most ${most} wait for their answer`);
});

t.test("ack and flush: a long change holds up nothing but itself", async (t) => {
	for (const mode of ["ack", "flush"] as const)
		for (const op of [BlockOp.writeZeroes, BlockOp.trim]) {
			const bench = new Bench(mode);
			bench.submit("long", op, true, 512 * MIB);
			bench.submit("held back by the long one", BlockOp.write, true);
			for (const round of ["first", "second", "third"]) {
				bench.submit(`write, ${round}`, BlockOp.write, true);
				bench.device.done(2);
				bench.pump.run();
				t.equal(bench.device.below[2], "flush", `${mode}: the ${round} write is synced`);
				bench.device.done(2);
				bench.submit(`flush, ${round}`, BlockOp.flush);
				bench.pump.run();
				bench.device.done(2);
				t.same(bench.over.splice(0), [`write, ${round}`, `flush, ${round}`]);
			}
			while (bench.device.pending.length > 0) bench.done();
			t.same(bench.over.splice(0).sort(), ["held back by the long one", "long"]);
			bench.submit("a", BlockOp.write, true);
			bench.submit("b", BlockOp.write, true);
			bench.done();
			t.equal(bench.device.pending.length, 1, "afterwards bursts are gathered as before");
		}
});

t.test("ack: reads and failed writes do not wait; a flush is a real one", async (t) => {
	const bench = new Bench("ack");
	bench.submit("read", BlockOp.read);
	bench.submit("write", BlockOp.write);
	bench.submit("flush", BlockOp.flush);
	bench.done();
	t.same(bench.over, ["read"]);
	bench.done(StorageStatus.mediumError);
	t.same(bench.over, ["read", "write"]);
	t.equal(bench.requests[1]?.request.status, StorageStatus.mediumError);
	t.equal(bench.ops, "read write flush");
	bench.done();
	t.same(bench.over, ["read", "write", "flush"]);
});

t.test(
	"ack and flush: a failed sync fails what depended on it and all that comes later, for ever",
	async (t) => {
		for (const mode of ["ack", "flush"] as const) {
			const bench = new Bench(mode);
			bench.submit("covered", BlockOp.write, true);
			bench.done();
			bench.submit("complete during the flush", BlockOp.write, true);
			bench.submit("under way", BlockOp.write);
			bench.device.done(1);
			bench.device.done(0, StorageStatus.mediumError);
			bench.pump.run();
			t.same(bench.over, ["covered", "complete during the flush"]);
			t.same(bench.failures, [5], "said once");
			bench.done();
			for (const [name, op] of [
				["write", BlockOp.write],
				["trim", BlockOp.trim],
				["flush", BlockOp.flush],
			] as const)
				bench.submit(name, op);
			bench.pump.run();
			t.same(bench.over, ["covered", "complete during the flush", "under way", "write", "trim", "flush"]);
			for (const { name, request } of bench.requests) {
				t.equal(storageStatusName(request.status), "syncFailed", `${mode}: ${name}`);
				t.equal(request.errno, 5);
				t.equal(request.failedOffsetBytes, request.offsetBytes);
			}
			t.equal(bench.device.pending.length, 0, "the device is left alone");
			const read = bench.submit("read", BlockOp.read);
			bench.done();
			t.equal(read.status, StorageStatus.ok, "reads go on");
			t.same(bench.failures, [5]);
		}
	},
);
