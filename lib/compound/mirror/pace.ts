/**
 * How fast a mirror copies and compares: at most at the rate that is set, and at a tenth of it while anybody else uses the mirror. Also what
 * sleeps there, so that closing need not wait for it. Used by `copier.ts`, `verify.ts` and `returns.ts`.
 */

import type { Clock } from "../../clock.js";

/** While others use the mirror, it goes at this part of the rate. */
const BESIDE_OTHERS = 0.1;

/** Sleeps that can all be ended at once. */
export class Rest {
	readonly #clock: Clock;
	readonly #sleepers = new Set<() => void>();
	#isOver = false;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** Everything that sleeps, or is about to, should end. */
	get isOver(): boolean {
		return this.#isOver;
	}

	/** `onSleep` is told what ends this one. */
	async sleep(ms: number, onSleep?: (wake: () => void) => void): Promise<void> {
		if (this.#isOver) return;
		await new Promise<void>((resolve) => {
			const wake = (): void => {
				cancel();
				this.#sleepers.delete(wake);
				resolve();
			};
			const cancel = this.#clock.after(ms, wake);
			this.#sleepers.add(wake);
			onSleep?.(wake);
		});
	}

	/** Resolves when `work` does, or when everything should end. */
	async during(work: Promise<unknown>): Promise<void> {
		if (this.#isOver) return;
		await new Promise<void>((resolve) => {
			const wake = (): void => {
				this.#sleepers.delete(wake);
				resolve();
			};
			this.#sleepers.add(wake);
			void work.then(wake);
		});
	}

	end(): void {
		this.#isOver = true;
		for (const wake of [...this.#sleepers]) wake();
	}
}

export class Pace {
	#rate: number;
	readonly #clock: Clock;
	readonly #rest: Rest;
	/** Requests that others have made so far. */
	readonly #requests: () => number;
	#seen = 0;
	#dueMs = 0;
	/** Of those that wait for their turn. */
	readonly #wakes = new Set<() => void>();

	constructor(rate: number, clock: Clock, rest: Rest, requests: () => number) {
		this.#rate = rate;
		this.#clock = clock;
		this.#rest = rest;
		this.#requests = requests;
	}

	/** Bytes per second, from now on: who waits by what was set before goes on at once. */
	set rate(bytesPerSecond: number) {
		this.#rate = bytesPerSecond;
		this.#dueMs = 0;
		for (const wake of [...this.#wakes]) wake();
	}

	/** So many bytes have been copied: resolves when it is time for the next ones, never in the same turn of the event loop. */
	async spend(bytes: number): Promise<void> {
		const requests = this.#requests();
		const rate = requests === this.#seen ? this.#rate : this.#rate * BESIDE_OTHERS;
		this.#seen = requests;
		const now = this.#clock.now();
		this.#dueMs = Math.max(this.#dueMs, now) + (bytes * 1000) / rate;
		let wake: (() => void) | undefined;
		await this.#rest.sleep(this.#dueMs - now, (end) => {
			wake = end;
			this.#wakes.add(end);
		});
		if (wake !== undefined) this.#wakes.delete(wake);
	}
}
