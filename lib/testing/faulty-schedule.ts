/**
 * A bad network: frames are lost, doubled, damaged and held up, all of it decided by one seed, so that a run that went wrong
 * can be repeated. Time is the caller's `Clock`; with a virtual one, nothing waits. Given as a `Schedule` to the network in
 * memory, or put before any other link by `lossy-link.ts`.
 *
 * Two kinds of network. An *ordered* one keeps frames from one link to another in their order, as IEEE 802.1Q demands of
 * bridges (6.5.3 and 6.5.4: no reordering, no duplication): a frame that is held up holds up all that are behind it. One that is not
 * lets later frames overtake, as several paths to one target do.
 */

import type { Clock } from "../clock.js";
import type { Random } from "../random.js";

/** Decides over one frame on its way from link `from` to link `to`: see `Schedule` in `memory.ts`. */
export type FrameFate = (deliver: () => void, frame: Uint8Array, from: object, to: object) => void;

/** What may happen to a frame. Rates are probabilities, 0 to 1. */
export interface Faults {
	readonly clock: Clock;
	readonly random: Random;
	readonly dropRate?: number;
	readonly duplicateRate?: number;
	/** Frames that are damaged where whoever gets them can tell; see `damage`. */
	readonly corruptRate?: number;
	/** Frames held up, each for a time of its own up to `delayMs`: later ones overtake them, unless `ordered`. */
	readonly delayRate?: number;
	readonly delayMs?: number;
	/** How long every frame is on its way; default 0, and then those not held up arrive at once. */
	readonly latencyMs?: number;
	/** No frame overtakes another; copies of a doubled frame stay together. Default false. */
	readonly ordered?: boolean;
}

/** What has happened so far. */
export interface FaultCounts {
	frames: number;
	dropped: number;
	duplicated: number;
	corrupted: number;
	delayed: number;
}

/** What happens to frames, and its counters. Every copy of a doubled frame may be held up by itself. */
export function faultySchedule(faults: Faults): { schedule: FrameFate; counts: FaultCounts } {
	const { random, dropRate = 0, duplicateRate = 0, corruptRate = 0 } = faults;
	const counts: FaultCounts = { frames: 0, dropped: 0, duplicated: 0, corrupted: 0, delayed: 0 };
	const send = faults.ordered ? inOrder(faults, counts) : overtaking(faults, counts);
	const schedule: FrameFate = (deliver, frame, _from, to) => {
		counts.frames += 1;
		if (random.chance(dropRate)) {
			counts.dropped += 1;
			return;
		}
		// No draw where nothing is asked for: a seed of a run without this fault means what it always did.
		if (corruptRate > 0 && random.chance(corruptRate)) {
			counts.corrupted += 1;
			damage(frame, random);
		}
		send(deliver, to);
		if (!random.chance(duplicateRate)) return;
		counts.duplicated += 1;
		send(deliver, to);
	};
	return { schedule, counts };
}

type Send = (deliver: () => void, to: object) => void;

/** How long a frame is on its way, in milliseconds. */
function transitMs(
	{ random, delayRate = 0, delayMs = 0, latencyMs = 0 }: Faults,
	counts: FaultCounts,
): number {
	if (!random.chance(delayRate)) return latencyMs;
	counts.delayed += 1;
	return latencyMs + random.next() * delayMs;
}

function overtaking(faults: Faults, counts: FaultCounts): Send {
	return (deliver) => {
		const ms = transitMs(faults, counts);
		if (ms > 0) faults.clock.after(ms, deliver);
		else deliver();
	};
}

/** Each timer delivers the frame that has waited longest for its link, so that the order does not hang on the timers'. */
function inOrder(faults: Faults, counts: FaultCounts): Send {
	const { clock } = faults;
	const paths = new Map<object, { readonly waiting: (() => void)[]; dueMs: number }>();
	return (deliver, to) => {
		const path = paths.get(to) ?? { waiting: [], dueMs: 0 };
		paths.set(to, path);
		path.dueMs = Math.max(path.dueMs, clock.now() + transitMs(faults, counts));
		path.waiting.push(deliver);
		clock.after(path.dueMs - clock.now(), () => path.waiting.shift()?.());
	};
}

/** Bits that no receiver can miss, as (byte, bits): destination, EtherType, the R flag, the shelf, a tag nobody has out. */
const NOTICEABLE: readonly [readonly [number, number], ...(readonly [number, number])[]] = [
	[0, 0xff],
	[3, 0xff],
	[5, 0xff],
	[12, 0xff],
	[13, 0xff],
	[14, 0x08],
	[16, 0xff],
	[17, 0xff],
	[20, 0xff],
];

/**
 * Turns over one bit of the header, one by which whoever gets the frame can tell that it is not meant. (A bit of the address
 * on the disk, or of the data, would be noticed by nobody: AoE has no checksum but Ethernet's, and what that one catches is a
 * lost frame.)
 */
function damage(frame: Uint8Array, random: Random): void {
	const [at, bits] = random.pick(NOTICEABLE);
	let bit = 1 << random.below(8);
	if ((bits & bit) === 0) bit = bits;
	frame[at] = (frame[at] ?? 0) ^ bit;
}
