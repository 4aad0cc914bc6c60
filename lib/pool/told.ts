/** What a pool tells of its own accord, for whoever looks after it. Types only. */

export interface PoolTold {
	readonly kind: "snapshot-taken" | "snapshot-removed" | "pool-history" | "pool-away";
	readonly level: "error" | "warn" | "info";
	/** The one that it is about. */
	readonly volume?: string;
	readonly message: string;
}

/** `pool`: its path. */
export type TellPool = (pool: string, told: PoolTold) => void;
