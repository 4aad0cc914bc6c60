/**
 * What was given up of a pool in an object store, on the host that had acknowledged it, as a pool that can be read: `[pool.NAME] tail = "POOL"`. Used by
 * `store-pools.ts`.
 */

import type { PoolWorld } from "../pool/folder.js";
import { TailKeepers, tailText } from "../pool/store/tail-keepers.js";
import { shownPoolPath } from "../spec/pool-path.js";
import { type ReadWorldOf, readWorld } from "./read-world.js";

/** `tailOf`: the pool that it is of. */
export function tailWorld(of: ReadWorldOf & { readonly tailOf: string }): PoolWorld {
	const { path, tailOf, stores } = of;
	let ended: Promise<void> | undefined;
	const end = (): Promise<void> => {
		ended ??= stores.close();
		return ended;
	};
	const keepers = new TailKeepers(stores.head, shownPoolPath(path), tailOf);
	return readWorld(of, { keepers, onlyRead: tailText(tailOf), isReplicaOf: null, end }).world;
}
