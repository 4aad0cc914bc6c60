// MAC mask lists and reservations, byte by byte: frames written by hand, and what has to be answered.

import t from "tap";
import { Bench, frame } from "../support/target-bench.js";
import { A, ALL, B, same, T } from "./vectors-bench.js";

t.test("MAC mask list", async (t) => {
	const bench = new Bench();
	const { access } = bench.disk();
	const check = (what: string, request: string, reply: string) => same(t, bench, what, request, reply);
	const ask = (rest: string, source = A) => `${T} ${source} 88a2 10 00 0009 00 02 0000000c ${rest}`;
	const answer = (rest: string, flags = "18 00") => `${A} ${T} 88a2 ${flags} 0009 00 02 0000000c ${rest}`;
	check("read, empty", ask("00 00 00 00"), answer("00 00 00 00"));
	check("reserved bytes and a count mean nothing to a read", ask("ff 00 03 02"), answer("00 00 00 00"));
	check(
		"add two; directive 0 does nothing",
		ask(`00 01 00 03 00 01 ${A} 00 00 ${B} 00 01 0200000000cc`),
		answer(`00 01 00 02 00 00 ${A} 00 00 0200000000cc`),
	);
	check("who is not in the list gets nothing", ask("00 00 00 00", B), "");
	check("not even an answer to a broadcast", `${ALL} ${B} 88a2 10 00 ffff ff 01 0000000c`, "");
	check("add one again", ask(`00 01 00 01 00 01 ${A}`), answer(`00 01 00 02 00 00 ${A} 00 00 0200000000cc`));
	check(
		"delete one, and one that is not there",
		ask(`00 01 00 02 00 02 0200000000cc 00 02 ${B}`),
		answer(`00 01 00 01 00 00 ${A}`),
	);
	check(
		"a bad directive: mask error 2, its index, nothing changed",
		ask(`00 01 00 03 00 01 ${B} 00 03 ${B} 00 01 ${B}`),
		answer("00 01 02 01"),
	);
	t.same([...access.mask], [0x0200000000aa]);
	check("an unknown mask command: error 2", ask("00 02 00 00"), answer(`00 02 00 01 00 00 ${A}`, "1c 02"));
	check("delete the last: all are let in", ask(`00 01 00 01 00 02 ${A}`), answer("00 01 00 00"));
	t.equal(access.mask.size, 0);
});

t.test("MAC mask list: as many as fit into a frame", async (t) => {
	const bench = new Bench();
	bench.disk();
	const check = (what: string, request: string, reply: string) => same(t, bench, what, request, reply);
	const ask = (rest: string) => `${T} ${A} 88a2 10 00 0009 00 02 0000000c ${rest}`;
	const answer = (rest: string) => `${A} ${T} 88a2 18 00 0009 00 02 0000000c ${rest}`;
	const entry = (i: number) => `00 01 0200000001${i.toString(16).padStart(2, "0")}`;
	const listed = (i: number) => `00 00 0200000001${i.toString(16).padStart(2, "0")}`;
	const many = (count: number, each: (i: number) => string, from = 0) =>
		Array.from({ length: count }, (_, i) => each(i + from)).join(" ");
	const toFull = ask(`00 01 00 b9 00 01 ${A} ${many(184, entry)}`);
	check("185 fit a frame of MTU 1500", toFull, answer(`00 01 00 b9 00 00 ${A} ${many(184, listed)}`));
	check(
		"one more: mask error 3, its index",
		ask(`00 01 00 02 ${entry(0)} ${entry(200)}`),
		answer("00 01 03 01"),
	);
	check(
		"one out, one in",
		ask(`00 01 00 02 00 02 020000000100 ${entry(200)}`),
		answer(`00 01 00 b9 00 00 ${A} ${many(183, listed, 1)} ${listed(200)}`),
	);
});

t.test("reserve / release", async (t) => {
	const bench = new Bench();
	const { access } = bench.disk();
	const check = (what: string, request: string, reply: string) => same(t, bench, what, request, reply);
	const ask = (rest: string, source = A) => `${T} ${source} 88a2 10 00 0009 00 03 0000000d ${rest}`;
	const answer = (rest: string, source = A, flags = "18 00") =>
		`${source} ${T} 88a2 ${flags} 0009 00 03 0000000d ${rest}`;
	const error6 = "1c 06";
	check("read, not reserved", ask("00 00"), answer("00 00"));
	check("set", ask(`01 01 ${A}`), answer(`01 01 ${A}`));
	check("others may read it", ask("00 00", B), answer(`00 01 ${A}`, B));
	check(
		"others may not set it: error 6, and who holds it",
		ask(`01 01 ${B}`, B),
		answer(`01 01 ${A}`, B, error6),
	);
	check("nor release it", ask("01 00", B), answer(`01 01 ${A}`, B, error6));
	check(
		"their commands get error 6",
		`${T} ${B} 88a2 10 00 0009 00 00 0000000d 40 00 01 24 010000000000 0000`,
		`${B} ${T} 88a2 1c 06 0009 00 00 0000000d 40 00 01 24 010000000000 0000`,
	);
	t.equal(
		bench.ask(frame(`${T} ${B} 88a2 10 00 0009 00 00 0000000d 00 00 01 ec 000000a0 0000 0000`))[0]?.[14],
		0x18,
		"but IDENTIFY",
	);
	check(
		"and config queries",
		`${T} ${B} 88a2 10 00 0009 00 01 0000000d`,
		`${B} ${T} 88a2 18 00 0009 00 01 0000000d 0010 4019 02 10 0000`,
	);
	for (const command of ["13", "14"])
		check(
			`the config string is not theirs (${command})`,
			`${T} ${B} 88a2 10 00 0009 00 01 0000000d 0000 0000 00 ${command} 0001 78`,
			`${B} ${T} 88a2 1c 06 0009 00 01 0000000d 0010 4019 02 ${command} 0000`,
		);
	check(
		"nor is the mask",
		`${T} ${B} 88a2 10 00 0009 00 02 0000000d 00 01 00 01 00 01 ${B}`,
		`${B} ${T} 88a2 1c 06 0009 00 02 0000000d 00 01 00 00`,
	);
	t.equal(
		bench.ask(frame(`${T} ${A} 88a2 10 00 0009 00 00 0000000d 40 00 01 24 010000000000 0000`))[0]?.[14],
		0x18,
		"the holder reads",
	);
	check("the holder shares it", ask(`01 02 ${A} 0200000000cc`), answer(`01 02 ${A} 0200000000cc`));
	check("force set takes it away", ask(`02 01 ${B}`, B), answer(`02 01 ${B}`, B));
	check("an unknown reserve command: error 2", ask("03 00"), answer(`03 01 ${B}`, A, "1c 02"));
	check("a list of none releases", ask("01 00", B), answer("01 00", B));
	t.equal(access.reserved.size, 0);
	t.match(bench.rejected, { reserved: 6, badArgument: 1 });
});
