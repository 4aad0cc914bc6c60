/**
 * The fuzzed property of the receive path, for the short run (`receive.test.ts`) and the long one (`receive.long.ts`).
 *
 * FUZZ_SEED=n repeats a run exactly; FUZZ_RUNS=n sets how many scenarios it has. Both are printed with every failure.
 */

import fc from "fast-check";
import { type Step, steps } from "./frames.js";
import { World, type WorldOptions } from "./world.js";

export interface FuzzResult {
	readonly seed: number;
	readonly runs: number;
	/** The smallest scenario that breaks a rule, and which; undefined if none does. */
	readonly failure: string | undefined;
}

/** What may be wrong with a world. */
export type Defect = Pick<WorldOptions, "sabotage" | "weaken">;

/** Plays scenarios until one breaks a rule. `runs` is for when FUZZ_RUNS is not set. */
export async function fuzz(mtu: number, runs: number, defect: Defect = {}): Promise<FuzzResult> {
	const seed = numberFrom("FUZZ_SEED") ?? Math.floor(Math.random() * 0x7fffffff);
	const isWhole = Object.keys(defect).length === 0;
	const property = fc.asyncProperty(steps(mtu), async (scenario) => {
		const world = new World({ mtu, seed, ...defect });
		for (const step of scenario) {
			world.plant();
			world.step(step);
		}
		await world.settle();
	});
	const details = await fc.check(property, {
		seed,
		numRuns: isWhole ? (numberFrom("FUZZ_RUNS") ?? runs) : runs,
	});
	if (!details.failed) return { seed, runs: details.numRuns, failure: undefined };
	const scenario = details.counterexample?.[0].map(describe).join("\n") ?? "";
	const rule = details.errorInstance instanceof Error ? details.errorInstance.stack : "";
	const failure = `FUZZ_SEED=${seed} at MTU ${mtu}, run ${details.numRuns}\n${scenario}\n${rule}`;
	return { seed, runs: details.numRuns, failure };
}

function describe({ frame, ticks }: Step): string {
	return `${frame.toString("hex").replace(/(00){24,}/g, " ...zeros... ")} (then ${ticks} ticks)`;
}

function numberFrom(name: string): number | undefined {
	const text = process.env[name];
	return text === undefined || text === "" ? undefined : Number(text);
}
