/**
 * Keeps what is visible up to date: asks again and again while somebody looks. It stops when the tab is hidden, and asks less often
 * while nothing answers. Each view has a `Live` of its own, which ends with it.
 */

import { Refused } from "./api.js";

const BACK_OFF_MAX_MS = 15_000;

/** Waits, or until the signal. @param {number} ms @param {AbortSignal} signal @returns {Promise<void>} */
export function pause(ms, signal) {
	return new Promise((resolve) => {
		const timer = setTimeout(resolve, ms);
		signal.addEventListener("abort", () => {
			clearTimeout(timer);
			resolve();
		});
	});
}

/** Resolves when the tab is seen. @param {AbortSignal} signal @returns {Promise<void>} */
export function seen(signal) {
	return new Promise((resolve) => {
		if (!document.hidden) return resolve();
		const look = () => {
			if (document.hidden) return;
			document.removeEventListener("visibilitychange", look);
			resolve();
		};
		document.addEventListener("visibilitychange", look, { signal });
		signal.addEventListener("abort", () => resolve());
	});
}

/** How long to wait after so many failures. @param {number} failures */
export function backOffMs(failures) {
	return Math.min(BACK_OFF_MAX_MS, 500 * 2 ** failures);
}

export class Live {
	#end = new AbortController();
	/** @type {Set<AbortController>} */
	#pauses = new Set();

	get signal() {
		return this.#end.signal;
	}

	/**
	 * Does it now and every so often. What it throws ends the round; `onProblem` hears of what the server refuses.
	 * @param {number} everyMs
	 * @param {(signal: AbortSignal) => Promise<void>} work
	 * @param {(problem: Refused) => void} [onProblem]
	 */
	every(everyMs, work, onProblem) {
		void this.#run(everyMs, work, onProblem);
	}

	/**
	 * @param {number} everyMs
	 * @param {(signal: AbortSignal) => Promise<void>} work
	 * @param {((problem: Refused) => void) | undefined} onProblem
	 */
	async #run(everyMs, work, onProblem) {
		const { signal } = this;
		for (let failures = 0; !signal.aborted; ) {
			const begun = Date.now();
			try {
				await work(signal);
				failures = 0;
			} catch (error) {
				if (signal.aborted) return;
				failures++;
				if (error instanceof Refused) onProblem?.(error);
				else if (!(error instanceof TypeError || error instanceof DOMException)) console.error(error);
			}
			const wait = failures > 0 ? backOffMs(failures) : Math.max(50, everyMs - (Date.now() - begun));
			await this.#pause(wait);
			await seen(signal);
		}
	}

	/** @param {number} ms */
	async #pause(ms) {
		const wake = new AbortController();
		this.#pauses.add(wake);
		await pause(ms, AbortSignal.any([this.signal, wake.signal]));
		this.#pauses.delete(wake);
	}

	/** Does not wait: something has changed. */
	hurry() {
		for (const wake of this.#pauses) wake.abort();
	}

	end() {
		this.#end.abort();
	}
}
