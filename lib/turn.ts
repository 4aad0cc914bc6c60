/**
 * What a turn of the event loop has cost beyond the ordinary, so that no sender can buy a long one. Reads and writes cost
 * about the same, and links count them. What can cost a hundred times as much (a list of a thousand ranges, a search among
 * thousands of requests, a broadcast to thousands of blades) says so here when it is done; a link that finds the turn spent
 * leaves the frames that wait to the next one, and timers, workers and other links have theirs in between.
 */

/**
 * Steps of one turn: about as long as a comparison of two requests, or a look at an entry of a list, takes. A third of a
 * millisecond on the machine of docs/benchmarking.md. The last frame of a turn may pass it, by what one frame can buy.
 */
export const STEPS_PER_TURN = 16_384;

class Turn {
	#spent = 0;
	#most = 0;
	#total = 0;

	/** A link begins to take frames. */
	begin(): void {
		if (this.#spent > this.#most) this.#most = this.#spent;
		this.#spent = 0;
	}

	spend(steps: number): void {
		this.#spent += steps;
		// Wraps, so that it stays an integer.
		this.#total = (this.#total + steps) | 0;
	}

	/** No further frame should be looked at in this turn. */
	get isSpent(): boolean {
		return this.#spent >= STEPS_PER_TURN;
	}

	/** The most steps that any turn has taken. */
	get most(): number {
		return Math.max(this.#most, this.#spent);
	}

	/** All steps since the process began, modulo 2^32: for differences. */
	get total(): number {
		return this.#total;
	}
}

/** This thread's. */
export const turn = new Turn();
