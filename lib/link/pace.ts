/**
 * How long to watch an empty ring before going to sleep. Sleeping and being woken costs more than a fast initiator takes to
 * send its next frame; watching in vain costs a processor. So the pace of the frames decides: the gap between the moment
 * the ring was found empty and the next frame, averaged. While it is shorter than the limit, watch for up to twice as long
 * as the gap; else sleep at once, and no processor time is used while nothing comes. Used by `packet.ts`.
 *
 * Who sends may need the very processor that watching takes: server and initiator may be confined to the same one. Then no
 * watch ever finds anything, though frames come fast. That is seen and given way to.
 */

import { cpus } from "node:os";
import { native } from "../native.js";

/** What `--poll-us` is if it is not given. */
export const DEFAULT_POLL_US = 50;
/** Weight of a new gap in the average. */
const WEIGHT = 1 / 8;
/** A pause is no pace: longer gaps count as this many limits, so that a few short ones bring watching back. */
const GAP_LIMITS_MAX = 4;
/** Asked while this is loaded: a process that has given up its privileges may be told of none. */
const PROCESSORS = cpus().length;
/** After so many watches in a row that found nothing the ring is not watched for a while: so many times. */
const VAIN_MAX = 32;
const REST_TIMES = 4096;

export class Pace {
	readonly #limitUs: number;
	readonly #readClock: (into: Float64Array) => void;
	/** Microseconds. In arrays, because a fraction that is kept in a field may be a new object each time. */
	readonly #now = new Float64Array(1);
	readonly #averageGap = new Float64Array(1);
	/** When the ring was found empty; 0 while it is not known to be. */
	readonly #emptySince = new Float64Array(1);
	/** Watches that found nothing since one did, and how often it is still not to be watched. */
	#vain = 0;
	#rest = 0;

	/**
	 * `limitUs`: longest time to watch, in microseconds; 0 never watches. Nor does a machine with a single processor. (Those that
	 * this process is confined to don't count: who sends the frames runs on another one anyway.)
	 */
	constructor(limitUs: number, readClock = native.clock, processors = PROCESSORS) {
		this.#limitUs = processors > 1 ? limitUs : 0;
		this.#readClock = readClock;
		this.#averageGap[0] = GAP_LIMITS_MAX * this.#limitUs;
	}

	/** The ring was found empty. Returns for how many whole microseconds to watch it: 0 is not at all. */
	emptied(): number {
		if (this.#limitUs === 0) return 0;
		this.#readClock(this.#now);
		this.#emptySince[0] = this.#now[0]!;
		if (this.#averageGap[0]! >= this.#limitUs) return 0;
		if (this.#rest > 0) {
			this.#rest -= 1;
			return 0;
		}
		return Math.ceil(Math.min(this.#limitUs, 2 * this.#averageGap[0]! + 5));
	}

	/** The ring was watched for as long as `emptied` had said, or until a frame came. Returns true if watching has been given up. */
	watched(found: boolean): boolean {
		this.#vain = found ? 0 : this.#vain + 1;
		if (this.#vain < VAIN_MAX) return false;
		this.#vain = 0;
		this.#rest = REST_TIMES;
		return true;
	}

	/** A frame has come. */
	arrived(): void {
		if (this.#emptySince[0] === 0) return;
		this.#readClock(this.#now);
		const gapUs = Math.min(this.#now[0]! - this.#emptySince[0]!, GAP_LIMITS_MAX * this.#limitUs);
		this.#emptySince[0] = 0;
		this.#averageGap[0]! += (gapUs - this.#averageGap[0]!) * WEIGHT;
	}
}
