/**
 * Whether what a pool in an object store has done may be said: only as long as its owner's lease runs, and, where what is on this host counts as stable,
 * only what the superblock says may be lost with it. What may not be said waits, and is a failure once somebody else has the pool. Made by
 * `lib/daemon/store-pools.ts`; a layer of each file asks (`gate-layer.ts`).
 */

import type { HeadKeeper } from "./head-keeper.js";
import type { Promised } from "./superblock.js";

/** So much more than there is is promised, so that not each write waits for a swap. */
const HEADROOM_BYTES = 32 * 1024 * 1024;

/** So much less is left of that when more is promised: then nobody waits for it, unless writes are faster than swaps. */
const AHEAD_BYTES = 16 * 1024 * 1024;

/** What the store has not. */
export interface Unshipped {
	readonly bytes: number;
	/** Microseconds since 1970. */
	readonly sinceUs: number;
}

/** What of a keeper it asks. */
export type GateKeeper = Pick<HeadKeeper, "mayAcknowledge" | "covers" | "whenMay" | "promise" | "end">;

export class Gate {
	readonly #keeper: () => GateKeeper | null;
	readonly #unshipped: () => Unshipped | undefined;
	/** More is being promised, before it has to be. */
	#isAhead = false;

	/** `unshipped`: undefined while nobody knows; nothing where only what is in the store is stable. */
	constructor(keeper: () => GateKeeper | null, unshipped: () => Unshipped | undefined) {
		this.#keeper = keeper;
		this.#unshipped = unshipped;
	}

	/** To be asked in the very turn in which something is said. */
	mayTell(): boolean {
		const keeper = this.#keeper();
		if (keeper === null || !keeper.mayAcknowledge) return false;
		const bytes = this.#unshipped()?.bytes ?? 0;
		if (!keeper.covers(bytes)) return false;
		if (bytes > 0 && !this.#isAhead && !keeper.covers(bytes + AHEAD_BYTES)) void this.#promiseAhead(keeper);
		return true;
	}

	async #promiseAhead(keeper: GateKeeper): Promise<void> {
		this.#isAhead = true;
		await this.#promise(keeper);
		this.#isAhead = false;
	}

	/** Resolves when it is open, to false if it never will be. */
	async opened(): Promise<boolean> {
		for (;;) {
			const keeper = this.#keeper();
			if (keeper === null || keeper.end !== null) return false;
			if (this.mayTell()) return true;
			if (keeper.mayAcknowledge) await this.#promise(keeper);
			else await new Promise<void>((resolve) => keeper.whenMay(resolve));
		}
	}

	async #promise(keeper: GateKeeper): Promise<void> {
		const owed = this.owed() ?? null;
		// (If it can't be there is an end, which is seen next.)
		if (owed !== null) await keeper.promise(owed.bytes, owed.sinceUs).catch(() => {});
	}

	/** What the superblock is to say: more than there is, or nothing; undefined: nobody knows. */
	owed(): Promised | null | undefined {
		const unshipped = this.#unshipped();
		if (unshipped === undefined) return undefined;
		const { bytes, sinceUs } = unshipped;
		return bytes === 0 ? null : { bytes: bytes + HEADROOM_BYTES, sinceUs };
	}
}
