/**
 * Writes the head of a pool that is open, by one at a time: for checkpoints, which must not be lost without it, and to say how far the log has
 * come. Made by `pool.ts`.
 */

import type { ClockMark, HeadState } from "./head.js";
import type { PoolParts } from "./opening.js";

type Parts = Pick<PoolParts, "head" | "log" | "segments" | "unstored">;

export class HeadWriter {
	readonly #parts: Parts;
	/** What its clock has come to. */
	readonly #mark: () => ClockMark | undefined;
	#last = Promise.resolve();
	#hasFailed = false;

	constructor(parts: Parts, mark: () => ClockMark | undefined) {
		this.#parts = parts;
		this.#mark = mark;
	}

	/** After those that were asked to be written before. Stable when it resolves. Throws an OperatorError. */
	write(changes: () => Partial<HeadState>): Promise<void> {
		const { head, segments } = this.#parts;
		const written = this.#last.then(() =>
			head.write({ ...segments.known.now, clock: this.#mark(), ...changes() }),
		);
		this.#last = written.then(
			() => this.#isOver(undefined),
			(error: unknown) => this.#isOver(error),
		);
		return written;
	}

	#isOver(error: unknown): void {
		const { unstored } = this.#parts;
		this.#hasFailed = error !== undefined;
		if (this.#hasFailed) unstored.headFailed(error);
		else unstored.headWritten();
	}

	/** In turn with what is written. As `Head.scrub`. */
	scrub(): Promise<readonly number[]> {
		const scrubbed = this.#last.then(() => this.#parts.head.scrub());
		this.#last = scrubbed.then(
			() => {},
			() => {},
		);
		return scrubbed;
	}

	/**
	 * Without it the next opening takes a little more on trust, and has slots written again that were, no more. One that could not be written is tried
	 * again.
	 */
	tellStable(): void {
		const { head, log, segments } = this.#parts;
		const isSaid = log.cursor.stable <= head.state.stable && segments.known.now.slots === head.state.slots;
		if (isSaid && !this.#hasFailed) return;
		this.write(() => ({ stable: log.cursor.stable })).catch(() => {});
	}

	/** All that was asked for by now is over when it resolves. */
	get idle(): Promise<void> {
		return this.#last;
	}
}
