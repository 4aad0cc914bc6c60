/**
 * What pools are like, for metrics and for what a change would do: each is asked for, and one whose storage hangs keeps nobody. Used by
 * `api/whole.ts` and `absent-volumes.ts`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { PoolLook, Sight } from "../pool/looks.js";
import { isUsedElsewhere, isWaiting } from "../pool/store/words.js";
import type { PoolConfig } from "../spec/configuration.js";
import type { Workers } from "./seams.js";
import { unlessBug } from "./thrown.js";

/** Whoever asks has little patience. */
const LIMIT_MS = 2000;

export interface PoolMetrics {
	readonly name: string;
	/** Undefined: it could not be looked at, or not at once. */
	readonly look: PoolLook | undefined;
	/** Another host has it, and this one could have it. */
	readonly waits: boolean;
}

export function poolMetrics(
	workers: Pick<Workers, "pool">,
	pools: readonly PoolConfig[],
	known: (path: string) => string | null,
): Promise<PoolMetrics[]> {
	const lookAt = async ({ name, path }: PoolConfig): Promise<PoolMetrics> => {
		const look = await lookSoon(workers, path, { of: "volumes" });
		const trouble = known(path) ?? "";
		return { name, look, waits: look === undefined && (isWaiting(trouble) || isUsedElsewhere(trouble)) };
	};
	return Promise.all(pools.map(lookAt));
}

/** What the pool in that directory is like; undefined: it can't be looked at, or not at once. */
export function lookSoon(
	workers: Pick<Workers, "pool">,
	path: string,
	sight: Sight,
): Promise<PoolLook | undefined> {
	return within(workers.pool(path, { act: "look", isNow: false, sight }).catch(unlessBug), LIMIT_MS);
}

/** Undefined: not by then. Rejects as it does until then. */
export async function within<T>(asked: Promise<T>, limitMs: number): Promise<T | undefined> {
	const end = new AbortController();
	const late = sleep(limitMs, undefined, { signal: end.signal }).catch(() => undefined);
	// (What becomes of it later nobody asks for.)
	asked.catch(() => {});
	try {
		return await Promise.race([asked, late]);
	} finally {
		end.abort();
	}
}
