// Another server of an address that is served: who of them stays, what is done meanwhile, and what a flood of such claims can do. How
// several servers come to terms is in test/sim/neighbours.test.ts.

import t from "tap";
import { addressOf } from "../../lib/aoe/registry.js";
import { turn } from "../../lib/turn.js";
import { Bench, frame } from "../support/target-bench.js";
import {
	A,
	ALL,
	answerFrom,
	isServed,
	pass,
	probeFrom,
	serving,
	T,
	tagOf,
	untagged,
} from "./neighbours-bench.js";

t.test("a rival that appears later is reported once", async (t) => {
	const bench = new Bench({ ownMacs: [0x0200000000ff] });
	bench.disk(9, 0);
	bench.disk(9, 1);
	const advert = (mac: string, slot: string, destination = ALL) => answerFrom(mac, slot, destination);
	bench.link.receive(advert("0200000000bb", "00"));
	bench.link.receive(advert("0200000000bb", "00", T));
	bench.link.receive(advert("0200000000ff", "00"));
	bench.link.receive(advert("0200000000bb", "02"));
	t.same(bench.conflicts, ["e9.0 0200000000bb"]);
	bench.link.receive(advert("0200000000bb", "01"));
	bench.link.receive(advert("0200000000cc", "00"));
	t.same(bench.conflicts.slice(1), ["e9.1 0200000000bb", "e9.0 0200000000cc"]);
	for (let i = 0; i < 100; i++)
		bench.link.receive(advert(`0200000001${i.toString(16).padStart(2, "0")}`, "00"));
	t.equal(
		bench.conflicts.filter((line) => line.startsWith("e9.0")).length,
		16,
		"made-up addresses do not fill the log",
	);
	t.same(bench.link.take(), [], "responses are not answered");
});

t.test("a single frame, made up or late, makes us ask and no more", async (t) => {
	for (const [what, heard] of [
		["a response", answerFrom("0200000000bb")],
		[
			"a probe of one who has served for years",
			probeFrom("0200000000bb", "01", "00", "00000001", "7fffffff"),
		],
		["an answer that nobody has asked for", probeFrom("0200000000bb", "01", "01", "00000001", "7fffffff")],
	] as const) {
		const bench = await serving();
		bench.clock.pass(100_000);
		bench.link.take();
		for (let i = 0; i < 1000; i++) bench.link.receive(heard);
		t.ok(isServed(bench), `${what}: served on`);
		const asked = pass(bench, 1000).map(untagged);
		t.ok(asked.filter((sent) => sent[37] === 0).length <= 3, `${what}: few questions, however many frames`);
		t.ok(isServed(bench), `${what}: nobody has answered, served on`);
		t.same(bench.turns, []);
	}
});

t.test("another server of our kind: who has served longer stays, else the lower address", async (t) => {
	const meet = async (mac: string, seconds: number): Promise<string[]> => {
		const bench = await serving({ mac: 0x020000000050 });
		bench.clock.pass(1_000_000);
		bench.link.take();
		const age = seconds.toString(16).padStart(8, "0");
		bench.link.receive(probeFrom(mac, "01", "00", "00000001", age));
		t.match(
			bench.link.take().map((sent) => sent[37]),
			[1],
			"it is told that we serve too",
		);
		for (let i = 0; i < 100 && bench.turns.length === 0; i++) {
			bench.clock.step();
			for (const sent of bench.link.take())
				if (sent[37] === 0) bench.link.receive(probeFrom(mac, "01", "01", tagOf(sent), age));
		}
		return bench.turns;
	};
	const LOWER = "020000000040";
	const HIGHER = "020000000060";
	t.same(
		await meet(LOWER, 900),
		[`e9.1 silent: ${LOWER} answers for it and does not stop`],
		"younger, but stays",
	);
	t.same(await meet(LOWER, 1000), [
		`e9.1 silent: ${LOWER} has served it as long, and has the lower MAC address`,
	]);
	t.same(await meet(LOWER, 1100), [`e9.1 silent: ${LOWER} has served it longer`]);
	t.same(await meet(HIGHER, 1100), [`e9.1 silent: ${HIGHER} has served it longer`]);
	t.same(await meet(HIGHER, 1000), []);
	t.same(await meet(HIGHER, 900), []);
});

t.test("a target of another kind is left the address, and when it has gone it is taken back", async (t) => {
	const bench = await serving();
	bench.link.receive(answerFrom("0200000000bb"));
	let there = true;
	let rounds = 0;
	const live = (ms: number): void => {
		for (const end = bench.clock.now() + ms; bench.clock.now() < end; ) {
			bench.clock.pass(Math.min(10, end - bench.clock.now()));
			for (const sent of bench.link.take()) {
				if ((sent[14]! & 8) !== 0 || sent[37] !== 0) continue;
				rounds += 1;
				if (there) bench.link.receive(answerFrom("0200000000bb", "01", T, tagOf(sent)));
			}
		}
	};
	live(2000);
	t.same(bench.turns, ["e9.1 silent: 0200000000bb answers for it and does not stop"]);
	t.same(bench.conflicts, ["e9.1 0200000000bb"]);
	t.match([...bench.target.contests()], [{ mac: 0x0200000000bb }], "and that is a state one can ask for");
	t.notOk(isServed(bench));
	live(100_000);
	t.notOk(isServed(bench), "for as long as it answers");
	t.ok(rounds > 6 && rounds < 30, `it is asked for now and then: ${rounds}`);
	there = false;
	live(20_000);
	t.same(bench.turns.slice(1), ["e9.1 again: 0200000000bb"]);
	t.ok(isServed(bench));
	t.same([...bench.target.contests()], []);
});

t.test("a blade that is silent is not advertised, and finds no one by a broadcast", async (t) => {
	const bench = await serving();
	const blade = bench.registry.at(addressOf(9, 1))!;
	bench.clock.pass(1000);
	const [check] = bench.link.take();
	bench.link.receive(probeFrom("0200000000bb", "01", "01", tagOf(check), "00001000"));
	t.equal(bench.turns.length, 1);
	bench.target.advertise(blade);
	bench.target.advertiseAll();
	t.same(bench.link.take(), [], "not even when it has grown");
	t.same(bench.ask(frame(`${ALL} ${A} 88a2 10 00 ffff ff 01 00000001`)), []);
});

t.test("what is under way when another takes over is not answered", async (t) => {
	const bench = await serving();
	const disk = bench.registry.at(addressOf(9, 1))?.ata as ReturnType<Bench["stub"]>;
	disk.reply = undefined;
	const read = (tag: string): Buffer =>
		frame(`${T} ${A} 88a2 10 00 0009 01 00 ${tag} 00 00 01 20 000000e0 0000 0000`);
	bench.ask(read("00000001"));
	bench.clock.pass(1000);
	const [check] = bench.link.take();
	bench.link.receive(probeFrom("0200000000bb", "01", "01", tagOf(check), "00001000"));
	t.equal(bench.turns.length, 1);
	const free = bench.link.freeRooms;
	disk.commands[0]?.answer();
	t.same(bench.link.take(), [], "its data may be the other one's by now");
	t.equal(bench.link.freeRooms, free + 1);
	t.equal(bench.target.inFlight, 0);
	t.same(bench.ask(read("00000002")), [], "nor is what comes later");
	t.same(bench.rejected, { silent: 2 });
});

t.test("--force: serves with others, who go on", async (t) => {
	const bench = new Bench({ force: true });
	const asked = bench.claim(9, 1);
	bench.clock.step();
	const [question] = bench.link.take();
	t.equal(question?.[36], 2, "it is said");
	bench.link.receive(answerFrom("0200000000bb", "01", T, tagOf(question)));
	t.equal(await bench.clock.until(asked), 0x0200000000bb, "still told who is there");
	bench.target.serveClaims();
	t.ok(isServed(bench));
	for (let i = 0; i < 20; i++) {
		bench.clock.step();
		for (const sent of bench.link.take())
			bench.link.receive(probeFrom("0200000000bb", "01", "01", tagOf(sent), "00010000"));
	}
	t.ok(isServed(bench));
	t.match([...bench.target.contests()], [{ mac: 0x0200000000bb, silentSince: undefined }], "a state, too");

	const other = await serving();
	for (let i = 0; i < 20; i++) {
		other.clock.step();
		for (const sent of other.link.take())
			other.link.receive(probeFrom("0200000000bb", "02", "01", tagOf(sent), "00010000"));
	}
	t.ok(isServed(other));
	t.same([...bench.turns, ...other.turns], []);
	t.same(other.conflicts, ["e9.1 0200000000bb"]);
});

t.test("a flood of probes buys few answers to all hosts, and each probe its share of the turn", async (t) => {
	const bench = await serving();
	bench.clock.pass(100_000);
	bench.link.take();
	const before = turn.total;
	let toAll = 0;
	for (let ms = 0; ms < 1000; ms++) {
		for (let i = 0; i < 10; i++) {
			const tag = (ms * 10 + i + 1).toString(16).padStart(8, "0");
			bench.link.receive(probeFrom("0200000000bb", "01", "00", tag));
		}
		toAll += pass(bench, 1).filter((sent) => (sent[0]! & 1) !== 0).length;
	}
	t.ok(toAll >= 20 && toAll <= 200, `${toAll} frames to all hosts for 10,000 probes`);
	t.ok(turn.total - before >= 10_000, "counted");
	t.ok(isServed(bench));
});

t.test("a rival that comes and goes is believed more and more slowly", async (t) => {
	const bench = await serving();
	const comesAndGoes = (): void => {
		for (const sent of bench.link.take())
			if (sent[37] === 0 && sent[36] === 1)
				bench.link.receive(probeFrom("0200000000bb", "01", "01", tagOf(sent), "7fffffff"));
	};
	for (let ms = 0; ms < 3_600_000; ms += 50) {
		bench.clock.pass(50);
		comesAndGoes();
	}
	t.ok(bench.turns.length > 10 && bench.turns.length < 60, `${bench.turns.length} turns in an hour`);
});
