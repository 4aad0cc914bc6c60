// Other targets: who answers for an address is asked before it is served, after every link-up, and after every pause. What comes of
// an answer is in `rivals.test.ts`.

import t from "tap";
import { Bench, frame } from "../support/target-bench.js";
import {
	A,
	ALL,
	answerFrom,
	CHECK,
	isQuestion,
	isServed,
	pass,
	probeFrom,
	QUESTION,
	questions,
	serving,
	T,
	tagOf,
	untagged,
} from "./neighbours-bench.js";

t.test("asking: nobody is there", async (t) => {
	const bench = new Bench();
	const asked = bench.claim(9, 1);
	bench.clock.step();
	t.equal(bench.clock.now(), 0, "at once");
	const [first] = bench.link.take();
	t.same(untagged(first!), QUESTION);
	t.not(tagOf(first), "00000000", "Plan 9 takes tag 0 for its own discovery");
	t.equal(await bench.clock.until(asked), undefined);
	t.equal(bench.clock.now(), 300);
	const repeated = bench.link.take();
	t.same(repeated.map(tagOf), [tagOf(first), tagOf(first)]);
	t.same(repeated.map(untagged), [QUESTION, QUESTION], "asked three times in all");
	t.notOk(bench.clock.step(), "no timer is left");
});

t.test("asking on a link that has been served on for long takes less", async (t) => {
	const bench = await serving();
	const took = async (slot: number): Promise<number> => {
		const from = bench.clock.now();
		t.equal(await bench.clock.until(bench.claim(9, slot)), undefined);
		return bench.clock.now() - from;
	};
	t.equal(await took(2), 300, "not yet");
	pass(bench, 5000);
	t.equal(await took(3), 60);
	const asked = bench.link.take().filter((sent) => sent[18] === 3 && isQuestion(sent));
	t.equal(asked.length, 3, "by as many frames");
	for (const up of [false, true]) {
		bench.link.up = up;
		bench.link.changed();
	}
	t.equal(await took(4), 300, "it has just come up");
});

t.test("asking: somebody is", async (t) => {
	const bench = new Bench();
	const asked = bench.claim(9, 1);
	bench.clock.step();
	bench.link.receive(answerFrom("0200000000cc", "00"));
	bench.link.receive(answerFrom("0200000000bb", "01", T, tagOf(bench.link.take()[0])));
	t.equal(await asked, 0x0200000000bb, "for this very slot");
	t.equal(bench.clock.now(), 0, "without waiting on");
	bench.clock.pass(10_000);
	t.same(bench.link.take(), [], "nothing is asked any more");
	t.same(bench.conflicts, []);
	t.equal(bench.stats.responsesHeard, 2);
	t.same(bench.rejected, {});
});

t.test("asking: an advertisement is an answer too, even vblade's of version 0", async (t) => {
	const bench = new Bench();
	const asked = bench.claim(9, 1);
	bench.link.receive(frame(`${ALL} 0200000000bb 88a2 08 00 0009 01 01 00000000 0010 4019 02 10 0000`));
	t.equal(await asked, 0x0200000000bb);
});

t.test("asking: our own links are nobody", async (t) => {
	const bench = new Bench({ ownMacs: [0x0200000000ff] });
	const asked = bench.claim(9, 1);
	bench.link.receive(answerFrom("0200000000ff"));
	bench.link.receive(QUESTION);
	bench.link.receive(frame(`${ALL} 0200000000ff 88a2 10 00 0009 01 01 76626c64`));
	bench.link.receive(probeFrom("0200000000ff", "01", "00", "00000001"));
	t.equal(await bench.clock.until(asked), undefined);
	t.same(bench.rejected, { ownSource: 3 });
	t.same(questions(bench), [QUESTION, QUESTION, QUESTION], "and are not answered");
});

t.test("asking for thousands of addresses: a bounded number of frames at a time", async (t) => {
	const bench = new Bench({ rooms: 80, holdSent: true });
	const asked = Array.from({ length: 2000 }, (_, i) => bench.claim(9 + Math.floor(i / 200), i % 200));
	const perTurn: number[] = [];
	let most = 0;
	let frames = 0;
	while (bench.clock.step()) {
		const now = bench.clock.now();
		const sent = bench.link.take();
		frames += sent.length;
		perTurn.push(sent.length);
		most = Math.max(most, sent.length);
		if (frames === sent.length && sent[5] !== undefined)
			bench.link.receive(answerFrom("0200000000bb", "05", T, tagOf(sent[5])));
		bench.link.flush();
		if (now > 60_000) throw new Error("never done");
	}
	const found = await Promise.all(asked);
	t.ok(most <= 64, `at most 64 in one turn of the loop: ${most}`);
	t.ok(frames <= 6000 && frames > 5990, `each address is asked for three times: ${frames} frames`);
	t.equal(found[5], 0x0200000000bb, "who answers is found");
	t.equal(found.filter((mac) => mac === undefined).length, 1999, "for that address and no other");
	t.ok(perTurn.length < 6000, "many are done in one turn");

	bench.target.serveClaims();
	const told = new Set<string>();
	while (told.size < 1999) {
		for (const sent of bench.link.take()) if ((sent[14]! & 8) !== 0) told.add(sent.toString("hex", 16, 19));
		bench.link.flush();
		if (!bench.clock.step()) break;
	}
	t.equal(told.size, 1999, "and all that are served are told of");
});

t.test("a question that finds no slot is asked a little later", async (t) => {
	const bench = new Bench({ rooms: 1, holdSent: true });
	bench.disk();
	bench.ask(frame(`${T} ${A} 88a2 10 00 0009 00 01 00000001`));
	const asked = bench.claim(9, 1);
	bench.clock.step();
	t.same(bench.link.take(), []);
	bench.link.flush();
	bench.clock.step();
	const [sent] = bench.link.take();
	t.same(untagged(sent!), QUESTION);
	bench.link.receive(answerFrom("0200000000bb", "01", T, tagOf(sent)));
	t.equal(await asked, 0x0200000000bb);
});

t.test(
	"while it is served, it is asked for again and again, at growing intervals, by one frame",
	async (t) => {
		const bench = await serving();
		const start = bench.clock.now();
		const seconds: number[] = [];
		while (seconds.length < 9) {
			bench.clock.step();
			for (const sent of bench.link.take()) {
				const age = Math.floor((bench.clock.now() - start) / 1000);
				t.same(untagged(sent), CHECK(age.toString(16).padStart(8, "0")), "it says for how long");
				seconds.push(age);
			}
		}
		t.same(seconds, [1, 3, 7, 15, 31, 63, 95, 127, 159]);
		bench.link.changed();
		const [again] = pass(bench, 0).map(untagged).slice(-1);
		t.same(again?.subarray(0, 44), CHECK("00000000").subarray(0, 44), "a link that has changed: at once");
		bench.clock.pass(1200);
		t.equal(bench.link.take().length, 1, "and from the shortest interval on");
	},
);

t.test("thousands that are served are asked for at moments of their own, each after long", async (t) => {
	const bench = new Bench();
	const disks = 2048;
	const asked = Array.from({ length: disks }, (_, i) => bench.claim(9 + Math.floor(i / 200), i % 200));
	await bench.clock.until(Promise.all(asked));
	bench.target.serveClaims();
	const checksIn = (seconds: number): number[] =>
		Array.from({ length: seconds }, () => pass(bench, 1000).filter(isQuestion).length);
	checksIn(32);
	const sooner = checksIn(96);
	t.ok(Math.max(...sooner) < disks / 4, `the first round of half a minute: ${Math.max(...sooner)} a second`);
	const later = checksIn(256);
	t.ok(Math.max(...later) <= 64, `then: ${Math.max(...later)} a second`);
	const sum = later.reduce((sum, each) => sum + each);
	t.ok(sum > disks && sum <= 256 * 16, `${sum} in all: each is asked for, and 16 a second`);
});

t.test("a link comes up: asked first, then served, then told", async (t) => {
	const bench = await serving();
	bench.clock.pass(100_000);
	bench.link.up = false;
	bench.link.changed();
	bench.link.take();
	t.notOk(isServed(bench));
	t.same(pass(bench, 100_000), [], "nothing is asked on a link that is down");
	bench.link.up = true;
	bench.link.changed();
	const asked = pass(bench, 299);
	t.equal(asked.length, 3);
	t.same(
		untagged(asked[0]!),
		frame(`${ALL} ${T} 88a2 10 00 0009 01 01 00000000 0000000000000000 76626c64 00 00 ${T} 00000064`),
		"with the time that it has been served before",
	);
	t.notOk(isServed(bench), "not before others have had time to answer");
	const [told] = pass(bench, 1);
	t.same(told, answerFrom(T, "01", ALL), "advertised");
	t.ok(isServed(bench));
	t.same(bench.turns, [], "nothing of it is news");
	t.same(bench.rejected, { silent: 2 });
});

t.test("a link that is down at the start: asked when it comes up", async (t) => {
	const bench = new Bench();
	bench.link.up = false;
	t.equal(await bench.claim(9, 1), undefined);
	bench.target.serveClaims();
	t.notOk(bench.clock.step(), "nothing is asked yet");
	bench.link.up = true;
	bench.link.changed();
	const [asked] = pass(bench, 0);
	bench.link.receive(answerFrom("0200000000bb", "01", T, tagOf(asked)));
	t.same(bench.turns, ["e9.1 silent: 0200000000bb answers for it already"]);
	t.notOk(isServed(bench));
});

t.test("a server that was stopped for a while asks before it answers again", async (t) => {
	const bench = await serving();
	bench.clock.stall(3_600_000);
	const [asked] = pass(bench, 0);
	t.equal(asked?.[36], 0, "as one who does not serve");
	t.notOk(isServed(bench));
	bench.clock.pass(300);
	t.ok(isServed(bench));
});

t.test("a pause of two seconds is enough to ask, and does not count as time served", async (t) => {
	const bench = await serving();
	bench.clock.pass(100_000);
	bench.link.take();
	bench.clock.stall(2500);
	const [asked] = pass(bench, 0);
	t.equal(asked?.[36], 0, "as one who does not serve");
	t.notOk(isServed(bench));
	t.equal(asked?.readUInt32BE(44), 100, "the age it had");
	bench.link.receive(probeFrom("0200000000bb", "01", "01", tagOf(asked), "00000002"));
	t.same(
		bench.turns.slice(-1),
		["e9.1 silent: 0200000000bb answers for it already"],
		"who took over goes on",
	);
});

t.test("an address is claimed once", async (t) => {
	const bench = new Bench();
	void bench.claim(9, 1);
	await t.rejects(bench.claim(9, 1), { name: "OperatorError", message: /given twice/ });
});
