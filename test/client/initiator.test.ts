// Our initiator against our target, on networks in memory: good ones and bad ones.
import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { Random } from "../../lib/random.js";
import { faultySchedule } from "../../lib/testing/faulty-schedule.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { Lab } from "./harness.js";

/** Bytes that tell where they belong: every sector differs from every other, and from run to run. */
function pattern(lba: number, sectors: number, salt: number): Uint8Array {
	const bytes = new Uint8Array(sectors * 512);
	for (let at = 0; at < bytes.length; at++)
		bytes[at] = ((lba + (at >>> 9)) * 37 + (at & 511) * 11 + salt * 101) & 0xff;
	return bytes;
}

t.test("blades are found, all of them or those of an address", async (t) => {
	const lab = new Lab();
	const second = lab.addTarget();
	lab.target.serve(9, 1).configString = Buffer.from("hello");
	lab.target.serve(9, 0);
	second.serve(3, 7);
	second.serve(9, 0);
	const found = await lab.run(lab.initiator.discover());
	const here = lab.target.link.mac;
	const there = second.link.mac;
	t.strictSame(
		found.map(({ shelf, slot, mac }) => [shelf, slot, mac]),
		[
			[3, 7, there],
			[9, 0, here],
			[9, 0, there],
			[9, 1, here],
		],
		"in order, each once, although asked several times",
	);
	const last = found.at(-1);
	t.equal(Buffer.from(last?.configString ?? []).toString(), "hello");
	t.equal(last?.bufferCount, 16);
	t.equal(last?.firmwareVersion, 0x1234);
	t.equal(last?.sectorsPerFrame, 16);
	t.strictSame((await lab.run(lab.initiator.discover({ shelf: 9, slot: 1 }))).length, 1);
	t.strictSame(await lab.run(lab.initiator.discover({ shelf: 77 })), []);
	t.equal(lab.initiator.stats.strays, 0);
});

t.test("a disk says who it is", async (t) => {
	const lab = new Lab();
	const blade = lab.target.serve(9, 0, new MemoryDevice(512 * 5000, { physicalBlockBytes: 4096 }));
	const disk = await lab.run(lab.initiator.open(9, 0));
	t.equal(disk.name, "e9.0");
	t.equal(disk.sectorCount, 5000);
	t.strictSame(disk.identity, {
		serial: blade.disk.identity.serial,
		firmware: "1.0",
		model: "vblade ATA over Ethernet disk",
		sectorCount: 5000,
		extended: true,
		physicalBlockBytes: 4096,
		canFlush: true,
		canFlushExt: true,
		trimBlocksMax: disk.identity.trimBlocksMax,
		trimmedIsZero: true,
		writeCache: false,
		wwn: blade.disk.identity.wwn,
		epoch: null,
	});
	t.ok(disk.identity.trimBlocksMax > 0);
	t.equal(await lab.run(disk.ping()), 0, "no time passes on this network");
});

for (const mtu of [1500, 4200, 9000])
	t.test(`what is written is read, MTU ${mtu}`, async (t) => {
		const lab = new Lab({ link: { mtu } });
		lab.target.serve(9, 0);
		const disk = await lab.run(lab.initiator.open(9, 0));
		t.equal(disk.sectorsPerFrame, { 1500: 2, 4200: 8, 9000: 16 }[mtu]);
		const model = new Uint8Array(2 ** 20);
		for (const [lba, sectors] of [
			[0, 1],
			[2047, 1],
			[0, 2048],
			[3, 17],
			[16, 16],
			[100, 33],
			[500, 0],
		] as const) {
			const bytes = pattern(lba, sectors, lba + sectors);
			model.set(bytes, lba * 512);
			await lab.run(disk.write(lba, bytes));
			const back = await lab.run(disk.read(lba, sectors));
			t.ok(Buffer.from(back).equals(bytes), `${sectors} sectors at ${lba}`);
		}
		t.ok(Buffer.from(await lab.run(disk.read(0, 2048))).equals(model), "and nothing else has changed");
		t.equal(lab.initiator.stats.retransmissions, 0);
	});

t.test("flush, trim and other commands", async (t) => {
	const lab = new Lab();
	lab.target.serve(9, 0, new MemoryDevice(512 * 200_000));
	const disk = await lab.run(lab.initiator.open(9, 0));
	await lab.run(disk.flush());
	for (const lba of [9, 10, 140_009, 140_010]) await lab.run(disk.write(lba, pattern(lba, 1, 1)));
	await lab.run(disk.trim(10, 140_000));
	const zeros = Buffer.alloc(512);
	for (const [lba, trimmed] of [
		[9, false],
		[10, true],
		[140_009, true],
		[140_010, false],
	] as const)
		t.equal(Buffer.from(await lab.run(disk.read(lba, 1))).equals(zeros), trimmed, `sector ${lba}`);
	const answer = await lab.run(disk.command({ command: 0xe5 }));
	t.strictSame([answer.status, answer.count], [0x40, 0xff], "CHECK POWER MODE: active");
});

t.test("what a disk or target refuses is told apart", async (t) => {
	const lab = new Lab();
	const blade = lab.target.serve(9, 0);
	lab.target.serve(9, 1, new MemoryDevice(2 ** 20, { readOnly: true }));
	const disk = await lab.run(lab.initiator.open(9, 0));
	await t.rejects(lab.run(disk.read(2040, 16)), { name: "DiskError", error: 0x10, lba: 2048 });
	await t.rejects(lab.run(disk.command({ command: 0xff })), { name: "DiskError", error: 0x04 });
	const readOnly = await lab.run(lab.initiator.open(9, 1));
	await t.rejects(lab.run(readOnly.write(0, new Uint8Array(512))), { name: "DiskError", error: 0x04 });
	await t.rejects(disk.write(0, new Uint8Array(100)), { name: "InitiatorError" });
	blade.access.reserved = new Set([0x02aabbccddee]);
	await t.rejects(lab.run(disk.read(0, 1)), {
		name: "RefusedError",
		code: 6,
		message: "e9.0: read of LBA 0: the target refuses (AoE error 6, reserved)",
	});
});

t.test("nobody answers: asked again ever more slowly, given up at the deadline", async (t) => {
	const sentMs: number[] = [];
	const tags = new Set<string>();
	const clock = new VirtualClock();
	const lab = new Lab({
		clock,
		deadlineMs: 10_000,
		schedule: (_deliver, frame) => {
			sentMs.push(clock.now());
			tags.add(Buffer.from(frame.subarray(20, 24)).toString("hex"));
		},
	});
	await t.rejects(lab.run(lab.initiator.open(4, 2)), { name: "NoAnswerError", message: "e4.2: no answer" });
	t.strictSame(sentMs, [0, 250, 750, 1750, 3750, 5750, 7750, 9750]);
	t.equal(clock.now(), 10_000);
	t.equal(tags.size, sentMs.length, "every attempt has its own tag");
	t.notOk(tags.has("00000000"));
	t.equal(lab.initiator.stats.retransmissions, 7);
});

t.test("an answer to any attempt counts, the next one is a stray", async (t) => {
	const clock = new VirtualClock();
	let delayMs = 0;
	const lab = new Lab({ clock, schedule: (deliver) => void clock.after(delayMs, deliver) });
	lab.target.serve(9, 0);
	const disk = await lab.run(lab.initiator.open(9, 0));
	await lab.run(disk.write(5, pattern(5, 1, 1)));
	delayMs = 140;
	const startMs = clock.now();
	const bytes = await lab.run(disk.read(5, 1));
	t.ok(Buffer.from(bytes).equals(pattern(5, 1, 1)));
	t.equal(clock.now() - startMs, 280, "the answer to the first attempt");
	t.equal(lab.initiator.stats.retransmissions, 1, "there was a second");
	await lab.run(new Promise<void>((resolve) => void clock.after(1000, resolve)));
	t.equal(lab.initiator.stats.strays, 1, "its answer came too late");
	await lab.run(disk.read(5, 1));
	t.equal(lab.initiator.stats.retransmissions, 1, "by now it knows that answers take longer");
});

t.test("a write is done when no copy of it is left, a read with the first answer", async (t) => {
	for (const { lost, doneMs, left } of [
		{ lost: false, doneMs: 280 + 100, left: "answered" },
		{ lost: true, doneMs: 100 + 400, left: "as old as frames get" },
	]) {
		const clock = new VirtualClock();
		let delayMs = 0;
		let frames = 0;
		const schedule = (deliver: () => void): void => {
			frames += 1;
			// Two copies go out; the second one, or its answer, is the fourth frame at the earliest.
			if (lost && delayMs > 0 && frames === 2) return;
			clock.after(delayMs, deliver);
		};
		const lab = new Lab({ clock, schedule, frameLifetimeMs: 400 });
		lab.target.serve(9, 0);
		const disk = await lab.run(lab.initiator.open(9, 0));
		delayMs = 140;
		frames = 0;
		const startMs = clock.now();
		await lab.run(disk.write(5, pattern(5, 1, 1)));
		t.equal(clock.now() - startMs, doneMs, `until the other copy is ${left}`);
		t.equal(lab.initiator.stats.retransmissions, 1);
		t.equal(lab.initiator.stats.strays, 0);
	}
});

t.test("no more frames are outstanding than the target has room for", async (t) => {
	for (const [bufferCount, window] of [
		[4, undefined],
		[16, 3],
		[2, 50],
	] as const) {
		const clock = new VirtualClock();
		let outstanding = 0;
		let most = 0;
		const lab = new Lab({
			clock,
			bufferCount,
			schedule: (deliver, _frame, from) => {
				outstanding += from === lab.target.link ? -1 : 1;
				most = Math.max(most, outstanding);
				clock.after(1, deliver);
			},
		});
		lab.target.serve(9, 0);
		const disk = await lab.run(lab.initiator.open(9, 0, window));
		await lab.run(Promise.all([disk.read(0, 500), disk.read(700, 500)]));
		t.equal(most, Math.min(bufferCount, window ?? bufferCount), `${bufferCount} buffers, window ${window}`);
	}
});

t.test("a request that fails ends when all its frames have", async (t) => {
	const lab = new Lab();
	lab.target.serve(9, 0);
	const disk = await lab.run(lab.initiator.open(9, 0));
	const { requests } = lab.initiator.stats;
	await t.rejects(lab.run(disk.read(2000, 100)), { name: "DiskError", lba: 2048 });
	t.equal(lab.initiator.stats.requests - requests, 7);
});

t.test("close ends what is open", async (t) => {
	const lab = new Lab({ schedule: () => {} });
	const opening = lab.initiator.open(1, 1);
	const failed = t.rejects(opening, { name: "InitiatorError", message: /closed/ });
	lab.initiator.close();
	await failed;
	await t.rejects(lab.initiator.open(1, 1), { message: /closed/ });
	t.notOk(lab.clock.step(), "no timer is left");
});

t.test("a link that goes down, or shrinks, only costs time", async (t) => {
	const lab = new Lab();
	lab.target.serve(9, 0);
	const disk = await lab.run(lab.initiator.open(9, 0));
	const { link } = lab.target;
	link.setUp(false);
	lab.clock.after(3000, () => link.setUp(true));
	await lab.run(disk.write(7, pattern(7, 40, 3)));
	t.ok(lab.clock.now() >= 3000);
	(lab.initiator.link as typeof link).setMtu(1500);
	link.setMtu(1500);
	t.equal(disk.sectorsPerFrame, 2);
	t.ok(Buffer.from(await lab.run(disk.read(7, 40))).equals(pattern(7, 40, 3)));
});

t.test("nothing is lost on a network that loses, doubles and reorders", async (t) => {
	const { SEED } = process.env;
	const random = SEED === undefined ? new Random() : new Random(Number(SEED));
	t.comment(`SEED=${random.seed}`);
	const clock = new VirtualClock();
	const rates = { dropRate: 0.08, duplicateRate: 0.08, delayRate: 0.3, delayMs: 60 };
	const { schedule, counts } = faultySchedule({ clock, random, ...rates });
	const lab = new Lab({ clock, schedule, deadlineMs: 180_000 });
	lab.target.serve(9, 0);
	const disk = await lab.run(lab.initiator.open(9, 0));
	const model = new Uint8Array(2 ** 20);
	for (let round = 0; round < 20; round++) {
		// Ranges of their own, so that the order in which they are written does not matter.
		const writes: Promise<void>[] = [];
		for (let lba = random.below(50); lba < 2000; ) {
			const sectors = 1 + random.below(48);
			const bytes = pattern(lba, sectors, round);
			model.set(bytes, lba * 512);
			writes.push(disk.write(lba, bytes));
			lba += sectors + random.below(200);
		}
		await lab.run(Promise.all(writes));
		const lba = random.below(1000);
		const sectors = 1 + random.below(1000);
		const back = Buffer.from(await lab.run(disk.read(lba, sectors)));
		t.ok(back.equals(model.subarray(lba * 512, (lba + sectors) * 512)), `round ${round}`);
	}
	t.ok(Buffer.from(await lab.run(disk.read(0, 2048))).equals(model), "all of the disk");
	t.ok(counts.dropped > 50 && counts.duplicated > 50 && counts.delayed > 200, JSON.stringify(counts));
	t.ok(lab.initiator.stats.retransmissions >= counts.dropped / 2);
	t.ok(
		(await lab.run(lab.initiator.discover({ waitMs: 600 }))).length === 1,
		"discovery asks more than once",
	);
});
