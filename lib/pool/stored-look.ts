/** How a pool in an object store stands with that, as plain values: for whoever looks at it. Filled in by whoever opens such pools. */

import type { RequestCount } from "../object/counts.js";

/** Requests of one kind that ended in one way. */
export interface StoredRequests {
	readonly op: string;
	readonly code: string;
	readonly sumUs: number;
	/** Classes of `lib/histogram.ts` that have any, and how many. */
	readonly counts: readonly (readonly [number, number])[];
}

/** It follows; was promoted, and nothing was written there; something was, and nothing here; or both have gone on. */
export const REPLICA_STANDINGS = ["follows", "promoted", "behind", "split"] as const;
export type ReplicaStanding = (typeof REPLICA_STANDINGS)[number];

/** What was written by one side since a replica was promoted, and until how long after what both have. */
interface SideLook {
	readonly bytes: number;
	readonly seconds: number;
}

export interface PromotionLook {
	readonly by: string;
	/** ISO 8601; null: not known. */
	readonly since: string | null;
	/** Null: not known. */
	readonly here: SideLook | null;
	readonly there: SideLook | null;
}

/** How a replica of a pool stands, for whoever looks at the pool that it follows. */
export interface ReplicaLook {
	/** For people: where it is. */
	readonly name: string;
	/** What it lacks, and for how long the oldest of that has been there. */
	readonly lagBytes: number;
	readonly lagSeconds: number;
	/** What was sent there since the pool was opened. */
	readonly sentBytes: number;
	/** Cuts that were given up since then, as the pool wanted the space of what they had still to read. */
	readonly givenUp: number;
	/** What does not get on, in words; null: all does. */
	readonly trouble: string | null;
	readonly state: ReplicaStanding;
	/** How it was promoted; null: it was not, or was given back. */
	readonly promoted: PromotionLook | null;
}

/** How a pool has gone to another host. */
export interface HandedOver {
	/** What the host is called that has it. */
	readonly to: string;
	readonly epoch: number;
	/** Nobody was answered here for so long, and then not there until it was open. */
	readonly pauseMs: number;
	/** It was seen that the heir has opened it. */
	readonly isOpen: boolean;
}

/** What was given up at a takeover. */
export interface LossLook {
	/** Of the owner who had acknowledged it. */
	readonly epoch: number;
	/** At most. */
	readonly bytes: number;
	readonly seconds: number;
}

export interface StoredLook {
	/** For people: what they are and where. */
	readonly store: string;
	readonly head: string;
	/** What is only on this host, and for how long. */
	readonly unshippedBytes: number;
	readonly unshippedSeconds: number;
	/** Objects that the pool consists of, what they have in all, and what was fetched of them. */
	readonly objects: number;
	readonly storedBytes: number;
	readonly fetchedBytes: number;
	/** For how long this host may acknowledge writes without hearing of the head; null: there is nothing that ends. */
	readonly leaseSeconds: number | null;
	/** What does not get on, in words; null: all does. */
	readonly trouble: string | null;
	/** Of a replica that was not promoted, which can only be read: of which pool, in words. Null: it is none. */
	readonly isReplicaOf: string | null;
	/** What was given up at takeovers, and is kept for the hosts that have it. */
	readonly lost: readonly LossLook[];
	readonly requests: readonly StoredRequests[];
}

export function requestsIn(counts: Iterable<RequestCount>): StoredRequests[] {
	return [...counts].map(({ op, code, times }) => {
		const { sumUs, counts: all } = times;
		const some: [number, number][] = [];
		for (let index = 0; index < all.length; index++)
			if (all[index] !== 0) some.push([index, all[index] ?? 0]);
		return { op, code, sumUs, counts: some };
	});
}
