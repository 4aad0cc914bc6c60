/** How much of its past is kept of a volume, by its own settings and the pool's. Used by `history.ts`. */

import { HISTORY_SECONDS, type PoolSettings } from "../spec/policy.js";
import type { HistoryPolicy } from "./space/windows.js";

/** What is set of a volume, or else of the pool. */
export function policyOf(historySeconds: number | undefined, pool: PoolSettings): HistoryPolicy {
	const seconds = historySeconds ?? pool.historySeconds ?? HISTORY_SECONDS;
	return { historyUs: seconds * 1e6, minUs: Math.min(seconds, pool.historyMinSeconds ?? 0) * 1e6 };
}
