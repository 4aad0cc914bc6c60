/**
 * Work that is done step by step, each of about a microsecond: by a generator, which yields behind each. Whoever is served has a turn every so
 * many steps; or all is done at once, where nobody is. Used where pools are opened, and for what takes long of thousands of snapshots.
 */

import type { NextTurn } from "./merging.js";

/** Steps in one turn. */
export const STEPS_PER_TURN = 256;

export async function inTurns<T>(work: Iterator<unknown, T>, nextTurn: NextTurn): Promise<T> {
	for (let steps = 1; ; steps++) {
		const { done, value } = work.next();
		if (done) return value;
		if (steps % STEPS_PER_TURN === 0) await nextTurn();
	}
}

export function atOnce<T>(work: Iterator<unknown, T>): T {
	for (;;) {
		const { done, value } = work.next();
		if (done) return value;
	}
}
