// What `whole.test.ts` does, from seeds of chance, and with bugs that are planted in cleaning and in history, which are found. POOL_SEED=n begins with
// that seed.
import t from "tap";
import { InvariantError, OperatorError } from "../../lib/errors.js";
import { NodeFault } from "../../lib/pool/map/store.js";
import { CrashError } from "./crash-model.js";
import { SPACE_PLANTS } from "./planted.js";
import { WholeRun } from "./whole-run.js";

const RUNS = 200;
const LIVES = 4;
const RUNS_TO_FIND = 150;
const FIRST_SEED = Number(process.env.POOL_SEED ?? 1 + Math.floor(Math.random() * 1e6));

t.setTimeout(3_600_000);

t.test("a pool that is used in every way is what it was, wherever its power is cut", async (t) => {
	for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++)
		try {
			await new WholeRun(seed).play(LIVES);
		} catch (error) {
			t.error(error, `seed ${seed}`);
			return;
		}
	t.pass(`${RUNS} runs from seed ${FIRST_SEED}`);
});

for (const [planted, plant] of Object.entries(SPACE_PLANTS))
	t.test(`a planted bug is found: ${planted}`, async (t) => {
		t.teardown(plant());
		for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS_TO_FIND; seed++)
			try {
				await new WholeRun(seed).play(LIVES);
			} catch (error) {
				const isFound = [CrashError, NodeFault, OperatorError, InvariantError].some(
					(kind) => error instanceof kind,
				);
				t.ok(isFound, `${error}`);
				t.pass(`in run ${seed - FIRST_SEED + 1} from seed ${FIRST_SEED}`);
				return;
			}
		t.fail(`not found in ${RUNS_TO_FIND} runs from seed ${FIRST_SEED}`);
	});
