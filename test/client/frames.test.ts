// The frames that our initiator sends, byte by byte, and the answers it accepts: written here by hand from the standard.
import t, { type Test } from "tap";
import { readIdentity } from "../../lib/client/identify.js";
import { Initiator } from "../../lib/client/initiator.js";
import type { FrameSink, Link } from "../../lib/link/link.js";
import { MemorySwitch } from "../../lib/link/memory.js";
import { Pump } from "../../lib/pump.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import type { Memory } from "../../lib/wire/memory.js";

const TARGET_MAC = "020000000001";
const OWN_MAC = "020000000002";

/** A target made of a function: gets each frame as hexadecimal, tag replaced by `tttttttt`, and answers with frames. */
class ScriptedTarget implements FrameSink {
	readonly heard: string[] = [];
	#answer: (frame: Buffer) => (Buffer | string)[];

	constructor(
		readonly link: Link,
		answer: (frame: Buffer) => (Buffer | string)[],
	) {
		this.#answer = answer;
		link.attach(this);
	}

	set answer(answer: (frame: Buffer) => (Buffer | string)[]) {
		this.#answer = answer;
	}

	frame(_link: Link, memory: Memory, offset: number, frameBytes: number): void {
		const frame = Buffer.from(memory.bytes.slice(offset, offset + frameBytes));
		const tag = frame.toString("hex", 20, 24);
		this.heard.push(
			`${frame.toString("hex", 0, 20)}tttttttt${frame.toString("hex", 24)}`.replace(/(00)+$/, ""),
		);
		for (const answer of this.#answer(frame)) {
			const hex = typeof answer === "string" ? answer : answer.toString("hex");
			const bytes = Buffer.from(hex.replace("tttttttt", tag), "hex");
			const slot = this.link.acquire();
			if (slot === undefined) throw new Error("no slot");
			bytes.copy(slot.memory.bytes, slot.offset);
			this.link.transmit(slot, bytes.length, 0);
		}
	}

	linkChanged(): void {}
}

/** The first 24 bytes of an answer from e9.0. `flags`: version 1 and R unless said. */
function header(
	command: string,
	{ flags = "18", error = "00", to = OWN_MAC, from = TARGET_MAC, slot = "00" } = {},
) {
	return `${to}${from}88a2${flags}${error}0009${slot}${command}tttttttt`;
}

/** Buffer count 16, firmware 0x4019, 2 sectors a frame, string "ab". */
const CONFIG_ANSWER = `${header("01")}00104019021000026162`;

/** IDENTIFY of a disk without 48-bit addresses, of 2048 sectors; `patch` changes words. */
function identifyData(patch: Record<number, number> = {}): Buffer {
	const data = Buffer.alloc(512);
	data.writeUInt16LE(2048, 120);
	for (const [word, value] of Object.entries(patch)) data.writeUInt16LE(value, Number(word) * 2);
	return data;
}

/** Words that say: LBA48, flush, TRIM with lists of 1 block, 2^33 sectors. */
const MODERN = { 82: 0x20, 83: 0x7400, 84: 0x4100, 85: 0x20, 86: 0x3400, 102: 2, 105: 1, 169: 1 };

function ataAnswer(registers: string, data: Uint8Array = Buffer.alloc(0)): string {
	return `${header("00")}${registers}${Buffer.from(data).toString("hex")}`;
}

async function scripted(t: Test, words: Record<number, number> = {}) {
	const clock = new VirtualClock();
	const pump = new Pump();
	const ether = new MemorySwitch();
	const target = new ScriptedTarget(ether.link(pump, { mtu: 1500 }), (frame) =>
		frame[19] === 1 ? [CONFIG_ANSWER] : [ataAnswer("400001400000000000000000", identifyData(words))],
	);
	const initiator = new Initiator(ether.link(pump, { mtu: 1500 }), { clock, deadlineMs: 1000 });
	const disk = await clock.until(initiator.open(9, 0));
	const opening = target.heard.splice(0);
	t.teardown(() => initiator.close());
	return { clock, target, initiator, disk, opening, run: <T>(promise: Promise<T>) => clock.until(promise) };
}

const ATA_TO = `${TARGET_MAC}${OWN_MAC}88a2100000090000tttttttt`;

t.test("opening a disk: config query to all, IDENTIFY to the one that answered", async (t) => {
	const { opening, disk } = await scripted(t);
	t.strictSame(opening, [`ffffffffffff${OWN_MAC}88a2100000090001tttttttt`, `${ATA_TO}000001ec000000e0`]);
	t.strictSame(
		[disk.blade.bufferCount, disk.blade.firmwareVersion, disk.blade.sectorsPerFrame, disk.sectorCount],
		[16, 0x4019, 2, 2048],
	);
	t.equal(Buffer.from(disk.blade.configString).toString(), "ab");
});

t.test("commands with 28 bits", async (t) => {
	const { target, disk, run } = await scripted(t);
	const data = Buffer.alloc(1024, 0x5a);
	target.answer = () => [ataAnswer("000000400000000000000000", data)];
	t.ok(Buffer.from(await run(disk.read(0x0123456, 2))).equals(data));
	await run(disk.write(0xabcdef1, data));
	await run(disk.flush());
	t.strictSame(target.heard, [
		`${ATA_TO}00000220563412e0`,
		`${ATA_TO}01000230f1debcea0000${"0000"}${"5a".repeat(1024)}`,
		`${ATA_TO}000000e7000000e0`,
	]);
	await t.rejects(run(disk.trim(0, 1)), { name: "InitiatorError", message: /has no TRIM/ });
});

t.test("commands with 48 bits", async (t) => {
	const { target, disk, run } = await scripted(t, MODERN);
	t.equal(disk.sectorCount, 2 ** 33);
	const data = Buffer.alloc(512, 0xa5);
	target.answer = () => [ataAnswer("400000400000000000000000", data)];
	await run(disk.read(0x0123456789, 1));
	await run(disk.write(0x0123456789, data));
	await run(disk.flush());
	await run(disk.trim(0x0123456789, 0x10001));
	t.strictSame(target.heard, [
		`${ATA_TO}40000124896745230100`.replace(/(00)+$/, ""),
		`${ATA_TO}41000134896745230100${"0000"}${"a5".repeat(512)}`,
		`${ATA_TO}400000ea`,
		`${ATA_TO}41010106000000000000${"0000"}896745230100ffff886746230100${"0200"}`.replace(/(00)+$/, ""),
	]);
});

t.test("a long TRIM goes in lists of as many blocks as the disk takes", async (t) => {
	const { target, disk, run } = await scripted(t, MODERN);
	target.answer = () => [ataAnswer("400000400000000000000000")];
	await run(disk.trim(0, 65535 * 65));
	t.equal(target.heard.length, 2, "64 entries in a block, one block a list");
	t.equal(target.heard[0]?.length, (36 + 512) * 2);
	t.equal(target.heard[1], `${ATA_TO}41010106000000000000${"0000"}c0ff3f000000ffff`);
});

t.test("answers that are none of ours are strays", async (t) => {
	const { target, initiator, disk, run } = await scripted(t);
	const good = Buffer.alloc(512, 1);
	const bad = Buffer.alloc(512, 2);
	const registers = "000000400000000000000000";
	const wrong = {
		"another target": { from: "02000000abcd" },
		"another slot": { slot: "05" },
	};
	for (const [name, fields] of Object.entries(wrong)) {
		const before = initiator.stats.strays;
		target.answer = () => [
			`${header("00", fields)}${registers}${bad.toString("hex")}`,
			ataAnswer(registers, good),
		];
		t.ok(Buffer.from(await run(disk.read(0, 1))).equals(good), name);
		t.equal(initiator.stats.strays, before + 1);
	}
	const silent = {
		"not to us": `${header("00", { to: "02000000abcd" })}${registers}`,
		"no answer": `${header("00", { flags: "10" })}${registers}`,
		"not AoE": `${header("00").replace("88a2", "0800")}${registers}`,
	};
	for (const [name, frame] of Object.entries(silent)) {
		const before = initiator.stats.strays;
		target.answer = () => [frame, ataAnswer(registers, good)];
		t.ok(Buffer.from(await run(disk.read(0, 1))).equals(good), name);
		t.equal(initiator.stats.strays, before);
	}
	target.answer = () => [ataAnswer(registers, good), ataAnswer(registers, bad)];
	const before = initiator.stats.strays;
	t.ok(Buffer.from(await run(disk.read(0, 1))).equals(good), "the first of two");
	t.equal(initiator.stats.strays, before + 1);
	target.answer = () => [`${header("01")}${registers}`, ataAnswer(registers, good)];
	t.ok(Buffer.from(await run(disk.read(0, 1))).equals(good), "another command");
});

t.test("answers that make no sense are errors", async (t) => {
	const { target, disk, run } = await scripted(t);
	target.answer = () => [ataAnswer("000000400000000000000000", Buffer.alloc(511))];
	await t.rejects(run(disk.read(3, 1)), {
		name: "BadAnswerError",
		message: "e9.0: read of LBA 3: 0 bytes of data came instead of 512",
	});
	target.answer = () => [`${header("01")}0010401902100400`];
	await t.rejects(run(disk.ping()), { name: "BadAnswerError", message: /a string of 1024 bytes/ });
	target.answer = () => [ataAnswer("0040015134120000000000", Buffer.alloc(0))];
	await t.rejects(run(disk.read(3, 1)), { name: "DiskError", status: 0x51, error: 0x40, lba: 0x1234 });
	for (const status of ["c0", "60", "48", "41"]) {
		target.answer = () => [ataAnswer(`000000${status}0000000000000000`, Buffer.alloc(512))];
		await t.rejects(run(disk.read(3, 1)), { name: "DiskError" }, `status ${status}`);
	}
	target.answer = () => [`${header("00", { flags: "1c", error: "f1" })}000000000000000000000000`];
	await t.rejects(run(disk.read(3, 1)), { name: "RefusedError", code: 0xf1, message: /error 241, unknown/ });
});

t.test("IDENTIFY, as other disks have it", async (t) => {
	const data = identifyData({ 10: 0x4142, 19: 0x4344, 27: 0x5858, 60: 0xffff, 61: 0x0fff });
	t.match(readIdentity(data), { serial: /^AB.*CD$/s, sectorCount: 0x0fffffff, extended: false, wwn: 0n });
	t.equal(readIdentity(identifyData({ 106: 0x6003 })).physicalBlockBytes, 4096);
	t.equal(readIdentity(identifyData({ 106: 0xe003 })).physicalBlockBytes, 512, "word 106 not valid");
	t.equal(readIdentity(identifyData({ 83: 0x400 })).extended, false, "supported, not enabled");
	t.equal(readIdentity(identifyData({ 169: 1 })).trimBlocksMax, 1, "TRIM, most blocks not said");
	t.equal(readIdentity(identifyData({ 84: 0x100, 108: 0x5000, 111: 7 })).wwn, 0x5000000000000007n);
	t.throws(() => readIdentity(identifyData({ 255: 0x00a5 })), { name: "BadAnswerError" });
});
