/**
 * What pools are like, for metrics and for what a change would do: each is asked for, and one whose storage hangs keeps nobody. Used by
 * `api/whole.ts` and `absent-volumes.ts`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { PoolLook, Sight } from "../pool/looks.js";
import type { PoolConfig } from "../spec/configuration.js";
import type { Workers } from "./seams.js";
import { unlessBug } from "./thrown.js";

/** Whoever asks has little patience. */
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
	const lookAt = async ({ name, path }: PoolConfig): Promise<PoolMetrics> => ({
		name,
		look: await lookSoon(workers, path, { of: "volumes" }),
	});
	return Promise.all(pools.map(lookAt));
}

/** What the pool in that directory is like; undefined: it can't be looked at, or not at once. */
export async function lookSoon(
	workers: Pick<Workers, "pool">,
	path: string,
	sight: Sight,
): Promise<PoolLook | undefined> {
	const end = new AbortController();
	const look = workers.pool(path, { act: "look", isNow: false, sight }).catch(unlessBug);
	const late = sleep(LIMIT_MS, undefined, { signal: end.signal }).catch(() => undefined);
	try {
		return await Promise.race([look, late]);
	} finally {
		end.abort();
	}
}
