/** What a pool in an object store is made of, and what is known of it while it is open. For `store-folder.ts`, and whoever makes one. */

import type { Clock } from "../../clock.js";
import type { ObjectStore } from "../../object/store.js";
import type { Memory } from "../../wire/memory.js";
import type { PoolFolder } from "../folder.js";
import type { ImageKeeper } from "./keeper.js";
import type { LocalBytes } from "./local-sizes.js";

export type Lacks = (there: Pick<ImageKeeper, "pool" | "isGivenUp">) => string | undefined;

/** Who keeps the superblock, and how it is had. All throw an OperatorError. */
export interface Keepers {
	/** Whether there is a pool. */
	isThere(): Promise<boolean>;
	/** Of a new pool. */
	create(): Promise<ImageKeeper>;
	/** `life`: what is on this host. `lacks`: why this host can't go on with a pool that stands like that, in words; undefined: it can. */
	acquire(life: string, lacks?: Lacks): Promise<ImageKeeper>;
}

/** How much of it may be on this host at first. */
export interface StoreFolderOptions extends LocalBytes {
	/** What messages call it: the pool's name. */
	readonly path: string;
	/** Where what is on this host lies. */
	readonly local: PoolFolder;
	readonly store: ObjectStore;
	readonly keepers: Keepers;
	/** Where something must be to be stable. */
	readonly stable: "host" | "store";
	/** Nothing is brought to the store, nor deleted there: what is written stays here, and counts until it is closed. Default: all is. */
	readonly isView?: boolean | undefined;
	readonly clock: Clock;
	readonly allocate: (byteLength: number) => Memory;
	/** Resolves when whoever else is served has had a turn. */
	readonly nextTurn: () => Promise<void>;
	/** So many words by chance, in hexadecimal. */
	readonly identifier: (byteLength: number) => string;
	/** What does not get on, in words, or that it does again. */
	readonly tell?: (what: "upload" | "fetch", trouble: string | null) => void;
	/** Everything is closed. */
	readonly closed?: () => Promise<void>;
}

/** What is known of it while it is open. */
export interface StoreState {
	readonly unshippedBytes: number;
	/** How long ago the oldest of it was written; null: there is nothing. */
	readonly unshippedMs: number | null;
	readonly objects: number;
	/** What these have in all. */
	readonly storedBytes: number;
	readonly fetchedBytes: number;
	readonly trouble: string | null;
}
