/**
 * The arithmetic of limits: when the next request may go, if so many operations and bytes per second are allowed. Each rate is a
 * moment, up to which what has gone so far has used it up; a request moves it on by its share, and may go as soon as it is no
 * further ahead than a burst. So what is larger than a second's worth goes as well, and those behind it wait for as long as that
 * has cost. Pure; used by `limit.ts`.
 */

import type { LimitSpec } from "../spec/spec.js";

/** For so long what was not used can be used later, all at once: as much as a timer may be late, many times over. */
export const BURST_MS = 100;

/** What a request is to a limit. */
export const Direction = { read: 0, write: 1 } as const;
export type Direction = (typeof Direction)[keyof typeof Direction];

/** Places of the six rates: each pair is of operations and of bytes; for both directions, then for each of them. */
const PAIR_OF_DIRECTION = 2;
const RATES = 6;
const MS_PER_SECOND = 1000;

export class Rates {
	/** What a unit takes; 0 where there is no limit, so that the moment never gets ahead. */
	readonly #msPerUnit: Float64Array;
	readonly #usedUpMs = new Float64Array(RATES);

	constructor(limit: LimitSpec) {
		const perSecond = [limit.iops, limit.bandwidth, limit.readIops, limit.readBandwidth];
		perSecond.push(limit.writeIops, limit.writeBandwidth);
		this.#msPerUnit = Float64Array.from(perSecond, (rate) => MS_PER_SECOND / (rate ?? Infinity));
	}

	/** When the next request of this direction may go. */
	dueMs(direction: Direction): number {
		const used = this.#usedUpMs;
		const own = PAIR_OF_DIRECTION * (direction + 1);
		return Math.max(used[0]!, used[1]!, used[own]!, used[own + 1]!) - BURST_MS;
	}

	/** One has gone. */
	charge(direction: Direction, lengthBytes: number, nowMs: number): void {
		const own = PAIR_OF_DIRECTION * (direction + 1);
		this.#use(0, 1, nowMs);
		this.#use(1, lengthBytes, nowMs);
		this.#use(own, 1, nowMs);
		this.#use(own + 1, lengthBytes, nowMs);
	}

	#use(rate: number, units: number, nowMs: number): void {
		const used = this.#usedUpMs;
		used[rate] = Math.max(used[rate]!, nowMs) + units * this.#msPerUnit[rate]!;
	}

	/**
	 * These are in force from now on, instead of `before`. What has been used stays used, so that who changes limits again and
	 * again gives nothing away; it costs what it costs now, if that is less. If it is more, not that either: what was allowed at
	 * the old rate would take the new one for ages.
	 */
	follow(before: Rates, nowMs: number): void {
		for (let rate = 0; rate < RATES; rate++) {
			const aheadMs = Math.max(0, before.#usedUpMs[rate]! - nowMs);
			const dearer = this.#msPerUnit[rate]! / before.#msPerUnit[rate]!;
			// Where there was no limit nothing is ahead.
			this.#usedUpMs[rate] = nowMs + (aheadMs > 0 ? aheadMs * Math.min(1, dearer) : 0);
		}
	}
}
