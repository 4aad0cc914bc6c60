// Two and three servers for one address, in simulated time: whatever happens to them and to the network between them, when it
// is whole again exactly one serves, and it is the right one. SIM_SEED=n plays that seed alone,
// SIM_RUNS=n as many as that.
import t from "tap";
import { SimulatedLan } from "./lan.js";
import { firstSeed } from "./worker.js";

/** When a network has been whole for so long, all have found each other: the longest interval, and what comes of it. */
const WHOLE_MS = 45_000;
const RUNS = process.env.SIM_SEED === undefined ? Number(process.env.SIM_RUNS ?? 1000) : 1;

/** Anything at any time, with lost frames: then a network that is whole. */
async function chaos(seed: number): Promise<SimulatedLan> {
	const lan = new SimulatedLan(seed);
	const { random } = lan;
	const count = 2 + random.below(2);
	const numbers = [0x10, 0x20, 0x30].sort(() => random.next() - 0.5);
	for (let i = 0; i < count; i++) {
		const host = lan.start(`host ${i}`, numbers[i]!, random.chance(0.8));
		if (random.chance(0.4)) lan.plug(host, random.below(2));
		await lan.pass(random.pick([0, 1, 50, 299, 300, 310, 2000, 20_000]));
	}
	lan.lossRate = random.pick([0, 0.05, 0.3]);
	for (let events = random.below(12); events > 0; events--) {
		const host = random.pick(lan.hosts as [(typeof lan.hosts)[0]]);
		switch (random.below(5)) {
			case 0:
				if (host.lives) lan.plug(host, random.below(2));
				break;
			case 1:
				if (host.lives) lan.setUp(host, !host.link.up);
				break;
			case 2:
				for (const each of lan.hosts) if (each.lives) lan.setUp(each, !each.link.up);
				break;
			case 3:
				if (random.chance(0.5)) lan.serving[0]?.end("killed");
				break;
			case 4:
				if (!lan.hosts.some(({ lives, number }) => lives && number === host.number))
					lan.start(`${host.name}'`, host.number);
				break;
		}
		await lan.pass(random.pick([0, 1, 30, 150, 300, 1000, 5000, 40_000, 400_000]));
	}
	lan.lossRate = 0;
	for (const host of lan.hosts.filter(({ lives }) => lives)) {
		lan.plug(host, 0);
		if (!host.link.up) lan.setUp(host, true);
	}
	await lan.pass(WHOLE_MS);
	return lan;
}

t.test("whatever has happened: when the network is whole, exactly one serves, and goes on", async (t) => {
	t.setTimeout(230_000);
	const first = firstSeed();
	let silenced = 0;
	let again = 0;
	for (let seed = first; seed < first + RUNS; seed++) {
		const lan = await chaos(seed);
		const living = lan.hosts.filter(({ lives }) => lives);
		const { serving } = lan;
		await lan.pass(100_000);
		const later = lan.serving;
		silenced += lan.story.filter((line) => line.includes("falls silent")).length;
		again += lan.story.filter((line) => line.includes("serves again")).length;
		if (
			serving.length === Math.min(1, living.length) &&
			later.length === serving.length &&
			later[0] === serving[0]
		)
			continue;
		t.fail(`seed ${seed}: ${serving.length} serve, later ${later.length}, of ${living.length}`, {
			story: lan.story,
		});
		return;
	}
	if (RUNS === 1) return;
	t.comment(
		`${RUNS} runs from seed ${first}: ${silenced} times one fell silent, ${again} times one served again`,
	);
	t.ok(silenced > RUNS / 10, `one fell silent ${silenced} times`);
	t.ok(again > RUNS / 200, `one served again ${again} times`);
});

t.test("a seed repeats a run exactly", async (t) => {
	const seed = firstSeed();
	const [first, second, other] = [await chaos(seed), await chaos(seed), await chaos(seed + 1)];
	t.equal(second.log.hash, first.log.hash, `seed ${seed}: ${first.log.count} events`);
	t.not(other.log.hash, first.log.hash, "another seed is another run");
});

t.test(
	"started one shortly after the other: one serves, the other is refused, always the same",
	async (t) => {
		for (const [earlier, later] of [
			[0x10, 0x20],
			[0x20, 0x10],
		] as const)
			for (const gapMs of [0, 0.5, 1, 50, 99, 100, 101, 199, 250, 290, 297, 300, 303, 310, 400, 1000]) {
				const outcomes = new Set<string>();
				for (let seed = 1; seed <= 4; seed++) {
					const lan = new SimulatedLan(seed);
					const hosts = [lan.start("earlier", earlier)];
					await lan.pass(gapMs);
					hosts.push(lan.start("later", later));
					await lan.pass(20_000);
					t.same(hosts.map(({ state }) => state).sort(), ["refused", "runs"], `${gapMs} ms apart`);
					outcomes.add(hosts.map(({ state }) => state).join(" "));
				}
				if (gapMs === 0) {
					t.same(
						[...outcomes],
						[earlier < later ? "runs refused" : "refused runs"],
						"at once: the lower address",
					);
				}
				if (gapMs > 310) t.same([...outcomes], ["runs refused"], "it was there first");
			}
	},
);

t.test("three at once: one serves, two are refused", async (t) => {
	for (let seed = 1; seed <= 20; seed++) {
		const lan = new SimulatedLan(seed);
		const hosts = [0x30, 0x10, 0x20].map((number) => lan.start(`host ${number}`, number));
		await lan.pass(20_000);
		t.same(
			hosts.map(({ state }) => state),
			["refused", "runs", "refused"],
		);
	}
});

t.test("cabled together later: who has served longer goes on, else the lower address", async (t) => {
	for (const [gapMs, winner] of [
		[0, "low"],
		[1000, "low"],
		[5000, "high"],
		[3_600_000, "high"],
	] as const) {
		const lan = new SimulatedLan(7);
		const high = lan.start("high", 0x20);
		lan.plug(high, 1);
		await lan.pass(gapMs);
		const low = lan.start("low", 0x10);
		await lan.pass(500_000);
		t.same(lan.serving.length, 2, "each on its own network");
		lan.plug(high, 0);
		await lan.pass(WHOLE_MS);
		t.same(
			lan.serving.map(({ name }) => name),
			[winner],
			`${gapMs} ms apart`,
		);
		(winner === "low" ? low : high).end("killed");
		await lan.pass(WHOLE_MS);
		t.equal(lan.serving.length, 1, "when that one has gone, the other serves");
		t.not(lan.serving[0]?.name, winner);
	}
});

t.test("a bridge that forwards only after half a minute", async (t) => {
	const lan = new SimulatedLan(11);
	const hosts = [lan.start("a", 0x20), lan.start("b", 0x10)];
	lan.plug(hosts[0]!, 1);
	await lan.pass(30_000);
	t.equal(lan.serving.length, 2, "neither can know");
	lan.plug(hosts[0]!, 0);
	await lan.pass(2500);
	t.same(
		lan.serving.map(({ name }) => name),
		["b"],
		"they do a moment after it forwards",
	);
});

t.test("a switch that is started anew does not change who serves", async (t) => {
	for (let seed = 1; seed <= 20; seed++) {
		const lan = new SimulatedLan(seed);
		const high = lan.start("high", 0x20);
		lan.plug(high, 1);
		await lan.pass(60_000);
		const low = lan.start("low", 0x10);
		await lan.pass(10_000);
		lan.plug(high, 0);
		await lan.pass(60_000);
		t.ok(high.serves && !low.serves);
		for (const up of [false, true]) for (const host of [low, high]) lan.setUp(host, up);
		await lan.pass(10_000);
		t.ok(high.serves && !low.serves, "the one that did, though its address is the higher one");
	}
});

t.test("who was cut off comes back to one that has taken over, and leaves it to that", async (t) => {
	const lan = new SimulatedLan(5);
	const first = lan.start("first", 0x10);
	lan.plug(first, 1);
	await lan.pass(100_000);
	const second = lan.start("second", 0x20);
	await lan.pass(1000);
	lan.plug(first, 0);
	await lan.pass(60_000);
	t.ok(first.serves && !second.serves);
	lan.setUp(first, false);
	await lan.pass(60_000);
	t.ok(second.serves && !first.serves, "its cable is pulled: the other one serves");
	lan.setUp(first, true);
	await lan.pass(60_000);
	t.ok(second.serves && !first.serves, "initiators have written there since");
});
