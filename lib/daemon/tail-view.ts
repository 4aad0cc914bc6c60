/**
 * What was given up of a pool in an object store, on the host that had acknowledged it, as a pool that can be read: `[pool.NAME] tail = "POOL"`. Used by
 * `store-pools.ts`.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { systemClock } from "../clock.js";
import { nativeMemory } from "../native.js";
import { directoryFolder, type PoolFiles, worldOf } from "../pool/directory.js";
import type { PoolWorld } from "../pool/folder.js";
import type { PoolHome } from "../pool/openings.js";
import type { StoreFolderOptions } from "../pool/store/options.js";
import { StoreFolder } from "../pool/store/store-folder.js";
import { TailKeepers, tailText } from "../pool/store/tail-keepers.js";
import { shownPoolPath } from "../spec/pool-path.js";
import type { OpenedStores } from "./coming-stores.js";
import { identifier } from "./store-keepers.js";
import { storedLook } from "./store-look.js";
import { StoreTroubles } from "./store-troubles.js";

export interface TailViewOf extends OpenedStores {
	/** Of the pool that it is. */
	readonly path: string;
	/** The pool that it is of. */
	readonly tailOf: string;
	readonly home: PoolHome;
	readonly files: PoolFiles;
}

export function tailWorld({ path, tailOf, home, opening, files, stores }: TailViewOf): PoolWorld {
	const { stored } = opening;
	const shown = shownPoolPath(path);
	const troubles = new StoreTroubles((told) => home.tell?.(path, told));
	let ended: Promise<void> | undefined;
	const end = (): Promise<void> => {
		ended ??= stores.close();
		return ended;
	};
	const options: StoreFolderOptions = {
		...{ path: shown, local: directoryFolder(stored.log, home.engine, files), store: stores.store },
		...{ keepers: new TailKeepers(stores.head, shown, tailOf), clock: systemClock, allocate: nativeMemory },
		...{ logBytes: stored.logBytes, cacheBytes: stored.cacheBytes, stable: "host", isView: true },
		...{ nextTurn, identifier, tell: troubles.ofStore, closed: end },
	};
	const folder = new StoreFolder(options);
	return {
		...worldOf(folder, home.pump),
		onlyRead: tailText(tailOf),
		stored: () => storedLook({ stores, folder, troubles, leaseSeconds: null, isReplicaOf: null }),
		end,
	};
}
