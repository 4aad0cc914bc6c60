/**
 * What is simulated, by name: worlds and workloads that follow from a seed. Three kinds of network:
 *
 * - `ordered`: what Ethernet promises. Frames are lost and held up for as long as one likes, but do not overtake each other.
 *   Initiators are plain ones that take the first answer as the end, as Linux's driver does.
 * - `paths`: frames overtake each other, as on several paths to one target. Initiators send again what they think lost, so
 *   copies of old writes are late; ours waits for them before it calls a write done.
 * - `copying`: the network itself doubles frames and delivers the second one late. Against that AoE has nothing: what an old
 *   write has written may come back, and the model lets it, from when the copy arrives. Everything else holds.
 *
 * Then those whose disk has a limit, those in which the power is cut, and those with a planted bug, which must be found. Played by `schedules.ts`.
 */

import { Random } from "../../lib/random.js";
import type { LimitSpec } from "../../lib/spec/spec.js";
import {
	withHastySync,
	withoutForce,
	withoutOrder,
	withoutSync,
	withoutWaiting,
	withRetriedSync,
} from "./planted.js";
import type { WorkloadOptions } from "./workload.js";
import type { WorldOptions } from "./world.js";

/** What a run is made of. */
export interface Plan {
	readonly world: WorldOptions;
	readonly workload: WorkloadOptions;
}

type Network = "ordered" | "paths" | "copying";
type Mode = "ack" | "flush";

/** No frame is on its way for longer; but for the ordered network, where frames wait for others. */
export const TRANSIT_MAX_MS = 900;
const FRAME_LIFETIME_MS = 1000;

/** Rates, sizes and speeds differ from seed to seed. */
function onNetwork(network: Network, seed: number): Plan {
	const random = new Random(seed ^ 0x0991a1);
	const ordered = network === "ordered";
	return {
		world: {
			seed,
			mode: "ack",
			sectors: 24,
			initiators: 1 + random.below(2),
			frameLifetimeMs: ordered ? 0 : FRAME_LIFETIME_MS,
			network: {
				ordered,
				latencyMs: 0.05,
				dropRate: random.pick([0, 0.02, 0.1]),
				corruptRate: random.pick([0, 0.02]),
				// On an ordered network a copy is where its original is, or between others that were sent with it.
				duplicateRate: network === "paths" ? 0 : random.pick([0.02, 0.15]),
				delayRate: random.pick([0.05, 0.3]),
				delayMs: random.pick([5, 150, TRANSIT_MAX_MS]),
			},
			diskMs: random.pick([0.1, 5, 200]),
			lateCopiesAllowed: network === "copying",
		},
		workload: {
			operations: 14,
			atATime: 1 + random.below(4),
			// Frames of one initiator are in order with each other, not with those of another.
			apart: ordered,
			// A copy of a trim can't be told from another trim.
			trims: network !== "copying",
			pauseMs: 300,
		},
	};
}

/** The disk has a limit, which some of the requests have to wait for so long that they are sent again. */
function onLimited(seed: number): Plan {
	const random = new Random(seed ^ 0x11317);
	const { world, workload } = onNetwork(random.pick(["ordered", "paths"]), seed);
	const limit = random.pick<LimitSpec>([
		{ iops: random.pick([20, 60]) },
		{ writeIops: random.pick([15, 30]) },
		{ readIops: 15, writeBandwidth: 40_960 },
		{ bandwidth: 40_960, writeIops: 20 },
	]);
	return { world: { ...world, limit }, workload };
}

/** A short run on a network that is not too bad, and then the power is cut; `cutAfter` decides whether once before, too. */
function onPower(mode: Mode, seed: number): Plan {
	const random = new Random(seed ^ 0x90e2);
	const { world, workload } = onNetwork(random.pick(["ordered", "paths"]), seed);
	const network = { ...world.network, dropRate: random.pick([0, 0.03]), delayMs: random.pick([1, 150]) };
	return {
		world: { ...world, mode, network, diskMs: random.pick([0.1, 5]), cutAtEnd: true },
		workload: { ...workload, operations: 6, pauseMs: 10, manyFlushes: mode === "flush" },
	};
}

/** The power is cut at some moment. */
function onPowerOnce(mode: Mode, seed: number, world: Partial<WorldOptions> = {}): Plan {
	const plan = onPower(mode, seed);
	const cutAfter = 20 + new Random(seed ^ 0xc07).below(100);
	return { ...plan, world: { ...plan.world, cutAfter, ...world } };
}

/** A sync fails: from then on every change does, until the power is cut. */
function onFailingSync(mode: Mode, seed: number, world: Partial<WorldOptions> = {}): Plan {
	const plan = onPower(mode, seed);
	const syncFailsAfter = 10 + new Random(seed ^ 0xfa11).below(40);
	const failing = { syncFailsAfter, cutAfter: syncFailsAfter + 60, watchesArrivals: false };
	return {
		world: { ...plan.world, ...failing, ...world },
		workload: { ...plan.workload, operations: 12, mayFail: true },
	};
}

function planted(plan: Plan, world: Partial<WorldOptions>): Plan {
	return { ...plan, world: { ...plan.world, ...world } };
}

/** Nothing may be found in these. */
export const SOUND = {
	ordered: (seed) => onNetwork("ordered", seed),
	paths: (seed) => onNetwork("paths", seed),
	copying: (seed) => onNetwork("copying", seed),
	limited: onLimited,
	"power ack": (seed) => onPower("ack", seed),
	"power flush": (seed) => onPower("flush", seed),
	"failing sync ack": (seed) => onFailingSync("ack", seed),
	"failing sync flush": (seed) => onFailingSync("flush", seed),
} as const satisfies Record<string, (seed: number) => Plan>;

/** In these something must be found. */
export const PLANTED = {
	"ack: the sync is left out": (seed) => onPowerOnce("ack", seed, { compose: withoutSync("ack") }),
	"ack: answered while the sync is under way": (seed) =>
		onPowerOnce("ack", seed, { compose: withHastySync("ack") }),
	"ack: answered before the sync": (seed) => onPowerOnce("ack", seed, { compose: withoutWaiting }),
	"ack: a failed sync is tried again": (seed) =>
		onFailingSync("ack", seed, { compose: withRetriedSync("ack") }),
	"flush: the sync is left out": (seed) => onPowerOnce("flush", seed, { compose: withoutSync("flush") }),
	"flush: FLUSH is answered while the sync is under way": (seed) =>
		onPowerOnce("flush", seed, { compose: withHastySync("flush") }),
	"flush: forced unit access is not": (seed) => onPowerOnce("flush", seed, { compose: withoutForce }),
	"flush: a failed sync is tried again": (seed) =>
		onFailingSync("flush", seed, { compose: withRetriedSync("flush") }),
	"no order, seen from the target": (seed) => planted(onNetwork("ordered", seed), { compose: withoutOrder }),
	"no order, seen from initiators": (seed) =>
		planted(onNetwork("ordered", seed), { compose: withoutOrder, watchesArrivals: false }),
	"several paths, and nobody waits for copies": (seed) =>
		planted(onNetwork("paths", seed), { frameLifetimeMs: 0 }),
	"a network that copies, believed to be one that does not": (seed) =>
		planted(onNetwork("copying", seed), { lateCopiesAllowed: false }),
	"damage that nobody can notice": (seed) => {
		const plan = planted(onNetwork("ordered", seed), { hiddenDamageRate: 0.01 });
		// A damaged list of ranges may name some behind the end of the disk: that would be noticed.
		return { ...plan, workload: { ...plan.workload, trims: false } };
	},
} as const satisfies Record<string, (seed: number) => Plan>;

export type SoundName = keyof typeof SOUND;
export type PlantedName = keyof typeof PLANTED;
export type ScenarioName = SoundName | PlantedName;

export const SCENARIOS: Readonly<Record<ScenarioName, (seed: number) => Plan>> = { ...SOUND, ...PLANTED };
