/** What a pool tells, of its own accord or when it is asked, for whoever looks after it. Types, and no more than what they list. */

import type { PoolSubject } from "../log.js";

/** What comes of a pool's being full. */
export const POOL_FULL_REASONS = ["changes", "writes", "checkpoint", "history"] as const;
export type PoolFullReason = (typeof POOL_FULL_REASONS)[number];

/** What was found out of a pool. */
export interface PoolState {
	readonly format: number;
	readonly id: number;
	readonly volumes: number;
	/** Why its directory can't be asked for more, although it is open; null: it can. */
	readonly away: string | null;
	/** Where its storage has failed, and that it takes no changes any more; null: it does. */
	readonly failed: string | null;
	/** Why no checkpoint, or no head, can be stored, though writes can; null: they can. */
	readonly unstored: string | null;
	/** That it is full, and what that has come to; null: it is not. */
	readonly full: string | null;
	readonly fullFor: readonly PoolFullReason[];
	/** Checkpoints that have failed since the last one that was stored. */
	readonly checkpointFailures: number;
}

export interface PoolTold {
	readonly kind: PoolSubject;
	readonly level: "error" | "warn" | "info";
	/** The one that it is about. */
	readonly volume?: string;
	readonly message: string;
}

/** `pool`: its path. */
export type TellPool = (pool: string, told: PoolTold) => void;
