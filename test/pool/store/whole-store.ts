/**
 * A pool on an object store that is used in every way there is, whose host's power is cut at any request; then the same host goes on with what it has, or
 * another one with what the store has. For `whole.test.ts` and `planted.test.ts`.
 */

import { Objects } from "../../../lib/object/objects.js";
import { Random } from "../../../lib/random.js";
import { MemoryObjects, type ObjectFaults } from "../../../lib/testing/memory-objects.js";
import { VirtualClock } from "../../../lib/testing/virtual-clock.js";
import { CrashFolder, Power } from "../crash-folder.js";
import { WholeRun } from "../whole-run.js";
import { StoreStage } from "./stage.js";

const LIVES = 3;
const TICK_MS = 10;
const FAULTS: ObjectFaults = { refusal: 0.05, lostAnswer: 0.05, short: 0.05, stale: 0.05 };

/** Throws a CrashError for what is not as it was promised. One seed is always the same run. */
export async function play(seed: number, stable: "host" | "store"): Promise<StoreStage> {
	const clock = new VirtualClock();
	const tick = (): void => void clock.after(TICK_MS, tick);
	tick();
	const random = new Random(seed);
	const backend = new MemoryObjects({
		clock,
		random,
		faults: random.chance(0.5) ? FAULTS : {},
		latencyMs: 20,
	});
	const there = new StoreStage(backend);
	// (By half of the seeds what is here has to go again and again.)
	const small = random.chance(0.5) ? { logBytes: 8 * 2 ** 20, cacheBytes: 2 ** 20 } : {};
	const run = new WholeRun(seed, false, {
		files: (local) =>
			there.folder(local, {
				...small,
				store: new Objects(backend, { clock, random: new Random(seed) }),
				clock,
				stable,
			}),
		crash: (local, chance, survival) => {
			if (stable === "host" || chance.chance(0.5)) return [local, survival];
			// (What was not flushed is on the first host alone.)
			return [
				new CrashFolder(new Power(local.power.left), undefined, new Map(), local.filesMax, local.fillsAhead),
				0,
			];
		},
	});
	await clock.until(run.play(LIVES), 1e12);
	return there;
}
