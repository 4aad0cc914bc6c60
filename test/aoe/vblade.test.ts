// What vblade 25 gets wrong, as far as it shows on the wire: each a case that must never come back here. (What it gets wrong
// about links, files, the command line and vbladed is tested in those rooms.)
import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { STALE } from "../support/recording-link.js";
import { Bench, bytes, frame } from "../support/target-bench.js";

const T = "020000000001";
const A = "0200000000aa";
const B = "0200000000bb";
const ata = (registers: string, source = A): string =>
	`${T} ${source} 88a2 10 00 0009 00 00 00000001 ${registers}`;
const status = (reply: Buffer | undefined): unknown => ({
	flags: reply?.[14],
	error: reply?.[25],
	status: reply?.[27],
});
const at = (reply: Buffer | undefined, ...places: number[]): unknown => places.map((place) => reply?.[place]);
const DONE = { flags: 0x18, error: 0, status: 0x40 };
const ABORTED = { flags: 0x18, error: 0x04, status: 0x41 };

t.test("FLUSH CACHE and FLUSH CACHE EXT both succeed", async (t) => {
	const bench = new Bench();
	bench.disk();
	t.same(status(bench.ask(frame(ata("00 00 00 e7 000000a0 0000 0000")))[0]), DONE);
	t.same(status(bench.ask(frame(ata("40 00 00 ea 000000000000 0000")))[0]), DONE);
});

t.test("config set does not take bytes from beyond the frame", async (t) => {
	const bench = new Bench();
	const blade = bench.disk();
	bench.ask(frame(`${T} ${B} 88a2 10 00 0009 00 00 00000001 00 00 00 00 ${"5e".repeat(32)}`));
	for (let past = 1; past <= 40; past++) {
		const length = (28 + past).toString(16).padStart(4, "0");
		const [reply] = bench.ask(
			bytes(`${T} ${A} 88a2 10 00 0009 00 01 00000002 0000 0000 00 13 ${length} ${"61".repeat(28)}`),
		);
		t.same(at(reply, 14, 15, 31), [0x1c, 2, 0], `${past} bytes too many`);
	}
	t.equal(blade.configString.length, 0);
});

t.test("short replies carry nothing of what was in the slot before", async (t) => {
	const bench = new Bench({ rooms: 1 });
	bench.disk();
	const secret = "5e".repeat(512);
	for (const [what, request, from] of [
		["a write's reply", `${ata("01 00 01 30 000000e0 0000 0000")} ${secret}`, 36],
		["a failed read's reply", ata("00 00 ff 20 000000e0 0000 0000"), 36],
		["a flush's reply", ata("00 00 00 e7 000000a0 0000 0000"), 36],
		["a config reply", `${T} ${A} 88a2 10 00 0009 00 01 00000001`, 32],
		["a mask reply", `${T} ${A} 88a2 10 00 0009 00 02 00000001 00 00 00 00`, 28],
		["a reserve reply", `${T} ${A} 88a2 10 00 0009 00 03 00000001 00 00`, 26],
		["an error reply", `${T} ${A} 88a2 10 00 0009 00 09 00000001 ${"5e".repeat(36)}`, 24],
	] as const) {
		bench.ask(frame(`${ata("01 00 01 30 000000e0 0000 0000", B)} ${secret}`));
		const slot = bench.link.rooms[0]!;
		slot.memory.bytes.fill(STALE, slot.offset, slot.offset + slot.capacityBytes);
		const [reply] = bench.ask(frame(request));
		t.equal(reply?.length, 60, what);
		t.same(reply?.subarray(from), Buffer.alloc(60 - from), what);
	}
});

t.test("a mask edit is applied whole or not at all, and its count is not trusted", async (t) => {
	const bench = new Bench();
	const { access } = bench.disk();
	const edit = (count: string, entries: string) =>
		bench.ask(bytes(`${T} ${A} 88a2 10 00 0009 00 02 00000001 00 01 00 ${count} ${entries}`))[0];
	t.same(at(edit("02", `00 01 ${A} 00 07 ${A}`), 26, 27), [2, 1]);
	t.same(at(edit("ff", `00 01 ${A}`), 26), [1]);
	t.equal(access.mask.size, 0);
});

t.test("CHECK POWER MODE gets a reply, whatever the count", async (t) => {
	const bench = new Bench();
	bench.disk();
	for (const count of ["00", "01", "02", "ff"]) {
		const [reply] = bench.ask(frame(ata(`00 00 ${count} e5 000000a0 0000 0000`)));
		t.same(status(reply), DONE);
		t.equal(reply?.[26], 0xff, "active");
		t.equal(reply?.length, 60);
	}
});

t.test("frames for other addresses are not answered", async (t) => {
	const bench = new Bench();
	bench.disk();
	t.equal(bench.askHex(frame(`020000000002 ${A} 88a2 10 00 0009 00 01 00000001`)), "");
	t.equal(bench.askHex(frame(`01005e000001 ${A} 88a2 10 00 0009 00 01 00000001`)), "");
});

t.test("IDENTIFY with any count is answered, an oversize or short transfer with ATA status", async (t) => {
	const bench = new Bench();
	bench.disk();
	for (const count of ["00", "01", "02", "ff"]) {
		const [reply] = bench.ask(frame(ata(`00 00 ${count} ec 000000a0 0000 0000`)));
		t.same(status(reply), DONE, `count ${count}`);
		t.equal(reply?.length, 548);
	}
	t.same(status(bench.ask(frame(ata("00 00 03 20 000000e0 0000 0000")))[0]), ABORTED, "oversize");
	t.same(status(bench.ask(frame(ata("01 00 02 30 000000e0 0000 0000")))[0]), ABORTED, "short");
});

t.test("the size is read each time", async (t) => {
	const bench = new Bench();
	const device = new MemoryDevice(512 * 8);
	bench.disk(9, 0, device);
	const readLast = ata("00 00 01 20 080000e0 0000 0000");
	t.match(status(bench.ask(frame(readLast))[0]), { flags: 0x18, error: 0x10, status: 0x41 }, "IDNF");
	device.grow(512 * 16);
	t.same(status(bench.ask(frame(readLast))[0]), DONE);
});

t.test("the AoE version is looked at", async (t) => {
	const bench = new Bench();
	const blade = bench.disk();
	for (const version of ["00", "20", "f0"]) {
		const [reply] = bench.ask(
			frame(
				`${T} ${A} 88a2 ${version} 00 0009 00 00 00000001 01 00 01 30 000000e0 0000 0000 ${"5e".repeat(512)}`,
			),
		);
		t.same(at(reply, 14, 15), [0x1c, 5]);
	}
	t.equal(blade.disk.stats.writes, 0);
});

t.test("WRITE without W is not executed", async (t) => {
	const bench = new Bench();
	const blade = bench.disk();
	t.same(
		status(bench.ask(frame(`${ata("00 00 01 30 000000e0 0000 0000")} ${"5e".repeat(512)}`))[0]),
		ABORTED,
	);
	t.equal(blade.disk.stats.writes, 0);
});

t.test("a mask of more than 32 addresses works", async (t) => {
	const bench = new Bench();
	const { access } = bench.disk();
	for (let i = 0; i < 255; i++) access.mask.add(0x020000000100 + i);
	access.mask.add(0x0200000000aa);
	t.equal(bench.ask(frame(`${T} ${A} 88a2 10 00 0009 00 01 00000001`)).length, 1);
	t.equal(bench.ask(frame(`${T} ${B} 88a2 10 00 0009 00 01 00000001`)).length, 0);
	const [list] = bench.ask(frame(`${T} ${A} 88a2 10 00 0009 00 02 00000001 00 00 00 00`));
	t.equal(list?.length, 28 + 8 * 185, "as many as a frame holds");
	t.equal(list?.[27], 185);
});

t.test("the buffer count that is advertised is the blade's, never 0", async (t) => {
	const bench = new Bench();
	bench.disk();
	t.equal(bench.ask(frame(`${T} ${A} 88a2 10 00 0009 00 01 00000001`))[0]?.readUInt16BE(24), 16);
});
