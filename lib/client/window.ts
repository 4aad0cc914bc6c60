/**
 * How many requests to one target may be outstanding: the target has room for so many frames and no more. Whoever wants to
 * send takes a place and gives it back when the answer is there; those who find none wait their turn. Used by
 * `remote-disk.ts`.
 */

export class Window {
	readonly #limit: number;
	#taken = 0;
	readonly #waiting: (() => void)[] = [];

	/** `limit`: at least 1. */
	constructor(limit: number) {
		this.#limit = limit;
	}

	/** Does `work` once there is a place for it. */
	async run<T>(work: () => Promise<T>): Promise<T> {
		if (this.#taken === this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
		else this.#taken += 1;
		try {
			return await work();
		} finally {
			// The place goes to the next in line, or is free.
			const next = this.#waiting.shift();
			if (next === undefined) this.#taken -= 1;
			else next();
		}
	}
}
