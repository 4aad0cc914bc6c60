/**
 * Leaves of the map, as they are stored and as they are in memory. Stored: a header, a bitmap of the pages that are mapped, and an entry of
 * twelve bytes for each. In memory: 64 entries of three words, those of pages that are not mapped all zero, so that one is found
 * without counting.
 */

import { ENTRY_WORDS, FLAG_ZERO, flagsOf, hasPosition } from "./entry.js";
import { bitsIn, countIn, isHeader, type NodeKind, putBits, putHeader } from "./kind.js";

/** Pages of a leaf. */
export const LEAF_PAGES = 64;

/** Words of one in memory. */
export const LEAF_WORDS = LEAF_PAGES * ENTRY_WORDS;

/** Header, count and bitmap. */
const HEAD_BYTES = 16;
const ENTRY_BYTES = ENTRY_WORDS * 4;

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
	if (!hasPosition(words, at)) return "a page has no position";
	return flagsOf(words, at) & FLAG_ZERO ? "a page is mapped and has no data" : undefined;
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
		let bits = 0;
		for (let page = 0, place = at; page < LEAF_PAGES; page++, place += ENTRY_WORDS) {
			if ((page & 31) === 0) bits = bitsIn(view, start, page);
			if (((bits >>> (page & 31)) & 1) === 0) {
				for (let i = 0; i < ENTRY_WORDS; i++) into[place + i] = 0;
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

	encode(words, at, level, into) {
		let next = HEAD_BYTES / 4;
		let bits = 0;
		for (let page = 0, place = at; page < LEAF_PAGES; page++, place += ENTRY_WORDS) {
			if (!isUnmapped(words, place)) {
				bits |= 1 << (page & 31);
				for (let i = 0; i < ENTRY_WORDS; i++) into[next++] = words[place + i]!;
			}
			if ((page & 31) < 31) continue;
			putBits(into, page, bits);
			bits = 0;
		}
		putHeader(into, level, (next * 4 - HEAD_BYTES) / ENTRY_BYTES);
		return next * 4;
	},
};
