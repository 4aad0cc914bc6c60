/** Where something is that lies among the map's nodes beside them, as whoever stored it keeps it: a value, which checkpoints and the head have too. */

import { areNumbers, SEGMENT_BYTES } from "./format.js";

/** `place` as nodes have one, and the slot of that segment of nodes, as it was when that was said. */
export interface BlobRef {
	readonly place: number;
	readonly slot: number;
	/** Bytes of the slot before it, where that does not follow from the place: it has moved. */
	readonly at?: number;
	readonly bytes: number;
	readonly crc: number;
}

/** What is stored when it has changed. */
export interface StoredRow {
	/** Where it was stored last; null: it is to be stored. */
	ref: BlobRef | null;
	/** Since then. */
	isChanged: boolean;
}

/** Bytes of its slot before it. */
export function offsetOf({ place, at = place % SEGMENT_BYTES }: BlobRef): number {
	return at;
}

export function isBlobRef(value: unknown): value is BlobRef {
	if (!areNumbers(value, ["place", "slot", "bytes", "crc"])) return false;
	const ref = value as BlobRef;
	return areNumbers({ at: offsetOf(ref) }, ["at"]) && offsetOf(ref) + ref.bytes <= SEGMENT_BYTES;
}
