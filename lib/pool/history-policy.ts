/** How much of its past is kept of a volume, by its own settings and the pool's. Used by `history.ts`. */

import { HISTORY_SECONDS, type PoolSettings } from "../spec/policy.js";
import type { Volume } from "./catalog.js";
import type { HistoryPolicy } from "./space/windows.js";

/** What a volume's settings say, or else the pool's. */
export function policyOf({ settings }: Volume, pool: PoolSettings): HistoryPolicy {
	const seconds = settings.historySeconds ?? pool.historySeconds ?? HISTORY_SECONDS;
	return { historyUs: seconds * 1e6, minUs: Math.min(seconds, pool.historyMinSeconds ?? 0) * 1e6 };
}

/** The same of those that are the same. */
export function policyKey({ historyUs, minUs }: HistoryPolicy): string {
	return `${historyUs}, ${minUs}`;
}
