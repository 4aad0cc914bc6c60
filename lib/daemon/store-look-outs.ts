/**
 * Pools in object stores that another host has, and which are wanted here: it is looked how it is with them between two tries to have them. Made by
 * `store-pools.ts`, which hands on the stores of a try that has ended in vain.
 */

import type { LeaseWatch } from "../pool/store/lease.js";
import { LookOut } from "../pool/store/look-out.js";
import type { Superblock } from "../pool/store/superblock.js";
import { poolInStore } from "../spec/pool-path.js";
import { keeperWorld } from "./store-keepers.js";
import type { Stores } from "./stores.js";

export interface Wanted {
	/** Its own from now on. */
	readonly stores: Stores;
	readonly watch: LeaseWatch;
	/** What the try has answered an owner who asked. */
	readonly answered: string | undefined;
	/** Hears what is there. */
	readonly saw?: ((superblock: Superblock) => void) | undefined;
}

export class StoreLookOuts {
	readonly #of = new Map<string, LookOut>();
	readonly #mayBeHad: (path: string) => void;

	/** `mayBeHad`: the pool at that path, if it is tried now. */
	constructor(mayBeHad: (path: string) => void) {
		this.#mayBeHad = mayBeHad;
	}

	begin(path: string, { stores, watch, answered, saw }: Wanted): void {
		this.end(path);
		const lookOut = new LookOut({
			...{ head: stores.head, watch, answered, saw },
			// (The watch is also that of who tries to have it, and knows one clock.)
			...{ clock: keeperWorld.clock, elapsed: keeperWorld.elapsed },
			promising: () => this.#mayBeHad(path),
		});
		this.#of.set(path, lookOut);
		void lookOut.ended.finally(() => {
			if (this.#of.get(path) === lookOut) this.#of.delete(path);
			return stores.close();
		});
	}

	/** Somebody tries to have it: also of a pool that was configured in another way before, which is the same one. */
	end(path: string): void {
		const name = poolInStore(path)?.name;
		for (const [each, lookOut] of this.#of) {
			if (poolInStore(each)?.name !== name) continue;
			lookOut.end();
			this.#of.delete(each);
		}
	}
}
