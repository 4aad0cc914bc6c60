/**
 * The two kinds of node that a map has, leaves (`leaf.ts`) and what is above them (`node.ts`), for what treats them alike: the frames that
 * keep them in memory and the merge that writes them. And what both begin with in storage: a word with magic, level and format, a
 * word with the number of entries, and a bitmap of which there are. All numbers are little-endian, as the machines are that this is for.
 */

/** How nodes of one kind are in memory and how they are stored. Stored bytes may be anybody's: nothing in them is believed. */
export interface NodeKind {
	/** Words of 32 bits of one in memory. */
	readonly words: number;
	/** Bytes of one in storage, at most. */
	readonly storedBytesMax: number;
	/** How long is what is stored at `start`, if it is one of `level` and all there; 0 if not. */
	storedBytes(view: DataView, start: number, available: number, level: number): number;
	/** Makes the form in memory of it; says what is wrong with it, if something is. After `storedBytes` only. */
	decode(view: DataView, start: number, into: Int32Array, at: number, level: number): string | undefined;
	/** How long the form in storage of it is. */
	bytesOf(words: Int32Array, at: number): number;
	/** Makes the form in storage, from the beginning of `into`; says how many bytes it has. */
	encode(words: Int32Array, at: number, level: number, into: Int32Array): number;
}

/** "vm", then the level, then a number for the format. */
const MAGIC = 0x6d76;
const FORMAT = 0;
/** Before the bitmap. */
const HEADER_WORDS = 2;

function headerOf(level: number): number {
	return MAGIC | (level << 16) | (FORMAT << 24);
}

export function isHeader(view: DataView, start: number, level: number): boolean {
	return view.getInt32(start, true) === headerOf(level);
}

/** How many entries a node says it has. */
export function countIn(view: DataView, start: number): number {
	return view.getUint32(start + 4, true);
}

/** Of the bitmap, the 32 bits that begin with `bit`. */
export function bitsIn(view: DataView, start: number, bit: number): number {
	return view.getInt32(start + HEADER_WORDS * 4 + bit / 8, true);
}

/** At the beginning of `into`. */
export function putHeader(into: Int32Array, level: number, count: number): void {
	into[0] = headerOf(level);
	into[1] = count;
}

/** The 32 bits that `bit` is one of. */
export function putBits(into: Int32Array, bit: number, bits: number): void {
	into[HEADER_WORDS + (bit >>> 5)] = bits;
}
