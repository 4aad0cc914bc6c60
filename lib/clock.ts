/**
 * Time as a thing one is handed, so that tests and simulations can replace it: here is the system's, in `lib/testing/` a
 * virtual one.
 */

export interface Clock {
	/** Milliseconds since some moment in the past; never goes back. */
	now(): number;
	/** Calls `callback` once, `delayMs` milliseconds from now. The function returned cancels that; harmless afterwards. */
	after(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
	now: () => performance.now(),
	after(delayMs, callback) {
		const timer = setTimeout(callback, delayMs);
		return () => clearTimeout(timer);
	},
};
