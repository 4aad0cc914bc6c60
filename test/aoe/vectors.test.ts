// Frames in, frames out, as bytes written by hand from the AoE specification (r11): every field of every command.
// A: an initiator, B: another one, T: the target. Replies are compared whole, so every byte that is not said is tested too.

import t from "tap";
import { Bench, bytes, frame, padded } from "../support/target-bench.js";
import { A, ALL, B, same, T } from "./vectors-bench.js";

const ASCII = (text: string): string => Buffer.from(text, "latin1").toString("hex");

t.test("header", async (t) => {
	const bench = new Bench();
	bench.disk(0x1234, 0x56);
	const read = (source: string, tag: string, version = "10") =>
		`${T} ${source} 88a2 ${version} 00 1234 56 01 ${tag} 0000 0000 00 00 0000`;
	const answer = (source: string, tag: string) =>
		`${source} ${T} 88a2 18 00 1234 56 01 ${tag} 0010 4019 02 10 0000`;
	same(
		t,
		bench,
		"addresses change places, R is set, the tag comes back",
		read(A, "00000001"),
		answer(A, "00000001"),
	);
	same(t, bench, "each byte of the tag", read(B, "fedcba98"), answer(B, "fedcba98"));
	same(t, bench, "reserved flags are not echoed", read(A, "00000002", "13"), answer(A, "00000002"));
	same(
		t,
		bench,
		"a version other than 1: error 5, in a frame of version 1",
		read(A, "00000003", "20"),
		`${A} ${T} 88a2 1c 05 1234 56 01 00000003`,
	);
	same(
		t,
		bench,
		"an unknown command: error 1",
		`${T} ${A} 88a2 10 00 1234 56 04 00000004`,
		`${A} ${T} 88a2 1c 01 1234 56 04 00000004`,
	);
	same(
		t,
		bench,
		"a vendor's command: error 1",
		`${T} ${A} 88a2 10 00 1234 56 f0 00000005 ${"99".repeat(40)}`,
		`${A} ${T} 88a2 1c 01 1234 56 f0 00000005`,
	);
	same(t, bench, "another slot of the shelf is not ours", `${T} ${A} 88a2 10 00 1234 57 01 00000006`, "");
	same(t, bench, "another shelf is not ours", `${T} ${A} 88a2 10 00 1235 56 01 00000006`, "");
	t.match(bench.rejected, { version: 1, unknownCommand: 2, unknownAddress: 2 });
	t.equal(bench.stats.replies, 6);
	t.equal(bench.stats.protocolErrors, 3);
});

t.test("config: read", async (t) => {
	const bench = new Bench();
	bench.disk(9, 0);
	bench.disk(9, 7);
	bench.disk(10, 0);
	const query = (destination: string, shelf: string, slot: string) =>
		`${destination} ${A} 88a2 10 00 ${shelf} ${slot} 01 00000009 0000 0000 00 00 0000`;
	const answer = (shelf: string, slot: string) =>
		frame(`${A} ${T} 88a2 18 00 ${shelf} ${slot} 01 00000009 0010 4019 02 10 0000`).toString("hex");
	const cases: [what: string, query: string, answers: string[]][] = [
		["one blade", query(T, "0009", "07"), [answer("0009", "07")]],
		["one blade, broadcast frame", query(ALL, "0009", "07"), [answer("0009", "07")]],
		["every slot of a shelf", query(ALL, "0009", "ff"), [answer("0009", "00"), answer("0009", "07")]],
		["one slot of every shelf", query(ALL, "ffff", "00"), [answer("0009", "00"), answer("000a", "00")]],
		[
			"everything, with its real address",
			query(ALL, "ffff", "ff"),
			[answer("0009", "00"), answer("0009", "07"), answer("000a", "00")],
		],
		[
			"everything, in a frame to us",
			query(T, "ffff", "ff"),
			[answer("0009", "00"), answer("0009", "07"), answer("000a", "00")],
		],
		["nobody", query(ALL, "000b", "ff"), []],
	];
	for (const [what, request, answers] of cases)
		t.equal(bench.askHex(frame(request)), answers.join(" and "), what);
	const junk = bytes(`${ALL} ${A} 88a2 10 00 0009 07 01 00000009 0000 0000 00 00 0400 ${"ed".repeat(1024)}`);
	t.equal(bench.askHex(junk), answer("0009", "07"), "aoeping's query has a string that means nothing");
});

t.test("config: what it says of the blade and the link", async (t) => {
	const answers: [mtu: number, sectors: string][] = [
		[1500, "02"],
		[576, "01"],
		[100, "01"],
		[4132, "08"],
		[4131, "07"],
		[4700, "08"],
		[9000, "10"],
		[65535, "78"],
		[130596, "f8"],
		[200000, "f8"],
	];
	for (const [mtu, sectors] of answers) {
		const bench = new Bench({ mtu, firmwareVersion: 0xabcd });
		bench.disk();
		const reply = bench.askHex(frame(`${T} ${A} 88a2 10 00 0009 00 01 00000001`));
		t.equal(
			reply,
			frame(`${A} ${T} 88a2 18 00 0009 00 01 00000001 0010 abcd ${sectors} 10 0000`).toString("hex"),
			`MTU ${mtu}`,
		);
	}
});

t.test("config: the string", async (t) => {
	const bench = new Bench();
	const blade = bench.disk();
	const ask = (command: string, text: string, length = text.length) =>
		`${T} ${A} 88a2 10 00 0009 00 01 0000000a 0000 0000 00 ${command} ${length.toString(16).padStart(4, "0")} ${ASCII(text)}`;
	const answer = (command: string, text: string, flags = "18 00") =>
		`${A} ${T} 88a2 ${flags} 0009 00 01 0000000a 0010 4019 02 ${command} ${text.length.toString(16).padStart(4, "0")} ${ASCII(text)}`;
	const error4 = "1c 04";
	same(t, bench, "test of nothing against nothing", ask("11", ""), answer("11", ""));
	same(t, bench, "test against nothing", ask("11", "x"), "");
	same(t, bench, "set", ask("13", "Hello"), answer("13", "Hello"));
	same(t, bench, "aoecfg's requests have no version there", ask("00", ""), answer("10", "Hello"));
	same(t, bench, "test, equal", ask("11", "Hello"), answer("11", "Hello"));
	same(t, bench, "test, shorter", ask("11", "Hell"), "");
	same(t, bench, "test, longer", ask("11", "Hello!"), "");
	same(t, bench, "test, as long and different", ask("11", "hello"), "");
	same(t, bench, "test of nothing", ask("11", ""), "");
	same(t, bench, "prefix", ask("12", "Hel"), answer("12", "Hello"));
	same(t, bench, "prefix, the whole", ask("12", "Hello"), answer("12", "Hello"));
	same(t, bench, "prefix, nothing", ask("12", ""), answer("12", "Hello"));
	same(t, bench, "prefix, longer", ask("12", "Hello!"), "");
	same(t, bench, "prefix, different", ask("12", "hel"), "");
	same(t, bench, "set once more to the same", ask("13", "Hello"), answer("13", "Hello"));
	same(t, bench, "set to another: error 4, and what is set", ask("13", "Bye"), answer("13", "Hello", error4));
	same(t, bench, "set to nothing: error 4", ask("13", ""), answer("13", "Hello", error4));
	same(t, bench, "force set", ask("14", "Bye"), answer("14", "Bye"));
	same(t, bench, "force set to nothing", ask("14", ""), answer("14", ""));
	same(t, bench, "set after that", ask("13", "New"), answer("13", "New"));
	same(t, bench, "an unknown config command: error 2", ask("15", "x"), answer("15", "New", "1c 02"));
	const long = "y".repeat(1024);
	same(t, bench, "the longest string", ask("14", long), answer("14", long));
	t.equal(blade.configString.length, 1024);
	const all = `${ALL} ${A} 88a2 10 00 ffff ff 01 0000000a 0000 0000 00 14 0001 7a`;
	same(t, bench, "broadcast", all, answer("14", "z"));
	t.match(bench.rejected, { configTest: 7, configSet: 2, badArgument: 1 });
});

t.test("ATA: the registers of a request", async (t) => {
	const bench = new Bench();
	const disk = bench.stub();
	const seen = (aflags: string, feature: string, count: string, command: string, lba: string, data = "") => {
		bench.ask(
			frame(
				`${T} ${A} 88a2 10 00 0009 00 00 0000000b ${aflags} ${feature} ${count} ${command} ${lba} 0000 ${data}`,
			),
		);
		return disk.commands.pop();
	};
	t.match(
		seen("00", "d0", "01", "b0", "014fc2a00000"),
		{
			command: 0xb0,
			feature: 0xd0,
			count: 1,
			lba: 0xc24f01,
			extended: false,
			writeFlag: false,
			device: 0,
		},
		"28 bits: the high nibble of LBA 3 is the device register's",
	);
	t.match(
		seen("00", "00", "ff", "20", "ffffffefabcd"),
		{ lba: 0x0fffffff, count: 255 },
		"the highest LBA of 28 bits",
	);
	t.match(seen("00", "00", "00", "20", "000000f0ffff"), { lba: 0 }, "bits above 28 mean nothing");
	t.match(
		seen("40", "00", "01", "24", "010203040506"),
		{ lba: 0x060504030201, extended: true },
		"48 bits, least significant first",
	);
	t.match(
		seen("40", "00", "01", "24", "ffffffffffff"),
		{ lba: 0xffffffffffff },
		"the highest LBA of 48 bits",
	);
	t.match(seen("41", "00", "01", "34", "000000000000"), { extended: true, writeFlag: true, device: 0x40 });
	t.match(
		seen("13", "00", "01", "30", "000000000000"),
		{ extended: false, writeFlag: true, device: 0x10 },
		"D and A",
	);
});

t.test("ATA: the registers of a reply", async (t) => {
	const bench = new Bench();
	const disk = bench.stub();
	const answer = (replyStatus: number, replyError: number, replyCount: number, replyLba: number) => {
		disk.reply = (command) => Object.assign(command, { replyStatus, replyError, replyCount, replyLba });
	};
	const ask28 = `${T} ${A} 88a2 10 00 0009 00 00 01020304 11 22 03 20 010203e0 0000 ffff`;
	answer(0x51, 0x10, 0x77, 0x0abcdef);
	same(
		t,
		bench,
		"28 bits: status, error, count, LBA; aflags and device as they came, reserved zero, never E",
		ask28,
		`${A} ${T} 88a2 18 00 0009 00 00 01020304 11 10 77 51 efcdabe0 0000 0000`,
	);
	answer(0x50, 0, 0, 0x0fedcba9);
	same(
		t,
		bench,
		"28 bits: the top nibble",
		ask28,
		`${A} ${T} 88a2 18 00 0009 00 00 01020304 11 00 00 50 a9cbedef 0000 0000`,
	);
	answer(0x41, 0x40, 0, 0x060504030201);
	same(
		t,
		bench,
		"48 bits",
		`${T} ${A} 88a2 10 00 0009 00 00 01020304 40 00 02 24 ffffffffffff 0000`,
		`${A} ${T} 88a2 18 00 0009 00 00 01020304 40 40 00 41 010203040506 0000`,
	);
});

t.test("ATA on a disk", async (t) => {
	const bench = new Bench();
	bench.disk();
	const data = Array.from({ length: 1024 }, (_, i) => ((i * 7) & 0xff).toString(16).padStart(2, "0")).join(
		"",
	);
	same(
		t,
		bench,
		"write 2 sectors",
		`${T} ${A} 88a2 10 00 0009 00 00 00000001 01 00 02 30 050000e0 0000 0000 ${data}`,
		`${A} ${T} 88a2 18 00 0009 00 00 00000001 01 00 00 40 050000e0 0000 0000`,
	);
	same(
		t,
		bench,
		"read them back with 48 bits",
		`${T} ${B} 88a2 10 00 0009 00 00 00000002 40 00 02 24 050000000000 0000`,
		`${B} ${T} 88a2 18 00 0009 00 00 00000002 40 00 00 40 050000000000 0000 ${data}`,
	);
	same(
		t,
		bench,
		"past the end: IDNF with the LBA",
		`${T} ${A} 88a2 10 00 0009 00 00 00000003 40 00 02 24 ff0700000000 0000`,
		`${A} ${T} 88a2 18 00 0009 00 00 00000003 40 10 02 41 000800000000 0000`,
	);
	same(
		t,
		bench,
		"an unknown ATA command: ABRT, not E",
		`${T} ${A} 88a2 10 00 0009 00 00 00000004 00 00 00 ff 000000a0 0000 0000`,
		`${A} ${T} 88a2 18 00 0009 00 00 00000004 00 04 00 41 000000a0 0000 0000`,
	);
	for (const [what, destination, shelf, slot] of [
		["IDENTIFY DEVICE", T, "0009", "00"],
		["WinAoE's discovery", ALL, "ffff", "ff"],
	] as const) {
		const [identify] = bench.ask(
			frame(`${destination} ${A} 88a2 10 00 ${shelf} ${slot} 00 00000005 00 00 01 ec 000000a0 0000 0000`),
		);
		t.equal(identify?.length, 36 + 512, what);
		const head = bytes(`${A} ${T} 88a2 18 00 0009 00 00 00000005 00 00 00 40 000000a0 0000 0000`);
		t.same(identify?.subarray(0, 36), head, what);
		t.equal(identify?.readUInt32LE(36 + 120), 2048, "its sectors");
	}
});

t.test("replies are at least 60 bytes, and no longer than asked for", async (t) => {
	const bench = new Bench();
	bench.disk();
	const [config] = bench.ask(bytes(`${T} ${A} 88a2 10 00 0009 00 01 00000001 0000 0000 00 00 0000`));
	t.same(config, padded(bytes(`${A} ${T} 88a2 18 00 0009 00 01 00000001 0010 4019 02 10 0000`)));
	const [read] = bench.ask(frame(`${T} ${A} 88a2 10 00 0009 00 00 00000001 00 00 01 20 000000e0 0000 0000`));
	t.equal(read?.length, 36 + 512);
});
