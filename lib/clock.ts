/**
 * Time as a thing one is handed, so that tests and simulations can replace it: here is the system's, in `lib/testing/` a
 * virtual one.
 */

export interface Clock {
	/** Milliseconds since some moment in the past; never goes back. */
	now(): number;
	/**
	 * Calls `callback` once, `delayMs` milliseconds from now; with Infinity never. The function returned cancels that; harmless
	 * afterwards.
	 */
	after(delayMs: number, callback: () => void): () => void;
}

/** More than that Node's timers take for nothing. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
	now: () => performance.now(),
	after(delayMs, callback) {
		if (delayMs === Number.POSITIVE_INFINITY) return () => {};
		let timer: NodeJS.Timeout;
		const begin = (leftMs: number): void => {
			const stepMs = Math.min(leftMs, TIMER_MAX_MS);
			timer = setTimeout(() => (leftMs > stepMs ? begin(leftMs - stepMs) : callback()), stepMs);
		};
		begin(delayMs);
		return () => clearTimeout(timer);
	},
};
