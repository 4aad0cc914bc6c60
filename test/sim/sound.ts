/**
 * The simulations in which nothing may be found, as subtests: for the short run (`network.test.ts`, `crash.test.ts`) and the
 * long ones.
 */

import type { Test } from "tap";
import type { SoundName } from "./scenarios.js";
import type { Job, Outcome } from "./schedules.js";
import { firstSeed, playInWorker } from "./worker.js";

export type SoundJob = Omit<Job, "firstSeed" | "scenario"> & { readonly scenario: SoundName };

/** Plays lists of jobs, each list in a thread of its own, and checks that no rule was broken. */
export async function playSound(t: Test, ...lists: readonly (readonly SoundJob[])[]): Promise<Outcome[]> {
	const seed = firstSeed();
	const startedMs = performance.now();
	const threads = lists.map((jobs) => playInWorker(jobs.map((job) => ({ ...job, firstSeed: seed }))));
	const outcomes = (await Promise.all(threads)).flat();
	const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
	t.comment(`SIM_SEED=${seed}, ${seconds} s`);
	for (const [at, { scenario }] of lists.flat().entries()) {
		const { failure, ...counts } = outcomes[at]!;
		t.comment(`${scenario}: ${JSON.stringify(counts)}`);
		t.equal(failure, undefined, scenario);
	}
	return outcomes;
}
