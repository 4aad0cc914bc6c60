/**
 * What pools are like, for metrics: each is asked for, and one whose storage hangs keeps nobody. Used by `api/whole.ts`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { PoolLook } from "../pool/looks.js";
import type { PoolConfig } from "../spec/configuration.js";
import type { Workers } from "./seams.js";
import { unlessBug } from "./thrown.js";

/** Whoever asks for metrics has little patience. */
const LIMIT_MS = 2000;

export interface PoolMetrics {
	readonly name: string;
	/** Undefined: it could not be looked at, or not at once. */
	readonly look: PoolLook | undefined;
}

export function poolMetrics(
	workers: Pick<Workers, "pool">,
	pools: readonly PoolConfig[],
): Promise<PoolMetrics[]> {
	return Promise.all(
		pools.map(async ({ name, path }) => {
			const end = new AbortController();
			const look = workers
				.pool(path, { act: "look", isNow: false, sight: { of: "volumes" } })
				.catch(unlessBug);
			const late = sleep(LIMIT_MS, undefined, { signal: end.signal }).catch(() => undefined);
			try {
				return { name, look: await Promise.race([look, late]) };
			} finally {
				end.abort();
			}
		}),
	);
}
