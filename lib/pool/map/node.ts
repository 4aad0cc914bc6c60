/**
 * Nodes above the leaves, as they are stored and as they are in memory. Stored: a header, a bitmap of the children that there are, and
 * sixteen bytes for each. In memory: 128 children of four words (`ref.ts`), those that there are not all zero.
 */

import { bitsIn, countIn, isHeader, type NodeKind, putBits, putHeader } from "./kind.js";
import { isNone, LEVELS_MAX, mappedOf, NODE_CHILDREN, REF_WORDS, SPAN } from "./ref.js";

/** Words of one in memory. */
export const NODE_WORDS = NODE_CHILDREN * REF_WORDS;

/** Header, count and bitmap. */
const HEAD_BYTES = 8 + NODE_CHILDREN / 8;
const REF_BYTES = REF_WORDS * 4;

/** Of a node with one child. */
export const NODE_BYTES_MIN = HEAD_BYTES + REF_BYTES;

/** How many pages are mapped below a node in memory. */
export function sumMapped(words: Int32Array, at: number): number {
	let mapped = 0;
	for (let child = 0; child < NODE_CHILDREN; child++) mapped += mappedOf(words, at + child * REF_WORDS);
	return mapped;
}

/** What is wrong with a child in memory. */
function check(words: Int32Array, at: number, level: number): string | undefined {
	if (isNone(words, at)) return "a child has no place";
	const mapped = mappedOf(words, at);
	return mapped === 0 || mapped > SPAN[level - 1]! ? `${mapped} pages can't be below a child` : undefined;
}

export const NODE: NodeKind = {
	words: NODE_WORDS,
	storedBytesMax: HEAD_BYTES + NODE_CHILDREN * REF_BYTES,

	storedBytes(view, start, available, level) {
		if (available < HEAD_BYTES || level < 1 || level > LEVELS_MAX || !isHeader(view, start, level)) return 0;
		const count = countIn(view, start);
		const bytes = HEAD_BYTES + count * REF_BYTES;
		return count > 0 && count <= NODE_CHILDREN && bytes <= available ? bytes : 0;
	},

	decode(view, start, into, at, level) {
		const end = start + HEAD_BYTES + countIn(view, start) * REF_BYTES;
		let next = start + HEAD_BYTES;
		let bits = 0;
		for (let child = 0, place = at; child < NODE_CHILDREN; child++, place += REF_WORDS) {
			if ((child & 31) === 0) bits = bitsIn(view, start, child);
			if (((bits >>> (child & 31)) & 1) === 0) {
				for (let i = 0; i < REF_WORDS; i++) into[place + i] = 0;
				continue;
			}
			if (next === end) return "more children than it counts";
			for (let i = 0; i < REF_WORDS; i++) into[place + i] = view.getInt32(next + i * 4, true);
			next += REF_BYTES;
			const wrong = check(into, place, level);
			if (wrong !== undefined) return wrong;
		}
		return next === end ? undefined : "fewer children than it counts";
	},

	bytesOf(words, at) {
		let bytes = HEAD_BYTES;
		for (let child = 0; child < NODE_CHILDREN; child++)
			if (!isNone(words, at + child * REF_WORDS)) bytes += REF_BYTES;
		return bytes;
	},

	encode(words, at, level, into) {
		let next = HEAD_BYTES / 4;
		let bits = 0;
		for (let child = 0, place = at; child < NODE_CHILDREN; child++, place += REF_WORDS) {
			if (!isNone(words, place)) {
				bits |= 1 << (child & 31);
				for (let i = 0; i < REF_WORDS; i++) into[next++] = words[place + i]!;
			}
			if ((child & 31) < 31) continue;
			putBits(into, child, bits);
			bits = 0;
		}
		putHeader(into, level, (next * 4 - HEAD_BYTES) / REF_BYTES);
		return next * 4;
	},
};
