// A fault device under a pool, in every phase of one: a request fails (a read, a write, a sync, for want of space), is torn or hangs, while the pool
// is opened, written, synced, has checkpoints made, is cleaned and grows, while snapshots, clones and ways back come and go, and while it is closed.
// Some requests of a seed by chance; `faults.long.ts` has every one. POOL_SEED=n is that seed.
import t from "tap";
import { FAULTS, type FaultKind } from "./fault-folder.js";
import { FaultRun, Prepared } from "./fault-run.js";
import { playFaults, SCRIPTS, type ScriptName } from "./fault-scripts.js";

const SEED = Number(process.env.POOL_SEED ?? 1 + Math.floor(Math.random() * 1e6));
const STRIDES = {
	"used in every way": 111,
	"so full that space has to come back, and one more file is made": 599,
} as const satisfies Record<ScriptName, number>;

t.setTimeout(230_000);

for (const name of Object.keys(SCRIPTS) as ScriptName[])
	t.test(`a disk that goes wrong under a pool that is ${name}`, async (t) => {
		const struck = await playFaults(name, SEED, STRIDES[name]);
		for (const kind of FAULTS) t.ok(struck.get(kind), `${kind}: ${struck.get(kind)} from seed ${SEED}`);
	});

const FULL = "so full that space has to come back, and one more file is made";
/** By which fault, for good or once, at which request of which seed. */
const FOUND: Readonly<Record<string, readonly [ScriptName, number, FaultKind, number, boolean]>> = {
	"zeros beside what was acknowledged": ["used in every way", 752_525, "read", 72, false],
	"a checkpoint that waits for a record, which nobody tries again": [FULL, 580_593, "full", 33, true],
};

t.test("what was found so does not come again", async (t) => {
	for (const [what, [name, seed, kind, left, isLasting]] of Object.entries(FOUND)) {
		const { before, steps, ...more } = SCRIPTS[name];
		const prepared = await Prepared.after(seed, before, "filesMax" in more ? more.filesMax : undefined);
		t.ok(await new FaultRun(prepared, kind, left, isLasting).play(steps), what);
	}
});
