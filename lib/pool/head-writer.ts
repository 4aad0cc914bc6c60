/**
 * Writes the head of a pool that is open, by one at a time: for checkpoints, which must not be lost without it, and to say how far the log has
 * come. Made by `pool.ts`.
 */

import type { ClockMark, HeadState } from "./head.js";
import type { PoolParts } from "./opening.js";

export class HeadWriter {
	readonly #parts: Pick<PoolParts, "head" | "log" | "segments">;
	/** What its clock has come to. */
	readonly #mark: () => ClockMark | undefined;
	#last = Promise.resolve();

	constructor(parts: Pick<PoolParts, "head" | "log" | "segments">, mark: () => ClockMark | undefined) {
		this.#parts = parts;
		this.#mark = mark;
	}

	/** After those that were asked to be written before. Stable when it resolves. Throws an OperatorError. */
	write(changes: () => Partial<HeadState>): Promise<void> {
		const { head, segments } = this.#parts;
		const written = this.#last.then(() =>
			head.write({ ...segments.known, clock: this.#mark(), ...changes() }),
		);
		this.#last = written.catch(() => {});
		return written;
	}

	/** Without it the next opening takes a little more on trust, no more. */
	tellStable(): void {
		const { head, log } = this.#parts;
		if (log.cursor.stable <= head.state.stable) return;
		this.write(() => ({ stable: log.cursor.stable })).catch(() => {});
	}

	/** All that was asked for by now is over when it resolves. */
	get idle(): Promise<void> {
		return this.#last;
	}
}
