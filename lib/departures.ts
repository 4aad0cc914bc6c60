/**
 * How long requests take, from their arrival to when their answers have left. Those that are about to leave are noted here by the
 * protocol that answers; when the pump has sent what it had, the clock is read, once for all of them, and whoever keeps count of
 * each is told. So what is measured has all in it that an initiator waits for here, and no request costs a look at a clock.
 */

import { native } from "./native.js";
import type { Pump, PumpStage } from "./pump.js";

/** Who is told how long a request took: `us` is 0..2^31-1. */
export interface Timed {
	took(kind: number, us: number): void;
}

/**
 * Now, in microseconds of the clock that nobody sets, as 32 bits which wrap after 71 minutes: only differences mean anything. Whole
 * numbers of 32 bits are handed about without being put on the heap.
 */
export function nowUs(): number {
	return native.now();
}

const LONGEST_US = 2 ** 31 - 1;

/** So many at most wait for their clock; should there be more, it is read before they have left. */
const NOTED_MAX = 1024;

export class Departures implements PumpStage {
	readonly #now: () => number;
	readonly #whose: Timed[] = [];
	readonly #kinds = new Uint8Array(NOTED_MAX);
	readonly #arrivals = new Int32Array(NOTED_MAX);
	#count = 0;

	/** Joins the pump. `now` in place of `nowUs`, for tests. */
	constructor(pump: Pump, now: () => number = nowUs) {
		this.#now = now;
		pump.addLast(this);
	}

	/** An answer is about to leave, to a request of this kind that arrived then. */
	note(whose: Timed, kind: number, arrivedUs: number): void {
		const index = this.#count;
		this.#whose[index] = whose;
		this.#kinds[index] = kind;
		this.#arrivals[index] = arrivedUs;
		this.#count = index + 1;
		if (this.#count === NOTED_MAX) this.drain();
	}

	get hasWork(): boolean {
		return this.#count > 0;
	}

	/** All that was noted has left. */
	drain(): void {
		const now = this.#now();
		const count = this.#count;
		this.#count = 0;
		for (let index = 0; index < count; index++) {
			const us = (now - this.#arrivals[index]!) | 0;
			// Nothing leaves before it has come: more than half an hour has passed.
			this.#whose[index]!.took(this.#kinds[index]!, us < 0 ? LONGEST_US : us);
		}
	}
}
