/**
 * What a pool in an object store stands on that is only read: nothing is brought to the store, and what is written stays on this host. Used by
 * `replica-views.ts` and `tail-view.ts`, which differ in what keeps its image.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { systemClock } from "../clock.js";
import { nativeMemory } from "../native.js";
import { directoryFolder, type PoolFiles, worldOf } from "../pool/directory.js";
import type { PoolWorld } from "../pool/folder.js";
import type { PoolHome } from "../pool/openings.js";
import type { Keepers } from "../pool/store/options.js";
import { StoreFolder } from "../pool/store/store-folder.js";
import { shownPoolPath } from "../spec/pool-path.js";
import type { OpenedStores } from "./coming-stores.js";
import { identifier } from "./store-keepers.js";
import { storedLook } from "./store-look.js";
import { StoreTroubles } from "./store-troubles.js";

export interface ReadWorldOf extends OpenedStores {
	/** Of the pool. */
	readonly path: string;
	readonly home: PoolHome;
	/** How what is on this host is opened. */
	readonly files: PoolFiles;
}

export interface ReadAs {
	readonly keepers: Keepers;
	/** Why nothing is written there. */
	readonly onlyRead: string;
	/** Of a replica: of which pool, in words. */
	readonly isReplicaOf: string | null;
	/** It is closed, or has come to nothing. May be called again. */
	readonly end: () => Promise<void>;
}

export function readWorld(
	{ path, home, opening, files, stores }: ReadWorldOf,
	{ keepers, onlyRead, isReplicaOf, end }: ReadAs,
): { readonly folder: StoreFolder; readonly world: PoolWorld } {
	const { stored } = opening;
	const troubles = new StoreTroubles((told) => home.tell?.(path, told));
	const folder = new StoreFolder({
		...{ path: shownPoolPath(path), local: directoryFolder(stored.log, home.engine, files) },
		...{ store: stores.store, keepers, clock: systemClock, allocate: nativeMemory, nextTurn, identifier },
		...{ logBytes: stored.logBytes, cacheBytes: stored.cacheBytes, stable: "host", isView: true },
		...{ tell: troubles.ofStore, closed: end },
	});
	const world = {
		...worldOf(folder, home.pump),
		onlyRead,
		stored: () => storedLook({ stores, folder, troubles, leaseSeconds: null, isReplicaOf }),
		end,
	};
	return { folder, world };
}
