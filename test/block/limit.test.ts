// What waits for a limit, for how long, and in which order; and what does not. Mirrors lib/block/limit.ts.
import t from "tap";
import { BlockOp } from "../../lib/block/request.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { fill, Noted } from "./devices.js";
import { LimitBench } from "./limit-bench.js";

const { read, write } = BlockOp;

t.test("more than the limit allows waits, and is counted", async (t) => {
	const limited = new LimitBench({ iops: 10 });
	t.equal(limited.layer.isLimited, true);
	limited.reads(5);
	t.equal(limited.gone, 2, "one, and one of the burst");
	t.equal(limited.layer.waiting, 3);
	limited.clock.pass(99);
	t.equal(limited.gone, 2);
	limited.clock.pass(1);
	t.equal(limited.gone, 3);
	limited.clock.pass(1000);
	t.equal(limited.gone, 5);
	t.equal(limited.layer.waiting, 0);
	t.equal(limited.layer.delayed, 3);
	t.equal(limited.layer.delayedUs, 600_000, "100, 200 and 300 ms");
	t.equal(limited.clock.step(), false, "nobody waits, and no timer is left");
});

t.test("large requests go by debt, and long waits are counted exactly", async (t) => {
	const bench = new LimitBench({ bandwidth: 16_384 });
	bench.reads(2, 65_536);
	t.equal(bench.gone, 1);
	bench.clock.pass(3899);
	t.equal(bench.gone, 1);
	bench.clock.pass(1);
	t.equal(bench.gone, 2, "four seconds, less the burst");

	const slow = new LimitBench({ bandwidth: 4096 });
	slow.reads(2, 2 ** 24);
	slow.clock.pass(4_096_000);
	t.equal(slow.gone, 2);
	t.equal(slow.layer.delayedUs, 4_095_900_000, "more than 31 bits");
});

t.test("no timer is longer than timers can be, and a clock that jumps is no harm", async (t) => {
	const bench = new LimitBench({ bandwidth: 4096 });
	const delays: number[] = [];
	const { after } = bench.clock;
	bench.clock.after = (delayMs, callback) => {
		delays.push(delayMs);
		return after.call(bench.clock, delayMs, callback);
	};
	bench.reads(3, 2 ** 40);
	bench.clock.pass(200_000);
	t.equal(bench.gone, 1);
	t.equal(delays.length, 4, "one at a time");
	t.ok(Math.max(...delays) < 2 ** 31);
	bench.clock.stall(2 ** 50);
	bench.clock.step();
	t.equal(bench.gone, 2, "the debt is over, and nothing has been saved up");
});

t.test("reads and writes apart, both together: who came first goes first", async (t) => {
	const apart = new LimitBench({ writeIops: 1 });
	for (let i = 0; i < 3; i++) apart.ask("write", write, 2 ** 20 + i * 4096);
	apart.reads(50);
	t.equal(apart.device.log.filter((entry) => entry.startsWith("read")).length, 50, "reads do not wait");
	t.equal(apart.layer.waiting, 2);

	const both = new LimitBench({ iops: 10, writeIops: 2 });
	for (let i = 0; i < 8; i++) both.ask("either", i % 2 === 0 ? write : read, i * 4096);
	const order = (): string => both.device.log.map((entry) => entry[0]).join("");
	t.equal(order(), "wr");
	both.clock.pass(300);
	t.equal(order(), "wrrrr", "writes have a limit of their own");
	both.clock.pass(100);
	t.equal(order(), "wrrrrw");
	both.clock.pass(10_000);
	t.equal(order(), "wrrrrwww");

	const fair = new LimitBench({ iops: 10 });
	for (let i = 0; i < 10; i++) fair.ask("either", i % 3 === 0 ? write : read, i * 4096);
	fair.clock.pass(10_000);
	t.equal(fair.device.log.map((entry) => entry[0]).join(""), "wrrwrrwrrw", "in order of arrival");
});

t.test("a late timer lets nobody go before those that wait", async (t) => {
	const bench = new LimitBench({ iops: 10 });
	for (let i = 0; i < 3; i++) bench.ask("write", write, i * 4096);
	bench.clock.stall(150);
	bench.ask("read", read, 2 ** 20);
	t.same(
		bench.device.log.map((entry) => entry[0]),
		["w", "w", "w"],
	);
	bench.clock.pass(100);
	t.equal(bench.gone, 4);
});

t.test("what overlaps keeps its order, across the lines as well", async (t) => {
	const bench = new LimitBench({ writeIops: 1, readIops: 1000 });
	bench.ask("first", write, 0);
	bench.ask("second", write, 0, 4096);
	bench.ask("apart", read, 8192);
	bench.ask("third", read, 512);
	bench.ask("fourth", read, 8192);
	t.same(bench.device.log, ["write 0+512", "read 8192+512"], "one waits for a write that waits");
	bench.clock.pass(1000);
	t.same(bench.device.log.slice(2), ["write 0+4096", "read 512+512", "read 8192+512"], "with its line");

	const many = new LimitBench({ writeIops: 1 });
	for (let i = 0; i < 70; i++) many.ask("write", write, i * 4096);
	many.ask("read", read, 2 ** 20);
	t.equal(many.gone, 1, "among so many it is not looked for: the read waits");
	many.clock.pass(70_000);
	t.equal(many.device.log.at(-1), "read 1048576+512");
	t.equal(many.gone, 71);
});

t.test("flushes do not wait, nor does what the device refuses", async (t) => {
	const bench = new LimitBench({ iops: 1 });
	bench.reads(3);
	bench.ask("flush", BlockOp.flush);
	bench.ask("beyond", read, bench.device.info.sizeBytes);
	t.same(bench.device.log, ["read 0+512", "flush"]);
	t.same(bench.over, ["beyond"]);
});

t.test("the bytes of a write that waits are kept", async (t) => {
	const bench = new LimitBench({ iops: 1 });
	bench.reads(1);
	const noted = fill(new Noted("lent", bench.over), write, 0, 512, 7);
	const { request } = noted;
	const frame = request.memory;
	Object.assign(request, { isLent: true, room: heapMemory(1024), roomOffset: 100 });
	bench.layer.submit(noted.begin());
	frame.bytes.fill(9);
	bench.clock.pass(2000);
	t.equal(bench.gone, 2);
	const { memory, memoryOffset } = request;
	t.ok(memory.bytes.subarray(memoryOffset, memoryOffset + 512).every((byte) => byte === 7));
});

t.test("what moves no bytes counts as an operation", async (t) => {
	const bench = new LimitBench({ bandwidth: 4096 });
	for (const op of [BlockOp.trim, BlockOp.writeZeroes, BlockOp.extents]) bench.ask("wide", op, 0, 2 ** 29);
	bench.reads(1);
	t.equal(bench.gone, 4);
	const counted = new LimitBench({ iops: 1 });
	counted.ask("trim", BlockOp.trim, 0, 2 ** 29);
	counted.reads(1);
	t.equal(counted.gone, 1);
});
