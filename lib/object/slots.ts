/**
 * How many requests are under way at once; the others wait, in the order in which they came. What waits costs no more than what its
 * caller has in memory anyway. Made by `objects.ts`, taken by `attempts.ts`.
 */

import { invariant } from "../errors.js";

export class Slots {
	#free: number;
	readonly #waiting = new Set<() => void>();

	constructor(count: number) {
		invariant(count > 0, "no slot at all");
		this.#free = count;
	}

	/** What it resolves to gives the slot back, and is to be called once. Rejects with the reason of `signal` if that comes first. */
	async take(signal: AbortSignal): Promise<() => void> {
		signal.throwIfAborted();
		if (this.#free > 0) this.#free -= 1;
		else await this.#wait(signal);
		return () => this.#give();
	}

	#wait(signal: AbortSignal): Promise<void> {
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
