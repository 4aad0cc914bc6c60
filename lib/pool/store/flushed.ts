/**
 * Whether all that was written to a file is on stable storage, by the flushes of the pool alone: whoever flushes besides may be the one whom the kernel tells of
 * what has failed, and it tells that once. Counted by `replica-file.ts`, asked by `replica.ts`.
 */

export class Flushed {
	#changes = 0;
	/** Of what was written by whoever was here before nothing is known. */
	#flushed = -1;

	get isAll(): boolean {
		return this.#flushed === this.#changes;
	}

	changed(): void {
		this.#changes++;
	}

	/** What a flush is for that begins now, for `ended`; above 0. */
	begun(): number {
		return this.#changes + 1;
	}

	ended(begun: number): void {
		this.#flushed = Math.max(this.#flushed, begun - 1);
	}
}
