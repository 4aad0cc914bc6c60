/**
 * What etcd keeps of values that were replaced: all of them, for ever, if nobody has it compacted, until it has no room and refuses every change. An owner
 * puts a superblock there every two seconds, so whoever swaps has the history compacted that is older than it is to be: that of all keys, as etcd has one.
 * In the background, one request at most, and no more of them than there are such times. Told of swaps by `head-etcd.ts`.
 */

import type { Clock } from "../clock.js";

/** After one that failed. */
const AGAIN_MS = 60_000;

export class EtcdHistory {
	readonly #keepMs: number;
	readonly #clock: Clock;
	readonly #compact: (revision: string) => Promise<void>;
	/** What is older than this goes when `at` was so long ago. */
	#mark: { readonly revision: string; readonly at: number } | null = null;
	#notBefore = 0;
	#isAsking = false;

	/** @param keepMs how long it is kept, at least; 0: this is left to etcd */
	constructor(keepMs: number, clock: Clock, compact: (revision: string) => Promise<void>) {
		this.#keepMs = keepMs;
		this.#clock = clock;
		this.#compact = compact;
	}

	/** Something was put there, by that revision. */
	swapped(revision: string): void {
		if (this.#keepMs === 0 || this.#isAsking) return;
		const now = this.#clock.now();
		this.#mark ??= { revision, at: now };
		const { revision: old, at } = this.#mark;
		if (now - at < this.#keepMs || now < this.#notBefore) return;
		this.#isAsking = true;
		this.#compact(old).then(
			() => {
				this.#mark = { revision, at: now };
				this.#isAsking = false;
			},
			() => {
				// It refuses, or is away: what is counted of requests says so, and nothing hangs on it.
				this.#notBefore = this.#clock.now() + AGAIN_MS;
				this.#isAsking = false;
			},
		);
	}
}
