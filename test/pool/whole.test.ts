// Traps 14, 8, 18 and 19 in a whole pool: it is used in every way there is while its space comes back, and its power is cut at any request, of opening
// it too; what is found is a state that it was in, none before what was promised, and its moments are what they were. A run that is always
// the same; `whole.long.ts` has more.
import t from "tap";
import { OperatorError } from "../../lib/errors.js";
import { CrashError } from "./crash-model.js";
import { HEAD_PLANTS } from "./planted.js";
import { WholeRun } from "./whole-run.js";

const RUNS = 1;
const LIVES = 4;

t.setTimeout(230_000);

t.test("a pool that is used in every way is what it was, wherever its power is cut", async (t) => {
	let moments = 0;
	for (let seed = 1; seed <= RUNS; seed++) {
		const run = new WholeRun(seed);
		await run.play(LIVES);
		moments += run.life.momentsSeen;
	}
	t.ok(moments > 0, `${moments} looks at moments`);
});

/** Of these, what is planted is found in one at least. */
const HEAD_SEEDS = [3, 5];

t.test("trap 16: the newer copy of the head is lost with the power: the other one is enough", async (t) => {
	for (const seed of HEAD_SEEDS) await new WholeRun(seed, true).play(LIVES);
	for (const [planted, plant] of Object.entries(HEAD_PLANTS)) {
		const isOver = plant();
		t.teardown(isOver);
		let found = 0;
		for (const seed of HEAD_SEEDS)
			try {
				await new WholeRun(seed, true).play(LIVES);
			} catch (error) {
				t.ok(error instanceof CrashError || error instanceof OperatorError, `${planted}: ${error}`);
				found++;
				break;
			}
		isOver();
		t.ok(found > 0, `${planted} is found in one of ${HEAD_SEEDS.length} runs`);
	}
});
