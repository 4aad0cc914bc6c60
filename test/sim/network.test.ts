// A whole target and initiators of ours on bad networks, hundreds of times, in simulated time; and proof that a run repeats.
// SIM_SEED=n begins with that seed. The long form is `network.long.ts`.
import t from "tap";
import { rounds } from "../support/long.js";
import { planOf, play } from "./schedules.js";
import { playSound } from "./sound.js";
import { firstSeed } from "./worker.js";

const SEEDS = rounds(80, 200);
const LIMITED_SEEDS = rounds(20, 50);

t.test("what is read is what may be there", async (t) => {
	t.setTimeout(230_000);
	const [ordered, paths, copying] = await playSound(
		t,
		[{ scenario: "ordered", seeds: SEEDS }],
		[
			{ scenario: "paths", seeds: SEEDS },
			{ scenario: "copying", seeds: SEEDS },
			{ scenario: "limited", seeds: LIMITED_SEEDS },
		],
	);
	for (const outcome of [ordered, paths, copying]) t.ok(outcome!.copies > outcome!.runs, "writes came twice");
	t.ok(ordered!.lateCopies > rounds(2, 10), "many when they had been acknowledged");
	t.ok(copying!.lateCopies > rounds(0, 3), "here too");
	t.equal(paths!.lateCopies, 0, "but our initiator waits for them where they could do harm");
});

t.test("a seed repeats a run exactly", async (t) => {
	const seed = firstSeed();
	for (const scenario of ["ordered", "paths", "copying", "power flush"] as const) {
		const [first, second, other] = [seed, seed, seed + 1].map((seed) => play(planOf(scenario, seed, 40)));
		const { log } = await first!;
		t.equal((await second!).log.hash, log.hash, `${scenario}, seed ${seed}: ${log.count} events`);
		t.ok(log.count > 50);
		t.not((await other!).log.hash, log.hash, "another seed is another run");
	}
});
