/** How a pool in an object store stands with that, for whoever looks at it. Asked by `store-pools.ts` of pools, and by `replica-views.ts` of what is only read. */

import type { StoreFolder } from "../pool/store/store-folder.js";
import { type LossLook, requestsIn, type StoredLook } from "../pool/stored-look.js";
import type { StoreTroubles } from "./store-troubles.js";
import type { Stores } from "./stores.js";

export interface LookedStore {
	readonly stores: Stores;
	readonly folder: Pick<StoreFolder, "state">;
	readonly troubles: Pick<StoreTroubles, "now">;
	readonly leaseSeconds: number | null;
	readonly isReplicaOf: string | null;
	readonly lost?: readonly LossLook[];
}

export function storedLook({ stores, folder, troubles, lost = [], ...of }: LookedStore): StoredLook {
	const { state } = folder;
	return {
		...{ store: stores.store.name, head: stores.head.name, trouble: troubles.now },
		unshippedBytes: state?.unshippedBytes ?? 0,
		unshippedSeconds: (state?.unshippedMs ?? 0) / 1000,
		objects: state?.objects ?? 0,
		storedBytes: state?.storedBytes ?? 0,
		fetchedBytes: state?.fetchedBytes ?? 0,
		requests: requestsIn(stores.requests()),
		lost,
		...of,
	};
}
