/**
 * How long to wait for an answer before asking again: the average of the round trips measured, and four times how much they
 * vary (Jacobson and Karels, "Congestion Avoidance and Control", appendix A; RFC 6298 has the numbers). Since every
 * retransmission has a tag of its own, every answer tells a true round trip. Used by `request.ts`.
 */

/** Before anything is measured. */
const FIRST_MS = 250;
/** A busy target or a pause of our own may cost as much; asking again sooner would only add to it. */
const MIN_MS = 100;
const MAX_MS = 2000;

export class RoundTrip {
	#averageMs = 0;
	#deviationMs = 0;
	#measured = false;

	/** An answer took so long. */
	measured(ms: number): void {
		if (!this.#measured) {
			this.#measured = true;
			this.#averageMs = ms;
			this.#deviationMs = ms / 2;
			return;
		}
		this.#deviationMs += (Math.abs(ms - this.#averageMs) - this.#deviationMs) / 4;
		this.#averageMs += (ms - this.#averageMs) / 8;
	}

	/** How long to wait for the answer to attempt number `attempt`, from 0. */
	timeoutMs(attempt: number): number {
		const base = this.#measured ? Math.max(MIN_MS, this.#averageMs + 4 * this.#deviationMs) : FIRST_MS;
		return Math.min(base * 2 ** attempt, MAX_MS);
	}
}
