/**
 * Work that is done step by step, each of about a microsecond: by a generator, which yields behind each, or behind several how many they were.
 * Whoever is served has a turn every so many steps; or all is done at once, where nobody is. Used where pools are opened, and for what takes
 * long of thousands of volumes or snapshots.
 */

import type { NextTurn } from "./merging.js";

/** Steps in one turn. */
export const STEPS_PER_TURN = 256;

/** What is yielded: nothing, for one step, or how many. */
export type Steps<T = void> = Generator<number | undefined, T>;

export async function inTurns<T>(work: Iterator<unknown, T>, nextTurn: NextTurn): Promise<T> {
	for (let steps = 0; ; ) {
		const { done, value } = work.next();
		if (done) return value;
		steps += typeof value === "number" ? value : 1;
		if (steps < STEPS_PER_TURN) continue;
		steps = 0;
		await nextTurn();
	}
}

/** The same for work that is done step by step in some other way. */
export class TurnsOfSteps {
	#spent = 0;

	constructor(readonly next: NextTurn) {}

	/** So many steps were done. Resolves at once where no turn is due. */
	async spend(steps: number): Promise<void> {
		this.#spent += steps;
		if (this.#spent < STEPS_PER_TURN) return;
		this.#spent = 0;
		await this.next();
	}
}

export function atOnce<T>(work: Iterator<unknown, T>): T {
	for (;;) {
		const { done, value } = work.next();
		if (done) return value;
	}
}
