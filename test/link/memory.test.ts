// The network in memory: the conformance suite, and what only this link can do.
import t from "tap";
import type { FrameSink, Link } from "../../lib/link/link.js";
import { ALL_PEERS } from "../../lib/link/link.js";
import { type MemoryLink, MemorySwitch, memoryLinkPair } from "../../lib/link/memory.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";
import { faultySchedule } from "../../lib/testing/faulty-schedule.js";
import { linkConformance } from "../../lib/testing/link-conformance.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { MAC_BROADCAST } from "../../lib/wire/ethernet.js";
import type { Memory } from "../../lib/wire/memory.js";

/** Keeps the last byte of each frame, the memory of the last one, and how often the link changed. */
class Sink implements FrameSink {
	readonly marks: number[] = [];
	memory: Memory | undefined;
	changes = 0;

	frame(_link: Link, memory: Memory, offset: number, frameBytes: number): void {
		this.marks.push(memory.bytes[offset + frameBytes - 1] ?? -1);
		this.memory = memory;
	}

	linkChanged(): void {
		this.changes += 1;
	}
}

/** Queues a frame of 60 bytes that ends with `mark`. The destination's bytes are written out here, not by our fields. */
function send(from: Link, destination: number, mark: number, frameBytes = 60): boolean {
	const slot = from.acquire();
	if (slot === undefined) return false;
	const { bytes } = slot.memory;
	bytes.fill(0, slot.offset, slot.offset + frameBytes);
	Buffer.from(destination.toString(16).padStart(12, "0"), "hex").copy(bytes, slot.offset);
	bytes[slot.offset + frameBytes - 1] = mark;
	from.transmit(slot, frameBytes, ALL_PEERS);
	return true;
}

function attached(link: MemoryLink): Sink {
	const sink = new Sink();
	link.attach(sink);
	return sink;
}

for (const mtu of [1500, 9000])
	await linkConformance(t, `memory, MTU ${mtu}`, async () => {
		const pump = new Pump();
		const [near, far] = memoryLinkPair(pump, { mtu }, { mtu });
		return {
			pump,
			near,
			far,
			close: async () => {
				await near.close();
				await far.close();
			},
		};
	});

t.test("a switch brings a frame to the port it is for, others to all but its sender", async (t) => {
	const pump = new Pump();
	const ether = new MemorySwitch();
	const ports = [ether.link(pump), ether.link(pump), ether.link(pump, { mac: 0x02aabbccddee })];
	const sinks = ports.map(attached);
	const seen = () => sinks.map((sink) => sink.marks.splice(0).join());
	const first = ports[0] as MemoryLink;
	send(first, 0x02aabbccddee, 1);
	pump.run();
	t.strictSame(seen(), ["", "", "1"], "one port has this address");
	send(first, MAC_BROADCAST, 2);
	pump.run();
	t.strictSame(seen(), ["", "2", "2"], "broadcast");
	send(first, 0x020000000077, 3);
	pump.run();
	t.strictSame(seen(), ["", "3", "3"], "nobody has this address");
	await ports[2]?.close();
	send(first, 0x02aabbccddee, 4);
	pump.run();
	t.strictSame(seen(), ["", "4", ""], "closed ports are gone");
});

t.test("a frame arrives in the run that sends it, and its bytes are gone afterwards", async (t) => {
	const pump = new Pump();
	const [near, far] = memoryLinkPair(pump);
	const sink = attached(far);
	send(near, far.mac, 7);
	t.strictSame(sink.marks, [], "not before the pump runs");
	pump.run();
	t.strictSame(sink.marks, [7]);
	t.equal(sink.memory?.bytes[59], 7, "still there");
	await null;
	t.equal(sink.memory?.bytes[59], 0xdb, "overwritten");
	t.ok(sink.memory?.bytes.subarray(0, 60).every((byte) => byte === 0xdb));
});

t.test("bytes hold to the end of the run, whatever else comes in during it", async (t) => {
	const pump = new Pump();
	const [near, far] = memoryLinkPair(pump);
	const held: Memory[] = [];
	const marks = () => held.map(({ bytes }) => bytes[59]);
	far.attach({
		frame(_link, memory) {
			held.push(memory);
			if (held.length < 5) send(far, near.mac, 0);
		},
		linkChanged() {},
	});
	near.attach({ frame: () => void send(near, far.mac, 10 + held.length), linkChanged() {} });
	send(near, far.mac, 10);
	pump.run();
	t.strictSame(marks(), [10, 11, 12, 13, 14], "all of one run");
	send(near, far.mac, 20);
	pump.run();
	t.notOk(marks().includes(11), "gone with the next");
});

t.test("any number of runs in one turn of the event loop, without a drop", async (t) => {
	const pump = new Pump();
	const [near, far] = memoryLinkPair(pump, { rooms: 4 }, { rooms: 4 });
	const sink = attached(far);
	for (let mark = 0; mark < 100; mark++) {
		send(near, far.mac, mark);
		pump.run();
	}
	t.equal(sink.marks.length, 100);
	t.equal(far.stats.droppedIn, 0);
});

t.test("a full port drops and counts", async (t) => {
	const pump = new Pump();
	const [near, far] = memoryLinkPair(pump, { rooms: 8 }, { rooms: 3 });
	const sink = attached(far);
	for (let mark = 0; mark < 8; mark++) t.ok(send(near, far.mac, mark));
	t.notOk(send(near, far.mac, 9), "no ninth slot");
	pump.run();
	t.strictSame(sink.marks, [0, 1, 2], "the first three have room");
	t.equal(far.stats.droppedIn, 5);
	t.equal(far.stats.framesIn, 3);
	t.equal(near.stats.framesOut, 8);
});

t.test("more rooms once twice as many frames can be under way, up to a bound", async (t) => {
	const pump = new Pump();
	const [near, far] = memoryLinkPair(pump);
	const sink = attached(far);
	const held = near.acquire();
	for (let mark = 0; mark < 255; mark++) t.ok(send(near, far.mac, mark));
	t.notOk(send(near, far.mac, 0), "256 of them");
	near.makeRoom(255);
	t.equal(near.freeRooms, 0, "enough for that");
	near.makeRoom(300);
	t.equal(near.freeRooms, 600 - 256, "twice as many as can be under way");
	for (let mark = 0; mark < 600 - 256; mark++) t.ok(send(near, far.mac, mark));
	t.notOk(send(near, far.mac, 0));
	far.makeRoom(300);
	pump.run();
	t.equal(sink.marks.length, 599, "as many again may wait at the other end");
	t.equal(sink.marks[254], 254, "those that waited are the first");
	if (held !== undefined) near.release(held);
	t.equal(near.freeRooms, 600);
	near.setMtu(1500);
	t.equal(near.freeRooms, 600, "at another MTU, too");
	near.makeRoom(1e6);
	t.equal(near.freeRooms, 8192);
	if (held !== undefined) near.release(held);
	t.equal(near.freeRooms, 8192, "one of the old MTU is forgotten");
});

t.test("up, down, MTU and address change while it runs", async (t) => {
	const pump = new Pump();
	const [near, far] = memoryLinkPair(pump, { mtu: 1500 }, { mtu: 1500 });
	const sink = attached(far);
	far.setUp(false);
	send(near, far.mac, 1);
	pump.run();
	t.equal(far.stats.droppedIn, 1, "a port that is down receives nothing");
	send(far, near.mac, 2);
	pump.run();
	t.equal(far.stats.droppedOut, 1, "and sends nothing");
	far.setUp(true);
	near.setMtu(9000);
	t.equal(near.acquire()?.capacityBytes, 9014, "slots hold the longest frame of the new MTU");
	send(near, far.mac, 3, 1515);
	pump.run();
	t.equal(far.stats.droppedIn, 2, "too long for the other end");
	far.setMtu(9000);
	send(near, far.mac, 4, 9014);
	pump.run();
	t.strictSame(sink.marks, [4]);
	const held = near.acquire();
	send(near, far.mac, 5);
	near.setMtu(1500);
	t.equal(near.stats.droppedOut, 1, "what waited is lost");
	if (held !== undefined) near.release(held);
	near.setMac(0x02deadbeef00);
	t.equal(near.mac, 0x02deadbeef00);
	t.equal(sink.changes, 3, "the sink of the far end was told of its three changes");
	send(far, 0x02deadbeef00, 6);
	pump.run();
	t.equal(near.stats.droppedIn, 1, "nobody is attached there");
});

t.test("misuse of slots is a defect, not a lost frame", async (t) => {
	const pump = new Pump();
	const [near, far] = memoryLinkPair(pump);
	const slot = near.acquire();
	if (slot === undefined) throw new Error("no slot");
	near.release(slot);
	t.throws(() => near.release(slot), { name: "InvariantError" });
	t.throws(() => near.transmit(slot, 60, 0), { name: "InvariantError" });
	const other = near.acquire();
	if (other === undefined) throw new Error("no slot");
	t.throws(() => near.transmit(other, 60, 0, 512), { name: "InvariantError" }, "it cannot gather");
	t.throws(() => near.transmit(other, 9015, 0), { name: "InvariantError" }, "longer than the slot");
	attached(far);
	t.throws(() => attached(far), { name: "InvariantError" }, "attached twice");
});

t.test("a schedule decides what arrives, when and how often", async (t) => {
	const pump = new Pump();
	const waiting: (() => void)[] = [];
	const [near, far] = memoryLinkPair(pump, {}, {}, { schedule: (deliver) => waiting.push(deliver) });
	const sink = attached(far);
	for (const mark of [1, 2, 3]) send(near, far.mac, mark);
	pump.run();
	t.strictSame(sink.marks, []);
	for (const index of [2, 0, 0]) waiting[index]?.();
	pump.run();
	t.strictSame(sink.marks, [3, 1, 1]);
});

t.test("the same seed makes the same faults", async (t) => {
	const run = (seed: number) => {
		const clock = new VirtualClock();
		const rates = { dropRate: 0.1, duplicateRate: 0.1, delayRate: 0.2, delayMs: 50 };
		const { schedule, counts } = faultySchedule({ clock, random: new Random(seed), ...rates });
		const pump = new Pump();
		const [near, far] = memoryLinkPair(pump, {}, {}, { schedule });
		const sink = attached(far);
		for (let mark = 0; mark < 200; mark++) {
			send(near, far.mac, mark);
			pump.run();
			if (mark % 10 === 0) clock.step();
			pump.run();
		}
		while (clock.step()) pump.run();
		return { marks: sink.marks, counts };
	};
	const { marks, counts } = run(1);
	t.strictSame(run(1), { marks, counts });
	t.notSame(run(2).marks, marks);
	t.equal(counts.frames, 200);
	t.equal(marks.length, 200 - counts.dropped + counts.duplicated, "every frame is accounted for");
	for (const count of [counts.dropped, counts.duplicated, counts.delayed]) t.ok(count > 0);
});
