/**
 * How many requests are under way at once; the others wait, in the order in which they came. What waits costs no more than what its
 * caller has in memory anyway. Used by `objects.ts`.
 */

import { invariant } from "../errors.js";

export class Slots {
	#free: number;
	readonly #waiting = new Set<() => void>();

	constructor(count: number) {
		invariant(count > 0, "no slot at all");
		this.#free = count;
	}

	/** Runs `work` when there is a slot. Rejects with the reason of `signal` if that comes first. */
	async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
		await this.#take(signal);
		try {
			return await work();
		} finally {
			this.#give();
		}
	}

	#take(signal: AbortSignal): Promise<void> | undefined {
		signal.throwIfAborted();
		if (this.#free > 0) {
			this.#free -= 1;
			return undefined;
		}
		return new Promise((resolve, reject) => {
			const taken = (): void => {
				signal.removeEventListener("abort", givenUp);
				resolve();
			};
			const givenUp = (): void => {
				this.#waiting.delete(taken);
				reject(signal.reason);
			};
			this.#waiting.add(taken);
			signal.addEventListener("abort", givenUp, { once: true });
		});
	}

	/** To whoever has waited longest. */
	#give(): void {
		const [next] = this.#waiting;
		if (next === undefined) {
			this.#free += 1;
			return;
		}
		this.#waiting.delete(next);
		next();
	}
}
