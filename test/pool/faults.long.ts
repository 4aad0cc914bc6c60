// What `faults.test.ts` does, at every request. POOL_SEED=n begins with that seed.
import t from "tap";
import { playFaults, SCRIPTS, type ScriptName } from "./fault-scripts.js";

const SEEDS = 6;
const FIRST_SEED = Number(process.env.POOL_SEED ?? 1 + Math.floor(Math.random() * 1e6));

t.setTimeout(4 * 3_600_000);

for (const name of Object.keys(SCRIPTS) as ScriptName[])
	t.test(`a disk that goes wrong under a pool that is ${name}`, async (t) => {
		for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++)
			t.ok((await playFaults(name, seed, 1)).size > 0, `seed ${seed}`);
	});
