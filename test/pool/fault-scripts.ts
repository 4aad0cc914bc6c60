/** What `fault-run.ts` does to a pool: in all, every phase of one. */

import { FAULTS, type FaultKind } from "./fault-folder.js";
import { FaultRun, Prepared, type Step } from "./fault-run.js";

interface Script {
	/** What is done before anything goes wrong, and then. */
	readonly before: readonly Step[];
	readonly steps: readonly Step[];
	/** Files of the log that have room. */
	readonly filesMax?: number;
}

function bulk(count: number): Step[] {
	return new Array<Step>(count).fill("bulk");
}

/** Of each kind there are more requests. */
const FIRST_MAX = 40;

export const SCRIPTS = {
	"used in every way": {
		before: ["create", "create", "write", "write", "snapshot", "clone", "checkpoint", "write"],
		steps: [
			...(["write", "zeros", "flush", "snapshot", "clone", "checkpoint", "write", "rollback"] as const),
			...(["flatten", "group", "forget", "hold", "resize", "rename", "create", "remove"] as const),
			...(["cloneMoment", "rollbackMoment", "replace", "write", "look", "quietly", "time", "write"] as const),
		],
	},
	"so full that space has to come back, and one more file is made": {
		before: ["create", "create", "write", "write", "snapshot", ...bulk(125), "checkpoint", "write"],
		steps: [...bulk(6), "write", "snapshot", "checkpoint", ...bulk(8), "forget", "checkpoint", ...bulk(8)],
		filesMax: 2,
	},
} as const satisfies Record<string, Script>;

export type ScriptName = keyof typeof SCRIPTS;

/**
 * Each kind of fault at one request of each `stride`, from one by chance on that is no other in the next run of the same seed; resolves to how often
 * one has struck. Throws what the first that is not as it should be has come to, with its name.
 */
export async function playFaults(
	name: ScriptName,
	seed: number,
	stride: number,
): Promise<Map<FaultKind, number>> {
	const { before, steps, filesMax }: Script = SCRIPTS[name];
	const prepared = await Prepared.after(seed, before, filesMax);
	const struck = new Map<FaultKind, number>();
	for (const kind of FAULTS)
		for (let left = seed % Math.min(stride, FIRST_MAX); ; left += stride) {
			const isLasting = kind !== "read" && kind !== "stuck" && left % 3 === 0;
			const run = new FaultRun(prepared, kind, left, isLasting);
			const isThere = await run.play(steps).catch((error: unknown) => {
				throw new Error(`seed ${seed}, ${kind}${isLasting ? " for good" : ""} at ${left}`, { cause: error });
			});
			if (!isThere) break;
			struck.set(kind, (struck.get(kind) ?? 0) + 1);
		}
	return struck;
}
