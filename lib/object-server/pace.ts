/** How slowly somebody may send or take what is long: so many bytes at least in so long a time, or he is given up. Used for bodies and for what is answered. */

export interface PaceLimit {
	readonly bytes: number;
	readonly ms: number;
}

export class Pace {
	readonly #limit: PaceLimit;
	readonly #givenUp: () => void;
	#timer: NodeJS.Timeout | undefined;
	/** Of the bytes that have to move, those that have not. */
	#left: number;
	/** Until then, while it is the other one's turn. */
	#leftMs: number;
	#beganMs = 0;

	/** It is the other one's turn, from now on. @param givenUp is called once at most */
	constructor(limit: PaceLimit, givenUp: () => void) {
		this.#limit = limit;
		this.#givenUp = givenUp;
		[this.#left, this.#leftMs] = [limit.bytes, limit.ms];
		this.#wait();
	}

	/** So many have moved; it is the other one's turn again. */
	moved(bytes: number): void {
		this.#left -= bytes;
		if (this.#left <= 0) [this.#left, this.#leftMs] = [this.#limit.bytes, this.#limit.ms];
		this.#wait();
	}

	/** It is our turn, which does not count; or all is over. */
	stop(): void {
		if (this.#timer === undefined) return;
		clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#leftMs -= performance.now() - this.#beganMs;
	}

	#wait(): void {
		this.stop();
		this.#beganMs = performance.now();
		this.#timer = setTimeout(this.#givenUp, Math.max(this.#leftMs, 1));
	}
}
