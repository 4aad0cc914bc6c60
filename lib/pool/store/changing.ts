/**
 * Waiting: until something has become so, within a limit (conditions, which are looked at whenever their owner says that something has changed), and until
 * it is time, or somebody comes. Used by `head-keeper.ts`.
 */

import type { Clock } from "../../clock.js";

export class Changing {
	readonly #clock: Clock;
	readonly #looks = new Set<() => void>();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** Whether it was so within the limit. */
	until(isSo: () => boolean, limitMs: number): Promise<boolean> {
		if (isSo()) return Promise.resolve(true);
		return new Promise((resolve) => {
			const end = (): void => {
				cancel();
				this.#looks.delete(look);
				resolve(isSo());
			};
			const look = (): void => {
				if (isSo()) end();
			};
			const cancel = this.#clock.after(limitMs, end);
			this.#looks.add(look);
		});
	}

	/** Something has changed. */
	look(): void {
		for (const look of [...this.#looks]) look();
	}
}

/** Of one who does one thing after the other. */
export class Sleep {
	readonly #clock: Clock;
	#wake = (): void => {};

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** So long, or until it is woken when `mayWake` says so. */
	take(ms: number, mayWake: () => boolean): Promise<void> {
		return new Promise((resolve) => {
			const wake = (): void => {
				cancel();
				resolve();
			};
			const cancel = this.#clock.after(ms, wake);
			this.#wake = () => {
				if (mayWake()) wake();
			};
		});
	}

	wake(): void {
		this.#wake();
	}
}
