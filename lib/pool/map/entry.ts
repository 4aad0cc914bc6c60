/**
 * What a map says of a page: where in the log it was written, how long it is there, and its checksum. Overlays and leaves keep it in
 * three words of 32 bits; everybody else has an `Entry`, one object that is filled again and again, since a position is too large to be
 * passed by itself without being allocated. Used by everything in `lib/pool/map/`, and by whoever asks the map.
 */

/** Pages of a volume are numbered below this: 2^58 bytes of 4 KiB, 2^55 of 512. */
export const PAGES_MAX = 2 ** 46;

/** Positions in the log are below this. None is 0: there is a header. */
export const POSITIONS_MAX = 2 ** 50;

/** Sectors of a page at most: 256 KiB. */
const SECTORS_MAX = 512;

/** Words of 32 bits that an entry takes. */
export const ENTRY_WORDS = 3;

/** The flag of an entry without data: its page was written with zeros, and shadows what is older. Never in a tree. */
export const FLAG_ZERO = 1;

/** What was found of a page. */
export const Found = {
	/** Nothing here knows of it: ask what is older. */
	none: 0,
	/** It reads as zeros. */
	unmapped: 1,
	mapped: 2,
	/** A node of the map is being read: ask again when told. */
	loading: 3,
	/** A node of the map could not be read. */
	failed: 4,
} as const;
export type Found = (typeof Found)[keyof typeof Found];

export class Entry {
	/** In sectors of 512 bytes; of an entry without data, the position that a page would have had. */
	position = -0;
	/** As stored; 0 of an entry without data. */
	sectors = 0;
	/** Five bits: `FLAG_ZERO`, and four that the map keeps and does not look at. */
	flags = 0;
	/** CRC32C. */
	crc = -0;
}

const HIGH = 0x3ffff;
const SECTORS_AT = 18;
const FLAGS_AT = 27;
const WORD = 2 ** 32;

/** Writes an entry to `words` from index `at`: position's low word; its high 18 bits, sectors less one, flags; checksum. */
export function putEntry(words: Int32Array, at: number, { position, sectors, flags, crc }: Entry): void {
	words[at] = position;
	words[at + 1] =
		(position / WORD) | (((sectors - 1) & (SECTORS_MAX - 1)) << SECTORS_AT) | (flags << FLAGS_AT);
	words[at + 2] = crc;
}

export function readEntry(words: Int32Array, at: number, into: Entry): void {
	const second = words[at + 1]!;
	into.flags = second >>> FLAGS_AT;
	into.position = (words[at]! >>> 0) + (second & HIGH) * WORD;
	into.sectors = into.flags & FLAG_ZERO ? 0 : ((second >>> SECTORS_AT) & (SECTORS_MAX - 1)) + 1;
	into.crc = words[at + 2]! >>> 0;
}

export function flagsOf(words: Int32Array, at: number): number {
	return words[at + 1]! >>> FLAGS_AT;
}

export function hasPosition(words: Int32Array, at: number): boolean {
	return (words[at]! | (words[at + 1]! & HIGH)) !== 0;
}
