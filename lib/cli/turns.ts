/**
 * For the benchmark: with `VBLADE_TURNS=1` in the environment SIGUSR1 also tells how long the longest turn of the event loop
 * has been since the last time. Node looks at the clock a thousand times a second for that; without the variable nothing is
 * done. Asked by `serve.ts`.
 */

import { monitorEventLoopDelay } from "node:perf_hooks";

/** How often the clock is looked at: a turn shorter than this can't be told. */
const EVERY_MS = 1;

/** Begins to look if that is wanted. The function returned makes the lines to log: one, or none. */
export function watchTurns(): () => string[] {
	if (process.env.VBLADE_TURNS !== "1") return () => [];
	const delays = monitorEventLoopDelay({ resolution: EVERY_MS });
	delays.enable();
	return () => {
		const longestMs = delays.max / 1e6;
		delays.reset();
		return [`longest turn of the event loop: ${longestMs.toFixed(2)} ms`];
	};
}
