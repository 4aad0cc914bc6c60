// Traps 14 and 17: the power is cut at any request of a pool, in the middle of opening too, again and again: what is there is a prefix of what was
// asked for, over all volumes, with all that was acknowledged. Bugs planted below are found. POOL_SEED=n begins with that seed.
import t, { type Test } from "tap";
import { OperatorError } from "../../lib/errors.js";
import { rounds, variants } from "../support/long.js";
import { CrashRun } from "./crash.js";
import type { Planted } from "./crash-folder.js";
import { CrashError } from "./crash-model.js";
import { PLANTS } from "./planted.js";

const RUNS = rounds(2, 400);
const SMALL_RUNS = rounds(1, 30);
/** Changes of a new pool that waited for its first slots: a sync that came meanwhile was taken for one of these too. */
const FOUND = [15063, 15069, 207429];
/**
 * Of these, what has ever been found wrong in a small pool: history that could not be given up was waited for, though cleaning would have done; and a
 * slot was taken right after it had been found that there is room, so that writes were refused before anybody had looked for more.
 */
const SMALL_FOUND = [2, 11, 39];
const LIVES = 4;
/** Of the requests of a checkpoint, one in so many. */
const STEP = rounds(6, 1);
const RUNS_TO_FIND = 300;
const FIRST_SEED = Number(process.env.POOL_SEED ?? 1 + Math.floor(Math.random() * 1e6));

t.setTimeout(rounds(230_000, 3_500_000));

t.test("what was promised survives, wherever the power is cut", async (t) => {
	const some = Array.from({ length: RUNS }, (_, i) => FIRST_SEED + i);
	for (const seed of [...FOUND, ...some])
		try {
			await new CrashRun(seed).play(LIVES);
		} catch (error) {
			t.error(error, `seed ${seed}`);
			return;
		}
	t.pass(`${RUNS} runs from seed ${FIRST_SEED}, and ${FOUND}`);
});

t.test("what was promised survives where space has to come back", async (t) => {
	const some = Array.from({ length: SMALL_RUNS }, (_, i) => FIRST_SEED + i);
	for (const seed of [...variants(SMALL_FOUND, 1), ...some])
		try {
			await new CrashRun(seed, undefined, true).play(LIVES);
		} catch (error) {
			t.error(error, `seed ${seed}`);
			return;
		}
	t.pass(`${SMALL_RUNS} runs from seed ${FIRST_SEED}, and ${variants(SMALL_FOUND, 1)}`);
});

t.test("at any request of a checkpoint and of a snapshot, and then while it is opened", async (t) => {
	const cuts = async (): Promise<number> => {
		for (let cut = FIRST_SEED % STEP; ; cut += STEP)
			if (!(await new CrashRun(FIRST_SEED + cut).cutAt(cut, cut % 7))) return cut;
	};
	t.ok((await cuts()) > 30, `seeds from ${FIRST_SEED}`);
});

/** Runs until what was planted is found. */
async function find(t: Test, planted?: Planted): Promise<void> {
	for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS_TO_FIND; seed++)
		try {
			await new CrashRun(seed, planted).play(LIVES);
		} catch (error) {
			t.ok(error instanceof CrashError || error instanceof OperatorError, `${error}`);
			t.pass(`in run ${seed - FIRST_SEED + 1} from seed ${FIRST_SEED}`);
			return;
		}
	t.fail(`not found in ${RUNS_TO_FIND} runs from seed ${FIRST_SEED}`);
}

for (const planted of ["no sync", "sync while it is written"] as const satisfies Planted[])
	t.test(`a planted bug is found: ${planted}`, (t) => find(t, planted));

for (const [planted, plant] of Object.entries(PLANTS))
	t.test(`a planted bug is found: ${planted}`, async (t) => {
		t.teardown(plant());
		await find(t);
	});
