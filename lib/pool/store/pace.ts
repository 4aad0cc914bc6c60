/**
 * How fast what a pool has written goes to a store: when a cut is made, how large objects are, how many are on their way, and how much may leave in a second. A pool in
 * a store has a line that is fast; that of a replica may be slow: then objects are small, so that each is there in some seconds. Asked by
 * `publisher.ts` and `uploads.ts`.
 */

import type { Clock } from "../../clock.js";
import { IMAGE_BLOCK_BYTES, OBJECT_BLOCKS } from "./layout.js";

export interface Pace {
	/** With so many dirty blocks a cut is made, and at the latest so long after the first of it was written. */
	readonly cutBlocks: number;
	readonly cutAfterMs: number;
	readonly uploadsAtOnce: number;
	/** What the next object has at most. */
	readonly objectBlocks: number;
	/** Resolves when so much may leave. */
	allowed(bytes: number): Promise<void>;
	/** That was on its way for so long. */
	took(bytes: number, ms: number): void;
	close(): void;
}

const CUT_BLOCKS = (64 * 1024 * 1024) / IMAGE_BLOCK_BYTES;

/** Of a pool in a store. */
export const STORE_PACE: Pace = {
	cutBlocks: CUT_BLOCKS,
	cutAfterMs: 30_000,
	uploadsAtOnce: 4,
	objectBlocks: OBJECT_BLOCKS,
	allowed: async () => {},
	took: () => {},
	close: () => {},
};

const FIRST_BLOCKS = (512 * 1024) / IMAGE_BLOCK_BYTES;
const LEAST_BLOCKS = (64 * 1024) / IMAGE_BLOCK_BYTES;
/** An object that took less could have been larger; one that took more, smaller. */
const SHORT_MS = 2_000;
const LONG_MS = 15_000;

const CUT_AFTER_MS = 10_000;

/** Of a replica. */
export class LinePace implements Pace {
	readonly cutBlocks = CUT_BLOCKS;
	readonly cutAfterMs: number;
	readonly uploadsAtOnce = 2;
	readonly #clock: Clock;
	/** Bytes in a millisecond; undefined: as many as go. */
	readonly #rate: number | undefined;
	#blocks = FIRST_BLOCKS;
	/** When what was allowed so far has left, by that. */
	#freeAtMs = Number.NEGATIVE_INFINITY;
	readonly #pauses = new Set<() => void>();
	#isClosed = false;

	constructor(clock: Clock, bytesPerSecond?: number, cutAfterMs = CUT_AFTER_MS) {
		this.cutAfterMs = cutAfterMs;
		this.#clock = clock;
		this.#rate = bytesPerSecond === undefined ? undefined : bytesPerSecond / 1000;
	}

	/** (With a limit none is larger than what may leave within some seconds: others on that line have their turn.) */
	get objectBlocks(): number {
		if (this.#rate === undefined) return this.#blocks;
		const most = Math.floor((this.#rate * SHORT_MS) / IMAGE_BLOCK_BYTES);
		return Math.max(LEAST_BLOCKS, Math.min(this.#blocks, most));
	}

	async allowed(bytes: number): Promise<void> {
		if (this.#rate === undefined) return;
		const nowMs = this.#clock.now();
		const beginMs = Math.max(nowMs, this.#freeAtMs);
		this.#freeAtMs = beginMs + bytes / this.#rate;
		if (beginMs > nowMs) await this.#pause(beginMs - nowMs);
	}

	#pause(ms: number): Promise<void> {
		if (this.#isClosed) return Promise.resolve();
		return new Promise((resolve) => {
			const over = (): void => {
				cancel();
				this.#pauses.delete(over);
				resolve();
			};
			const cancel = this.#clock.after(ms, over);
			this.#pauses.add(over);
		});
	}

	took(bytes: number, ms: number): void {
		const isWhole = bytes >= (this.#blocks / 2) * IMAGE_BLOCK_BYTES;
		if (ms > LONG_MS) this.#blocks = Math.max(LEAST_BLOCKS, Math.floor(this.#blocks / 2));
		else if (ms < SHORT_MS && isWhole) this.#blocks = Math.min(OBJECT_BLOCKS, 2 * this.#blocks);
	}

	close(): void {
		this.#isClosed = true;
		for (const over of [...this.#pauses]) over();
	}
}
