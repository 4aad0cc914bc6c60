/**
 * Trees of the map, as numbers: what a node says of a child, in four words (where it is stored, its checksum, how many pages are mapped
 * below it), and what part of a volume a node at each level has. A root is a value: a clone has the same. Words and not objects, so
 * that nothing is allocated on the way down.
 */

import { LEAF_PAGES } from "./leaf.js";

/** Children of a node. */
export const NODE_CHILDREN = 128;

/** Words of 32 bits that a child takes. */
export const REF_WORDS = 4;

/** Places of nodes are from 1 to below this; who stores them gives them out, each once and for ever. */
export const PLACES_MAX = 2 ** 53;

/** Leaves are level 0; the root of a volume of 2^46 pages is at this one. */
export const LEVELS_MAX = 6;

/** Pages below a node of each level. */
export const SPAN = Float64Array.from(
	{ length: LEVELS_MAX + 1 },
	(_, level) => LEAF_PAGES * NODE_CHILDREN ** level,
);

/** To multiply by, which is faster: as exact, since these are powers of two. */
const PER_SPAN = SPAN.map((pages) => 1 / pages);

const WORD = 2 ** 32;
const PLACE_HIGH_BITS = 21;
const PLACE_HIGH = 2 ** PLACE_HIGH_BITS - 1;

/** Which child of a node of `level`, 1 or more, has this page. */
export function childOf(page: number, level: number): number {
	return Math.floor(page * PER_SPAN[level - 1]!) & (NODE_CHILDREN - 1);
}

/** The first page of the node of `level` that has this page. */
export function firstPage(page: number, level: number): number {
	return Math.floor(page * PER_SPAN[level]!) * SPAN[level]!;
}

/** The lowest level at which one node has this page and all before it. */
export function levelFor(page: number): number {
	let level = 0;
	while (page >= SPAN[level]!) level++;
	return level;
}

export function isNone(words: Int32Array, at: number): boolean {
	return words[at] === 0 && (words[at + 1]! & PLACE_HIGH) === 0;
}

export function placeOf(words: Int32Array, at: number): number {
	return (words[at]! >>> 0) + (words[at + 1]! & PLACE_HIGH) * WORD;
}

/** Whether two children are the same node. */
export function isSame(words: Int32Array, at: number, others: Int32Array, other: number): boolean {
	return words[at] === others[other] && ((words[at + 1]! ^ others[other + 1]!) & PLACE_HIGH) === 0;
}

/** How many pages are mapped below. */
export function mappedOf(words: Int32Array, at: number): number {
	return (words[at + 1]! >>> PLACE_HIGH_BITS) * WORD + (words[at + 2]! >>> 0);
}

export function crcOf(words: Int32Array, at: number): number {
	return words[at + 3]!;
}

export function putRef(words: Int32Array, at: number, place: number, mapped: number, crc: number): void {
	words[at] = place;
	words[at + 1] = (place / WORD) | ((mapped / WORD) << PLACE_HIGH_BITS);
	words[at + 2] = mapped;
	words[at + 3] = crc;
}

export function putNone(words: Int32Array, at: number): void {
	words.fill(0, at, at + REF_WORDS);
}

/** What a volume's tree begins with. Never changed. */
export class Root {
	/** As a node has a child. */
	readonly ref = new Int32Array(REF_WORDS);

	/** Of four words that lie at `at`. */
	constructor(
		words: Int32Array = this.ref,
		at = 0,
		readonly level = 0,
	) {
		for (let i = 0; i < REF_WORDS; i++) this.ref[i] = words[at + i]!;
	}

	get isEmpty(): boolean {
		return isNone(this.ref, 0);
	}

	get place(): number {
		return placeOf(this.ref, 0);
	}

	get mapped(): number {
		return mappedOf(this.ref, 0);
	}
}

/** Of a volume that was never written. */
export const EMPTY_ROOT = new Root();
