// The power of a whole target cut at every event of a run: what was promised is there afterwards. And bugs planted in storage
// and network, each of which must be found. SIM_SEED=n begins with that seed. The long form is `crash.long.ts`.
import t from "tap";
import { PLANTED, type PlantedName } from "./scenarios.js";
import { playSound } from "./sound.js";
import { firstSeed, playInWorker } from "./worker.js";

/** That are each played once for every event. */
const SEEDS = 1;
const FAILING_SEEDS = 20;
/** Seeds within which a planted bug must have been found: a few seconds' worth. */
const SEEDS_TO_FIND = 4000;

t.setTimeout(230_000);

t.test("what was promised survives, wherever the power is cut, and after a sync that failed", async (t) => {
	const outcomes = await playSound(
		t,
		[
			{ scenario: "power ack", seeds: SEEDS, everyEvent: true },
			{ scenario: "failing sync ack", seeds: FAILING_SEEDS },
		],
		[
			{ scenario: "power flush", seeds: SEEDS, everyEvent: true },
			{ scenario: "failing sync flush", seeds: FAILING_SEEDS },
		],
	);
	for (const { powerCuts, runs } of outcomes) t.ok(powerCuts >= runs, "it was cut in every run");
});

t.test("planted bugs are found", async (t) => {
	const seed = firstSeed();
	const names = Object.keys(PLANTED) as PlantedName[];
	const outcomes = await playInWorker(
		names.map((scenario) => ({ scenario, firstSeed: seed, seeds: SEEDS_TO_FIND })),
	);
	for (const [at, { failure, runs }] of outcomes.entries())
		t.match(failure, /ModelError/, `${names[at]}: found in run ${runs} from seed ${seed}`);
});
