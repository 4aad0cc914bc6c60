/**
 * The fuzzed property of the receive path, for the short run (`receive.test.ts`) and the long one (`receive.long.ts`).
 *
 * FUZZ_SEED=n repeats a run exactly; FUZZ_RUNS=n sets how many scenarios it has. Both are printed with every failure.
 */

import fc from "fast-check";
import { type Step, steps } from "./frames.js";
import { type Sabotage, World } from "./world.js";

export interface FuzzResult {
	readonly seed: number;
	readonly runs: number;
	/** The smallest scenario that breaks a rule, and which; undefined if none does. */
	readonly failure: string | undefined;
}

/** Plays scenarios until one breaks a rule. `runs` is for when FUZZ_RUNS is not set. */
export function fuzz(mtu: number, runs: number, sabotage?: Sabotage): FuzzResult {
	const seed = numberFrom("FUZZ_SEED") ?? Math.floor(Math.random() * 0x7fffffff);
	const property = fc.property(steps(mtu), (scenario) => {
		const world = new World({ mtu, seed, sabotage });
		for (const step of scenario) world.step(step);
		world.finish();
	});
	const details = fc.check(property, {
		seed,
		numRuns: sabotage === undefined ? (numberFrom("FUZZ_RUNS") ?? runs) : runs,
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
