// Broadcasts that mean more blades than the link has reply slots: every answer comes, none twice, and reads pass in between.
import t from "tap";
import { addressOf } from "../../lib/aoe/registry.js";
import { Bench, frame } from "../support/target-bench.js";

const T = "020000000001";
const A = "0200000000aa";
const ALL = "ffffffffffff";
const QUERY = frame(`${ALL} ${A} 88a2 10 00 ffff ff 01 12345678`);
const IDENTIFY = frame(`${ALL} ${A} 88a2 10 00 ffff ff 00 12345678 00 00 01 ec 000000a0 0000 0000`);

function crowd(blades: number, options = {}): Bench {
	const bench = new Bench(options);
	for (let i = 0; i < blades; i++) bench.disk(100 + (i >> 4), i & 15);
	return bench;
}

const address = (reply: Buffer): string => `${reply.readUInt16BE(16)}.${reply[18]}`;

/** Gives slots back and lets time pass until nothing more is sent. */
function drain(bench: Bench): Buffer[] {
	const replies = bench.link.take();
	do {
		bench.link.flush();
		replies.push(...bench.link.take());
	} while (bench.clock.step());
	return [...replies, ...bench.link.take()];
}

t.test("2000 blades, 8 slots", async (t) => {
	for (const [what, request, length] of [
		["config", QUERY, 60],
		["IDENTIFY", IDENTIFY, 548],
	] as const) {
		const bench = crowd(2000, { rooms: 8, holdSent: true });
		bench.link.receive(request);
		t.equal(bench.link.sent.length, 8, `${what}: as many as there are slots`);
		const replies = drain(bench);
		t.equal(replies.length, 2000, what);
		t.equal(new Set(replies.map(address)).size, 2000, `${what}: each once, with its own address`);
		t.ok(replies.every((reply) => reply.readUInt32BE(20) === 0x12345678 && reply.length === length));
		t.same(bench.rejected, {});
	}
});

t.test("a turn of the event loop is not filled with discovery", async (t) => {
	const bench = crowd(1000, { rooms: 512 });
	bench.link.receive(QUERY);
	t.equal(bench.link.take().length, 64);
	bench.disk(9, 0);
	const read = frame(`${T} ${A} 88a2 10 00 0009 00 00 00000001 40 00 01 24 000000000000 0000`);
	t.equal(bench.ask(read)[0]?.readUInt32BE(20), 1, "a read in between is answered at once");
	t.equal(drain(bench).length, 1001 - 64, "and a blade that came in the meantime is found");
});

t.test("several broadcasts take turns; each gets all its answers", async (t) => {
	const bench = crowd(100, { rooms: 4, holdSent: true });
	const tags = [1, 2, 3];
	for (const tag of tags) bench.link.receive(frame(`${ALL} ${A} 88a2 10 00 ffff ff 01 0000000${tag}`));
	const replies = drain(bench);
	for (const tag of tags) t.equal(replies.filter((reply) => reply.readUInt32BE(20) === tag).length, 100);
});

t.test("adverts for all, with few slots", async (t) => {
	const bench = crowd(300, { rooms: 4, holdSent: true });
	bench.target.advertiseAll();
	t.equal(new Set(drain(bench).map(address)).size, 300);
});

t.test("what a broadcast asks for is not overwritten while it waits", async (t) => {
	const bench = crowd(10, { rooms: 1, holdSent: true });
	bench.link.receive(frame(`${ALL} ${A} 88a2 10 00 ffff ff 01 00000001 0000 0000 00 14 0005 48656c6c6f`));
	const replies = drain(bench);
	t.equal(replies.length, 10);
	t.ok(replies.every((reply) => reply.toString("latin1", 32, 37) === "Hello"));
	t.ok(
		[...bench.registry.values()].every(
			({ configString }) => Buffer.from(configString).toString() === "Hello",
		),
	);
});

t.test("the mask of each blade is asked when its turn comes", async (t) => {
	const bench = crowd(10);
	for (const blade of bench.registry.match(addressOf(100, 3))) blade?.access.mask.add(0x0200000000bb);
	bench.link.receive(QUERY);
	const addresses = drain(bench).map(address);
	t.equal(addresses.length, 9);
	t.notOk(addresses.includes("100.3"));
	t.same(bench.rejected, { masked: 1 });
});

t.test("a flood of broadcasts is bounded, and over when it is over", async (t) => {
	const bench = crowd(2, { rooms: 1, holdSent: true });
	for (let i = 0; i < 3000; i++) bench.link.receive(QUERY);
	const refused = bench.stats.rejected.discoveryBacklog;
	t.equal(refused, 3000 - 1024);
	t.equal(drain(bench).length, 2 * 1024);
	t.equal(bench.ask(QUERY).length, 1, "afterwards it goes on");
});

t.test("stopping forgets what waits", async (t) => {
	const bench = crowd(10, { rooms: 1, holdSent: true });
	bench.link.receive(QUERY);
	bench.target.stop();
	t.equal(drain(bench).length, 1);
});
