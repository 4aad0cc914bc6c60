/**
 * The lease of a pool's owner, as its two sides count it. The owner counts from when it *sent* the swap that was done, and stops early; whoever waits
 * counts from when he has *received* that nothing was changed, and waits longer. Each by a clock of his own that never goes back; what the two show is
 * never compared, only how fast they go, and for that there is a margin on both sides. Used by `head-keeper.ts` and `takeover.ts`.
 */

import type { HeadRevision } from "../../object/head.js";

export const LEASE_MS = 6_000;
/** On each side one part in so many: two clocks may differ by twice that. */
const MARGIN_PART = 20;
/** Beats in a lease. */
const BEATS = 3;

/** An owner asks for the next beat when the last one is so old, and gives up waiting for an answer after as long. */
export function beatMs(leaseMs: number): number {
	return leaseMs / BEATS;
}

/** Of the owner. */
export class Lease {
	#untilUs = Number.NEGATIVE_INFINITY;

	/** @param elapsed microseconds, also while the process stands still; never goes back */
	constructor(
		readonly leaseMs: number,
		readonly elapsed: () => number,
	) {}

	/** The owner stops so long before, and whoever waits takes over so long after. */
	static marginMs(leaseMs: number): number {
		return leaseMs / MARGIN_PART;
	}

	/** A swap that was sent then is known to be done. */
	renewed(sentUs: number): void {
		const untilUs = sentUs + (this.leaseMs - Lease.marginMs(this.leaseMs)) * 1000;
		this.#untilUs = Math.max(this.#untilUs, untilUs);
	}

	get isValid(): boolean {
		return this.elapsed() < this.#untilUs;
	}

	get remainingMs(): number {
		return Math.max(0, this.#untilUs - this.elapsed()) / 1000;
	}
}

/** Of whoever waits for it to end. */
export class LeaseWatch {
	#id: string | null = null;
	#sinceUs = 0;

	/** What is there, by an answer that came at `atUs`. */
	saw({ id }: HeadRevision, atUs: number): void {
		if (id === this.#id) return;
		this.#id = id;
		this.#sinceUs = atUs;
	}

	/** How long it still has to stay as it is. */
	remainingMs(leaseMs: number, nowUs: number): number {
		return Math.max(0, leaseMs + Lease.marginMs(leaseMs) - (nowUs - this.#sinceUs) / 1000);
	}
}
