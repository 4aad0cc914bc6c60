/** Those who want to hear how the owner of a pool fares, to whom he hands it over, and how he leaves it. Told by `head-keeper.ts`. */

import type { Owner } from "./superblock.js";
import type { FencedError } from "./superblock-swaps.js";

export interface HandOver {
	readonly heir: Owner;
	/** Called when nothing is acknowledged any more: brings all that was to the store, and names it with `write`. */
	readonly drain?: () => Promise<void>;
	readonly limitMs?: number;
}

export interface Closing {
	readonly handOver?: HandOver;
	/** It is opened on this host again at once: nobody else has it before a lease is over. */
	readonly comesAgain?: boolean;
	readonly limitMs?: number;
}

export interface KeeperListener {
	/** Somebody else has the pool. For good. Told before anything that waits for the lease ends: who is cut off now is not answered. */
	lost?(reason: FencedError): void;
	/** The lease is over without an answer: nothing is acknowledged, or answered (`lease-layer.ts`). */
	paused?(why: string): void;
	resumed?(): void;
}

export class KeeperListeners {
	readonly #listeners = new Set<KeeperListener>();

	add(listener: KeeperListener): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	lost(reason: FencedError): void {
		for (const listener of this.#listeners) listener.lost?.(reason);
	}

	paused(why: string): void {
		for (const listener of this.#listeners) listener.paused?.(why);
	}

	resumed(): void {
		for (const listener of this.#listeners) listener.resumed?.();
	}
}
