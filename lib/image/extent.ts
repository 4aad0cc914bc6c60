/**
 * Extents: what images and volumes consist of, one behind the other. What reads them hands extents on, what writes them takes them
 * in order of their offsets; so whatever can be read can be written as anything. Used by this room and by `lib/send/`.
 */

/**
 * `data`: there are bytes. `zero`: it was said to be zeros. `hole`: nobody ever wrote it; it reads as zeros, too.
 */
export type ExtentKind = "data" | "zero" | "hole";

export interface Extent {
	readonly kind: ExtentKind;
	readonly offsetBytes: number;
	readonly lengthBytes: number;
	/** Of data: all of it, valid until the next extent is asked for. Else none. */
	readonly bytes: Uint8Array;
}

/** Longest extent of data; none goes across a multiple of it. Others may be as long as they like. */
export const DATA_EXTENT_BYTES = 1024 * 1024;

export const NO_BYTES = new Uint8Array(0);

/** From `offset` on: up to `end`, or up to where an extent of data has to end. */
export function dataLength(offset: number, end: number): number {
	return Math.min(end - offset, DATA_EXTENT_BYTES - (offset % DATA_EXTENT_BYTES));
}
