/**
 * Chance that repeats: a small generator of pseudo-random numbers that gives the same sequence for the same
 * seed. For the conformance suites and the faulty devices and links, so that a failing run can be had again
 * from the seed it printed. Not for secrets. The generator is Marsaglia's xorshift with 32 bits of state
 * (Journal of Statistical Software 8/14).
 */

import { randomInt } from "node:crypto";

export class Random {
	#state: number;

	/** The same `seed` (an integer) gives the same sequence; without one, every run is another. */
	constructor(readonly seed: number = randomInt(1, 0x7fffffff)) {
		// Small seeds differ in few bits: spread them, and never start at 0, where xorshift would stay.
		this.#state = Math.imul(seed, 0x9e3779b1) || 0x9e3779b1;
		for (let i = 0; i < 8; i++) this.#step();
	}

	#step(): number {
		let state = this.#state;
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		this.#state = state;
		return state >>> 0;
	}

	/** A number from 0 up to, not including, 1. */
	next(): number {
		return this.#step() / 0x100000000;
	}

	/** An integer from 0 up to, not including, `limit`. */
	below(limit: number): number {
		return Math.floor(this.next() * limit);
	}

	/** True with the given probability (0..1). */
	chance(probability: number): boolean {
		return this.next() < probability;
	}

	/** One of `choices`, which must not be empty. */
	pick<T>(choices: readonly [T, ...T[]]): T {
		return choices[this.below(choices.length)] ?? choices[0];
	}
}
