// A bad network before a link: the conformance suite where the network is good, and what becomes of frames where it is not.
import t from "tap";
import type { FrameSink, Link } from "../../lib/link/link.js";
import { ALL_PEERS } from "../../lib/link/link.js";
import { memoryLinkPair } from "../../lib/link/memory.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";
import { type FaultCounts, type Faults, faultySchedule } from "../../lib/testing/faulty-schedule.js";
import { linkConformance } from "../../lib/testing/link-conformance.js";
import { LossyLink } from "../../lib/testing/lossy-link.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import type { Memory } from "../../lib/wire/memory.js";

await linkConformance(t, "a lossy link that loses nothing", async () => {
	const pump = new Pump();
	const [near, far] = memoryLinkPair(pump);
	const lossy = new LossyLink(near, (deliver) => deliver());
	return {
		pump,
		near: lossy,
		far,
		close: async () => {
			await lossy.close();
			await far.close();
		},
	};
});

class Sink implements FrameSink {
	readonly frames: Buffer[] = [];
	changes = 0;

	frame(_link: Link, memory: Memory, offset: number, frameBytes: number): void {
		this.frames.push(Buffer.from(memory.bytes.slice(offset, offset + frameBytes)));
	}

	linkChanged(): void {
		this.changes += 1;
	}

	/** The numbers of the frames. */
	get marks(): number[] {
		return this.frames.map((frame) => frame.readUInt32BE(40));
	}
}

const FRAMES = 300;

/** Numbered frames to a lossy link and from it, one a millisecond. */
function through(faults: Omit<Faults, "clock" | "random">): { to: Sink; from: Sink; counts: FaultCounts } {
	const clock = new VirtualClock();
	const pump = new Pump();
	const [near, far] = memoryLinkPair(pump);
	const { schedule, counts } = faultySchedule({ ...faults, clock, random: new Random(7) });
	const lossy = new LossyLink(near, schedule);
	const [to, from] = [new Sink(), new Sink()];
	lossy.attach(to);
	far.attach(from);
	const send = (link: Link, destination: number, mark: number): void => {
		const slot = link.acquire()!;
		const frame = Buffer.from(slot.memory.bytes.buffer, slot.memory.bytes.byteOffset + slot.offset, 60);
		frame.fill(0);
		frame.writeUIntBE(destination, 0, 6);
		frame.writeUIntBE(link.mac, 6, 6);
		frame.writeUInt32BE(mark, 40);
		link.transmit(slot, 60, ALL_PEERS);
		pump.run();
	};
	for (let mark = 0; mark < FRAMES; mark++)
		clock.after(mark, () => {
			send(far, lossy.mac, mark);
			send(lossy, far.mac, mark);
		});
	while (clock.step()) pump.run();
	return { to, from, counts };
}

const inOrder = (marks: readonly number[]): boolean =>
	marks.every((mark, at) => at === 0 || mark >= marks[at - 1]!);

t.test("both ways, everything can happen to a frame", async (t) => {
	const { to, from, counts } = through({ dropRate: 0.1, duplicateRate: 0.1, delayRate: 0.2, delayMs: 20 });
	t.equal(counts.frames, 2 * FRAMES);
	t.equal(to.frames.length + from.frames.length, counts.frames - counts.dropped + counts.duplicated);
	for (const { marks } of [to, from]) {
		t.notOk(inOrder(marks), "some have been overtaken");
		t.ok(new Set(marks).size < FRAMES && new Set(marks).size < marks.length, "some are lost, some doubled");
	}
	t.ok(counts.dropped > 20 && counts.duplicated > 20 && counts.delayed > 50);
});

t.test("on an ordered network nothing is overtaken, however long it is held up", async (t) => {
	const { to, from, counts } = through({ ordered: true, duplicateRate: 0.1, delayRate: 0.2, delayMs: 50 });
	t.ok(inOrder(to.marks) && inOrder(from.marks));
	t.equal(to.frames.length + from.frames.length, 2 * FRAMES + counts.duplicated);
	t.ok(counts.delayed > 50);
});

t.test(
	"damage is one bit, where a receiver looks, and not in the address on the disk or the data",
	async (t) => {
		const { from, counts } = through({ corruptRate: 0.5 });
		const sound = through({}).from.frames;
		const places = new Set<number>();
		for (const [at, frame] of from.frames.entries()) {
			const turned = [...frame].map((byte, place) => byte ^ sound[at]![place]!);
			const bytes = turned.flatMap((bits, place) => (bits === 0 ? [] : [{ bits, place }]));
			if (bytes.length === 0) continue;
			places.add(bytes[0]!.place);
			if (bytes.length !== 1 || Math.log2(bytes[0]!.bits) % 1 !== 0)
				t.fail(`damaged in ${JSON.stringify(bytes)}`);
		}
		t.strictSame(
			[...places].sort((a, b) => a - b),
			[0, 3, 5, 12, 13, 14, 16, 17, 20],
		);
		t.ok(counts.corrupted > FRAMES / 2);
	},
);

t.test("frames held up when the link is closed are lost", async (t) => {
	const clock = new VirtualClock();
	const pump = new Pump();
	const [near, far] = memoryLinkPair(pump);
	const lossy = new LossyLink(near, (deliver) => void clock.after(10, deliver));
	const sink = new Sink();
	lossy.attach(sink);
	const slot = far.acquire()!;
	slot.memory.bytes.fill(0xff, slot.offset, slot.offset + 60);
	far.transmit(slot, 60, ALL_PEERS);
	pump.run();
	near.setMtu(1500);
	t.equal(sink.changes, 1, "changes are passed on");
	t.equal(lossy.mtu, 1500);
	await lossy.close();
	clock.step();
	t.equal(sink.frames.length, 0);
});

t.test(
	"frames for which there is no room when they are due are counted as lost, beside those of the link",
	async (t) => {
		const pump = new Pump();
		const [near] = memoryLinkPair(pump, { rooms: 1 });
		const due: (() => void)[] = [];
		const lossy = new LossyLink(near, (deliver) => due.push(deliver));
		for (let i = 0; i < 2; i++) lossy.transmit(lossy.acquire()!, 60, ALL_PEERS);
		near.setUp(false);
		for (const deliver of due) deliver();
		t.equal(lossy.stats.droppedOut, 1, "the one room was taken");
		pump.run();
		t.equal(near.stats.droppedOut, 1, "the link was down");
		t.equal(lossy.stats.droppedOut, 2);
		await lossy.close();
	},
);
