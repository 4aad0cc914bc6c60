/**
 * A bad network, as a `Schedule` for the network in memory: frames are lost, doubled and held up, all of it decided by
 * one seed, so that a run that went wrong can be repeated. Time is the caller's `Clock`; with a virtual one, nothing waits.
 */

import type { Clock } from "../clock.js";
import type { Random } from "../random.js";
import type { Schedule } from "./memory.js";

/** What may happen to a frame. Rates are probabilities, 0 to 1. */
export interface Faults {
	readonly clock: Clock;
	readonly random: Random;
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

/** The schedule for `MemorySwitch`, and its counters. Every copy of a doubled frame may be held up by itself. */
export function faultySchedule(faults: Faults): { schedule: Schedule; counts: FaultCounts } {
	const { clock, random, dropRate = 0, duplicateRate = 0, delayRate = 0, delayMs = 0 } = faults;
	const counts: FaultCounts = { frames: 0, dropped: 0, duplicated: 0, delayed: 0 };
	const send = (deliver: () => void): void => {
		if (!random.chance(delayRate)) {
			deliver();
			return;
		}
		counts.delayed += 1;
		clock.after(random.next() * delayMs, deliver);
	};
	const schedule: Schedule = (deliver) => {
		counts.frames += 1;
		if (random.chance(dropRate)) {
			counts.dropped += 1;
			return;
		}
		send(deliver);
		if (!random.chance(duplicateRate)) return;
		counts.duplicated += 1;
		send(deliver);
	};
	return { schedule, counts };
}
