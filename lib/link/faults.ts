/**
 * A bad network, as a `Schedule` for the network in memory: frames are lost, doubled and held up, all of it decided by
 * one seed, so that a run that went wrong can be repeated. Time is the caller's `Clock`; with a virtual one, nothing waits.
 */

import type { Clock } from "../clock.js";
import type { Schedule } from "./memory.js";

/** What may happen to a frame. Rates are probabilities, 0 to 1. */
export interface Faults {
	readonly clock: Clock;
	readonly seed: number;
	readonly dropRate?: number;
	readonly duplicateRate?: number;
	/** Frames held up, each for a time of its own up to `delayMs`: later ones overtake them. */
	readonly delayRate?: number;
	readonly delayMs?: number;
}

/** What has happened so far. */
export interface FaultCounts {
	frames: number;
	dropped: number;
	duplicated: number;
	delayed: number;
}

/** Numbers from 0 to below 1 that follow from the seed (mulberry32). */
export function seededRandom(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

/** The schedule for `MemorySwitch`, and its counters. Every copy of a doubled frame may be held up by itself. */
export function faultySchedule(faults: Faults): { schedule: Schedule; counts: FaultCounts } {
	const { clock, seed, dropRate = 0, duplicateRate = 0, delayRate = 0, delayMs = 0 } = faults;
	const random = seededRandom(seed);
	const counts: FaultCounts = { frames: 0, dropped: 0, duplicated: 0, delayed: 0 };
	const send = (deliver: () => void): void => {
		if (random() >= delayRate) {
			deliver();
			return;
		}
		counts.delayed += 1;
		clock.after(random() * delayMs, deliver);
	};
	const schedule: Schedule = (deliver) => {
		counts.frames += 1;
		if (random() < dropRate) {
			counts.dropped += 1;
			return;
		}
		send(deliver);
		if (random() >= duplicateRate) return;
		counts.duplicated += 1;
		send(deliver);
	};
	return { schedule, counts };
}
