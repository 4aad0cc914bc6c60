// Owners of one pool, by seeds: at no time may two acknowledge, whatever is lost, late, stopped or cut off. OWNER_SEED=n is run alone.
import t, { type Test } from "tap";
import { InvariantError } from "../../../lib/errors.js";
import { isLong, rounds } from "../../support/long.js";
import { OWNER_PLANTS } from "./owner-planted.js";
import { OwnerSim } from "./owner-sim.js";
import { OwnerError } from "./owner-truth.js";

const SEED = process.env.OWNER_SEED;
const FIRST_SEED = Number(SEED ?? 1 + Math.floor(Math.random() * 1e6));
const RUNS = SEED === undefined ? rounds(25, 3_000) : 1;
const RUNS_TO_FIND = 500;

t.setTimeout(rounds(110_000, 3_500_000));

t.test("at most one may acknowledge, and what he has is promised", async (t) => {
	const sums = { acknowledged: 0, takeovers: 0, lost: 0, handedOver: 0 };
	for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
		const sim = new OwnerSim(seed);
		try {
			await sim.play();
		} catch (error) {
			t.error(error, `seed ${seed}`);
			return;
		}
		const { counts } = sim.truth;
		sums.acknowledged += counts.acknowledged;
		sums.takeovers += counts.takeovers;
		sums.lost += counts.lost;
		sums.handedOver += counts.handedOver;
	}
	t.comment(`${RUNS} runs from seed ${FIRST_SEED}: ${JSON.stringify(sums)}`);
	if (SEED === undefined)
		for (const [what, count] of Object.entries(sums)) t.ok(count > 0, `some are ${what}`);
});

/** A seed that has found it: a usual run begins with that one, for most find nothing. */
const FOUND_BY: Readonly<Record<keyof typeof OWNER_PLANTS, number>> = {
	"the lease is counted from the answer": 14,
	"a swap without an answer is repeated, whatever is there": 1,
	"there is no margin": 101,
	"acknowledged before it is promised": 1,
	"acknowledged while somebody may take it": 3,
};

/** Runs until what was planted is found. */
async function find(t: Test, first: number): Promise<void> {
	for (let seed = first; seed < first + RUNS_TO_FIND; seed++)
		try {
			await new OwnerSim(seed).play();
		} catch (error) {
			// (Or the owner itself sees that its superblock could not be one: two of them made it.)
			t.ok(error instanceof OwnerError || error instanceof InvariantError, String(error));
			t.pass(`in run ${seed - first + 1} from seed ${first}: ${error}`);
			return;
		}
	t.fail(`not found in ${RUNS_TO_FIND} runs from seed ${first}`);
}

for (const planted of Object.keys(OWNER_PLANTS) as (keyof typeof OWNER_PLANTS)[])
	t.test(`a planted bug is found: ${planted}`, async (t) => {
		t.teardown(OWNER_PLANTS[planted]());
		await find(t, isLong || SEED !== undefined ? FIRST_SEED : FOUND_BY[planted]);
	});
