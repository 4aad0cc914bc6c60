/**
 * Many things that have to be moved on now and then, each when it is due, by one timer: some at a time, so that thousands that
 * are due at once neither hold the loop nor fill the network. Used by `rounds.ts` for claims.
 */

import type { Clock } from "../clock.js";

/** Most steps in one turn of the loop, and how long until the next turn. */
export const STEPS_PER_TURN = 64;
const TURN_MS = 10;
/** There is a turn at least so often while anything is due at some time, to see that time has not passed without us. */
const BEAT_MS = 1000;
/** A turn that is late by more: this process was stopped, or its machine. Another server needs less to see nobody here. */
const AWAY_MS = 1000;

export interface Due {
	/** When there is something to do next; Infinity while nothing is. */
	dueMs: number;
}

export class Turns<T extends Due> {
	readonly #clock: Clock;
	readonly #items: readonly T[];
	readonly #step: (item: T, nowMs: number) => void;
	readonly #wasAway: (nowMs: number, lateMs: number) => void;
	/** Where to go on looking for what is due. */
	#cursor = 0;
	#cancel: (() => void) | null = null;
	#wakeMs = Infinity;

	/**
	 * @param items may become more or less, but not in a step
	 * @param step moves on one that is due, and says by its `dueMs` when it is again
	 * @param wasAway called before the steps when so much time has passed without us
	 */
	constructor(
		clock: Clock,
		items: readonly T[],
		step: (item: T, nowMs: number) => void,
		wasAway: (nowMs: number, lateMs: number) => void,
	) {
		this.#clock = clock;
		this.#items = items;
		this.#step = step;
		this.#wasAway = wasAway;
	}

	/** From outside a step: `item` is due at `dueMs`. */
	set(item: T, dueMs: number): void {
		item.dueMs = dueMs;
		this.#wake(dueMs);
	}

	stop(): void {
		this.#cancel?.();
		this.#cancel = null;
		this.#wakeMs = Infinity;
	}

	#turn(): void {
		const now = this.#clock.now();
		const lateMs = now - this.#wakeMs;
		this.#cancel = null;
		this.#wakeMs = Infinity;
		if (lateMs > AWAY_MS) this.#wasAway(now, lateMs);
		const items = this.#items;
		let nextMs = Infinity;
		for (let steps = 0, looked = 0; looked < items.length; looked++) {
			const item = items[this.#cursor % items.length]!;
			if (item.dueMs <= now && steps++ === STEPS_PER_TURN) {
				nextMs = now + TURN_MS;
				break;
			}
			if (item.dueMs <= now) this.#step(item, now);
			nextMs = Math.min(nextMs, item.dueMs);
			this.#cursor = (this.#cursor + 1) % items.length;
		}
		this.#wake(nextMs);
	}

	/** Sees to it that there is a turn at `dueMs`, or before. */
	#wake(dueMs: number): void {
		if (dueMs >= this.#wakeMs) return;
		this.#cancel?.();
		const now = this.#clock.now();
		// What was due long ago has not been waited for until now.
		this.#wakeMs = Math.min(Math.max(dueMs, now), now + BEAT_MS);
		this.#cancel = this.#clock.after(this.#wakeMs - now, () => this.#turn());
	}
}
