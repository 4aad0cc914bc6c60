/**
 * Looks how it is with a pool that another host has, while nobody here tries to have it: people wait for the answer of a try, so each ends soon. Says so
 * when another one may come to something: the owner asks who waits, has handed it over, has ended, or its lease is over. Begun by `lib/daemon/store-pools.ts`
 * when a try has ended in vain.
 */

import type { Clock } from "../../clock.js";
import { OperatorError } from "../../errors.js";
import { pause } from "../../object/attempts.js";
import { ObjectError } from "../../object/errors.js";
import type { Head } from "../../object/head.js";
import type { LeaseWatch } from "./lease.js";
import { decodeSuperblock, type Superblock } from "./superblock.js";

const LOOK_MS = 250;
/** A store that does not answer is asked again. */
const LIMIT_MS = 3_000;
/** Nobody has wanted it for so long: it may not be configured any more. */
const LOOKS_MAX = 240;

export interface LookOutOf {
	readonly head: Pick<Head, "read">;
	readonly clock: Clock;
	/** Microseconds, by a clock that never goes back. */
	readonly elapsed: () => number;
	readonly watch: LeaseWatch;
	/** What the last try has answered, and need not again; undefined: nothing. */
	readonly answered: string | undefined;
	/** What is there, each time. */
	readonly saw?: ((superblock: Superblock) => void) | undefined;
	/** It may be had: called once, at most. */
	readonly promising: () => void;
}

export class LookOut {
	/** Resolves when it looks no more. */
	readonly ended: Promise<void>;
	readonly #of: LookOutOf;
	readonly #ending = new AbortController();

	constructor(of: LookOutOf) {
		this.#of = of;
		this.ended = this.#run();
	}

	end(): void {
		this.#ending.abort();
	}

	async #run(): Promise<void> {
		const { signal } = this.#ending;
		for (let looks = 0; looks < LOOKS_MAX && !signal.aborted; looks++) {
			await pause(this.#of.clock, LOOK_MS, signal).catch(() => {});
			if (signal.aborted || !(await this.#isPromising())) continue;
			this.#of.promising();
			return;
		}
	}

	async #isPromising(): Promise<boolean> {
		const { head, watch, elapsed, answered } = this.#of;
		const { signal } = this.#ending;
		try {
			const state = await head.read({ limitMs: LIMIT_MS, signal });
			if (signal.aborted || state === null) return false;
			watch.saw(state.revision, elapsed());
			const there: Superblock = decodeSuperblock(state.bytes, "");
			this.#of.saw?.(there);
			if (there.heir !== undefined || there.isGivenBack === true) return true;
			if (there.asks !== undefined && there.asks !== answered) return true;
			return watch.remainingMs(there.leaseMs, elapsed()) <= 0;
		} catch (error) {
			// (What it is the next try finds out: a store that is away, or something there that is no superblock.)
			if (signal.aborted || error instanceof ObjectError || error instanceof OperatorError) return false;
			throw error;
		}
	}
}
