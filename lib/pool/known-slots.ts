/**
 * What the head of a pool in a directory says of its slots: which of them have their space for good. A slot counts when it was written with zeros, by
 * whoever made the pool (`preallocate.ts`) or later (`file-filler.ts`); until then somebody else may take what it would need. Kept by `segments.ts`.
 */

import { FILE_SLOTS } from "./format.js";
import type { Slots } from "./space/slots.js";

/** So many slots, the first ones, were written with zeros; and so many may be used, at least. */
export interface HeadSlots {
	readonly filled?: number;
	readonly slots?: number;
	/** 0: nothing was ever written to the log. */
	readonly incarnation?: number;
}

export class KnownSlots {
	readonly #slots: Slots;
	readonly #head: HeadSlots;
	/** Where slots count as soon as there is a file that has them, this has nothing to say. */
	readonly #fillsAhead: boolean;
	/** Those that were written with zeros since it was opened. */
	readonly #filled = new Set<number>();

	constructor(slots: Slots, head: HeadSlots, fillsAhead: boolean) {
		this.#slots = slots;
		this.#head = head;
		this.#fillsAhead = fillsAhead;
	}

	/** There are files of so many slots. (Of a pool whose making was broken off those may be used that were written by then.) */
	begin(inFiles: number): void {
		const { filled = 0, slots = inFiles, incarnation } = this.#head;
		const isNew = this.#fillsAhead && incarnation === 0;
		this.#slots.grow(Math.min(inFiles, isNew ? filled : slots));
	}

	/**
	 * Older versions have counted the slots of the first file before they were written: of those that were never used somebody else may take the
	 * space. To be called when it is known which are used.
	 */
	withdrawUnfilled(): void {
		const { filled, slots, incarnation } = this.#head;
		if (!this.#fillsAhead || filled !== undefined || incarnation === 0) return;
		// (Those of other files were written before they were counted; where it is not said how many count, the version is older than that.)
		this.#slots.withdrawFresh(slots === undefined ? Number.POSITIVE_INFINITY : FILE_SLOTS);
	}

	/** It was written with zeros, which are stable. */
	filled(slot: number): void {
		this.#filled.add(slot);
		this.#slots.add(slot);
	}

	/** Whether a slot that was never used need not be written with zeros before it is. */
	isFilled(slot: number): boolean {
		return !this.#fillsAhead || slot < (this.#head.filled ?? 0) || this.#filled.has(slot);
	}

	/** What the head has to say. */
	get now(): HeadSlots {
		const { whole } = this.#slots;
		return this.#fillsAhead ? { slots: whole, filled: whole } : {};
	}
}
