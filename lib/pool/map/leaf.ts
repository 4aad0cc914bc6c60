/**
 * Leaves of the map, as they are stored and as they are in memory. Stored: a header, a bitmap of the pages that are mapped, and an entry of
 * twelve bytes for each. In memory: 64 entries of three words, those of pages that are not mapped all zero, so that one is found
 * without counting.
 */

import { ENTRY_WORDS, Entry, FLAG_ZERO, readEntry } from "./entry.js";
import { clearBits, countIn, hasBit, isHeader, type NodeKind, putHeader, setBit } from "./kind.js";

/** Pages of a leaf. */
export const LEAF_PAGES = 64;

/** Words of one in memory. */
export const LEAF_WORDS = LEAF_PAGES * ENTRY_WORDS;

/** Header, count and bitmap. */
const HEAD_BYTES = 16;
const BITMAP = 8;
const ENTRY_BYTES = ENTRY_WORDS * 4;

const scratch = new Entry();

/** Whether a leaf in memory has nothing at `at`, where a page's entry would be. */
export function isUnmapped(words: Int32Array, at: number): boolean {
	return words[at] === 0 && words[at + 1] === 0;
}

/** How many pages of a leaf in memory are mapped. */
export function countMapped(words: Int32Array, at: number): number {
	let count = 0;
	for (let page = 0; page < LEAF_PAGES; page++) if (!isUnmapped(words, at + page * ENTRY_WORDS)) count++;
	return count;
}

/** What is wrong with an entry in memory. */
function check(words: Int32Array, at: number): string | undefined {
	readEntry(words, at, scratch);
	if (scratch.position === 0) return "a page has no position";
	return scratch.flags & FLAG_ZERO ? "a page is mapped and has no data" : undefined;
}

export const LEAF: NodeKind = {
	words: LEAF_WORDS,
	storedBytesMax: HEAD_BYTES + LEAF_PAGES * ENTRY_BYTES,

	storedBytes(view, start, available, level) {
		if (available < HEAD_BYTES || level !== 0 || !isHeader(view, start, level)) return 0;
		const count = countIn(view, start);
		const bytes = HEAD_BYTES + count * ENTRY_BYTES;
		return count > 0 && count <= LEAF_PAGES && bytes <= available ? bytes : 0;
	},

	decode(view, start, into, at) {
		const end = start + HEAD_BYTES + countIn(view, start) * ENTRY_BYTES;
		let next = start + HEAD_BYTES;
		for (let page = 0; page < LEAF_PAGES; page++) {
			const place = at + page * ENTRY_WORDS;
			if (!hasBit(view, start + BITMAP, page)) {
				into.fill(0, place, place + ENTRY_WORDS);
				continue;
			}
			if (next === end) return "more pages than it counts";
			for (let i = 0; i < ENTRY_WORDS; i++) into[place + i] = view.getInt32(next + i * 4, true);
			next += ENTRY_BYTES;
			const wrong = check(into, place);
			if (wrong !== undefined) return wrong;
		}
		return next === end ? undefined : "fewer pages than it counts";
	},

	bytesOf(words, at) {
		return HEAD_BYTES + countMapped(words, at) * ENTRY_BYTES;
	},

	encode(words, at, level, view) {
		let next = HEAD_BYTES;
		clearBits(view, BITMAP, LEAF_PAGES);
		for (let page = 0; page < LEAF_PAGES; page++) {
			const place = at + page * ENTRY_WORDS;
			if (isUnmapped(words, place)) continue;
			setBit(view, BITMAP, page);
			for (let i = 0; i < ENTRY_WORDS; i++) view.setInt32(next + i * 4, words[place + i]!, true);
			next += ENTRY_BYTES;
		}
		putHeader(view, level, (next - HEAD_BYTES) / ENTRY_BYTES);
		return next;
	},
};
