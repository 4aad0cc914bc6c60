/**
 * What an operator has said may be lost of a pool, if anything: it is about what this process was refused, by the epoch that it was refused of, and nothing
 * else. Whoever has the pool later promises anew, and that takes another word. One for each pool (`lib/daemon/store-pools.ts`), asked by
 * `head-keepers.ts`.
 */

import type { Refused } from "./takeover.js";

export class LossWord {
	#refused: Refused | null = null;
	#said: { readonly epoch: number; readonly bytes: number } | undefined;

	/** So much may be lost of what was refused last; if nothing was, there is nothing that this could be about. */
	say(bytes: number): void {
		this.#said = this.#refused === null ? undefined : { epoch: this.#refused.superblock.epoch, bytes };
	}

	/** As the rules of a takeover have it. */
	get said(): { readonly epoch: number; readonly bytes: number } | undefined {
		return this.#said;
	}

	/** It was not enough, or there was none. */
	wasRefused(refused: Refused): void {
		this.#refused = refused;
		this.#said = undefined;
	}

	/** The pool is had. */
	isOver(): void {
		this.#refused = null;
		this.#said = undefined;
	}
}
