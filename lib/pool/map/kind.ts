/**
 * The two kinds of node that a map has, leaves (`leaf.ts`) and what is above them (`node.ts`), for what treats them alike: the frames that
 * keep them in memory and the merge that writes them. And what both begin with in storage: a word with magic, level and format, a
 * word with the number of entries, and a bitmap of which there are.
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
	/** Makes the form in storage, from the beginning of `view`; says how long it is. */
	encode(words: Int32Array, at: number, level: number, view: DataView): number;
}

/** "vm", then the level, then a number for the format. */
const MAGIC = 0x6d76;
const FORMAT = 0;

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

/** At the beginning of `view`. */
export function putHeader(view: DataView, level: number, count: number): void {
	view.setInt32(0, headerOf(level), true);
	view.setUint32(4, count, true);
}

export function hasBit(view: DataView, start: number, bit: number): boolean {
	return ((view.getUint8(start + (bit >>> 3)) >>> (bit & 7)) & 1) === 1;
}

export function clearBits(view: DataView, start: number, bits: number): void {
	for (let at = 0; at < bits / 8; at++) view.setUint8(start + at, 0);
}

export function setBit(view: DataView, start: number, bit: number): void {
	const at = start + (bit >>> 3);
	view.setUint8(at, view.getUint8(at) | (1 << (bit & 7)));
}
