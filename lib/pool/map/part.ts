/**
 * A part of a list of dead pages that is stored among the nodes, so that it takes no memory: where it is, and what there is to know without
 * reading it. Made by `chain.ts`, which keeps the others; stored and read by whoever has storage (`../dead-lists.ts`).
 */

/** Pages of a part: 64 KiB. */
export const PART_PAGES = 4096;

/** Birth's low word; its high 18 bits and sectors less one; death's two words. */
export const DEAD_WORDS = 4;
export const DEAD_BYTES = 4 * DEAD_WORDS;

/** What was stored. */
export interface StoredPart {
	readonly place: number;
	readonly crc: number;
	/** Pages, and their sectors in all. */
	readonly count: number;
	readonly sectors: number;
	/** Where its first page died: while the window has not passed that, it need not be read. */
	readonly firstDeath: number;
}

/** One of a list. */
export interface Part extends StoredPart {
	next: Part | null;
}

export interface PartStore {
	/** Stores it, which is copied before this returns. */
	append(bytes: Uint8Array): Pick<StoredPart, "place" | "crc">;
}
