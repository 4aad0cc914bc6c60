// Other targets: who answers for an address is asked before it is served, and noticed afterwards. How several servers come
// to terms is in test/sim/neighbours.test.ts.
import t from "tap";
import { turn } from "../../lib/turn.js";
import { Bench, frame } from "../support/target-bench.js";

const T = "020000000001";
const A = "0200000000aa";
const ALL = "ffffffffffff";
/** Our question about 9.1, but for the tag: what a config query has, then who asks and for how long it has served. */
const QUESTION = frame(
	`${ALL} ${T} 88a2 10 00 0009 01 01 00000000 0000000000000000 76626c64 00 00 ${T} 00000000`,
);
/** The same while it is served, for `seconds`. */
const CHECK = (seconds: string): Buffer =>
	frame(`${ALL} ${T} 88a2 10 00 0009 01 01 00000000 0000000000000000 76626c64 01 00 ${T} ${seconds}`);
const answerFrom = (mac: string, slot = "01", destination = T, tag = "00000000"): Buffer =>
	frame(`${destination} ${mac} 88a2 18 00 0009 ${slot} 01 ${tag} 0010 4019 02 10 0000`);
/** What another server of our kind says of 9.1: `standing` 00 asks, 01 serves, 02 is forced to; `kind` 00 question, 01 answer. */
const probeFrom = (mac: string, standing: string, kind: string, tag: string, seconds = "00000000"): Buffer =>
	frame(
		`${ALL} ${mac} 88a2 10 00 0009 01 01 ${tag} 0000000000000000 76626c64 ${standing} ${kind} ${mac} ${seconds}`,
	);

/** The tag of a frame, and the frame without it. */
const tagOf = (sent: Buffer | undefined): string => sent?.toString("hex", 20, 24) ?? "none";
const untagged = (sent: Buffer): Buffer => Buffer.from(sent).fill(0, 20, 24);
const questions = (bench: Bench): Buffer[] => bench.link.take().map(untagged);

/** A bench that serves 9.1 by a claim. */
async function serving(options: ConstructorParameters<typeof Bench>[0] = {}): Promise<Bench> {
	const bench = new Bench(options);
	await bench.clock.until(bench.claim(9, 1));
	bench.target.serveClaims();
	bench.link.take();
	return bench;
}

/** Lets `ms` pass, and gives back what is sent meanwhile. */
function pass(bench: Bench, ms: number): Buffer[] {
	bench.clock.pass(ms);
	return bench.link.take();
}

const isServed = (bench: Bench): boolean => {
	const frames = bench.ask(frame(`${T} ${A} 88a2 10 00 0009 01 01 0000aaaa`));
	return frames.some((reply) => tagOf(reply) === "0000aaaa");
};

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
	t.match([...bench.target.silences()], [{ mac: 0x0200000000bb }], "and that is a state one can ask for");
	t.notOk(isServed(bench));
	live(100_000);
	t.notOk(isServed(bench), "for as long as it answers");
	t.ok(rounds > 6 && rounds < 30, `it is asked for now and then: ${rounds}`);
	there = false;
	live(20_000);
	t.same(bench.turns.slice(1), ["e9.1 again: 0200000000bb"]);
	t.ok(isServed(bench));
	t.same([...bench.target.silences()], []);
});

t.test("a blade that is silent is not advertised, and finds no one by a broadcast", async (t) => {
	const bench = await serving();
	const blade = bench.registry.lookup(9, 1)!;
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
	const disk = bench.registry.lookup(9, 1)?.ata as ReturnType<Bench["stub"]>;
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

t.test("an address is claimed once", async (t) => {
	const bench = new Bench();
	void bench.claim(9, 1);
	await t.rejects(bench.claim(9, 1), { name: "OperatorError", message: /given twice/ });
});
