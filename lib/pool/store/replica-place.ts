/** Where a replica is, made of a store and a head: for whoever opens the pool that it follows (`lib/daemon/replicas.ts`). */

import { OperatorError } from "../../errors.js";
import type { Head } from "../../object/head.js";
import type { ObjectStore } from "../../object/store.js";
import { PromotedError, ReplicaKeeper } from "./replica-keeper.js";
import type { ReplicaOf } from "./replica-of.js";
import type { ReplicaPlace } from "./replica-way.js";
import type { KeeperWorld } from "./superblock-swaps.js";

const IDENTITY_BYTES = 16;

export interface ReplicaPlaceOf {
	readonly store: ObjectStore;
	readonly head: Head;
	/** The pool, for people. */
	readonly of: Pick<ReplicaOf, "name" | "host">;
	readonly world: KeeperWorld;
	/** By chance, in hexadecimal. */
	readonly identifier: (byteLength: number) => string;
	readonly tell: (trouble: string | null) => void;
	/** Closes store and head. */
	readonly close: () => Promise<void>;
}

export function replicaPlace({
	store,
	head,
	of,
	world,
	identifier,
	tell,
	close,
}: ReplicaPlaceOf): ReplicaPlace {
	const ending = new AbortController();
	const id = identifier(IDENTITY_BYTES);
	const owner = { id, host: identifier(IDENTITY_BYTES), name: of.host };
	let isAgain = false;
	return {
		store,
		acquire: async (source) => {
			const rules = { of: { ...of, source }, owner, pool: identifier(IDENTITY_BYTES), isAgain };
			try {
				const keeper = await ReplicaKeeper.acquire(head, rules, { ...world, signal: ending.signal, tell });
				isAgain = true;
				return keeper;
			} catch (error) {
				isAgain ||= error instanceof PromotedError;
				throw error;
			}
		},
		close: async () => {
			ending.abort(new OperatorError(`${head.name}: closed`));
			await close();
		},
	};
}
