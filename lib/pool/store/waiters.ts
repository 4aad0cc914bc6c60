/** Those who wait for something that comes for all of them at once. Used by `publisher.ts` and `replica.ts`. */

export class Waiters {
	#waiting: (() => void)[] = [];

	/** Resolves when they are let go the next time. */
	wait(): Promise<void> {
		return new Promise((resolve) => this.#waiting.push(resolve));
	}

	letGo(): void {
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const resolve of waiting) resolve();
	}
}
