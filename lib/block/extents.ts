/**
 * Extents: what a range of a device consists of, as a request of that kind is answered. Pairs of length and flags in the array
 * that came with the request, one behind the other from the beginning of its range.
 */

import type { BlockRequest } from "./request.js";

/** Bits of an extent's second number. None: it holds data, or that is not known. */
export const ExtentFlag = {
	/** It reads as zeros: it was never written, or is no longer needed. */
	zero: 1,
} as const;
/** All of them. */
export const EXTENT_FLAGS = ExtentFlag.zero;

/**
 * Adds an extent to the answer of a request; to the last one, if it is of the same kind. False if there is no room left for it.
 */
export function addExtent(request: BlockRequest, lengthBytes: number, flags: number): boolean {
	const { extents, extentCount } = request;
	if (extents === null) return false;
	if (extentCount > 0 && extents[2 * extentCount - 1] === flags) {
		extents[2 * extentCount - 2]! += lengthBytes;
		return true;
	}
	if (2 * extentCount + 1 >= extents.length) return false;
	extents[2 * extentCount] = lengthBytes;
	extents[2 * extentCount + 1] = flags;
	request.extentCount = extentCount + 1;
	return true;
}
