/**
 * CRC32C of bytes (RFC 3720, appendix B.4), by the processor's own instruction where it has one: for whatever a pool has on its
 * storage, and for streams between pools.
 */

import { native } from "./native.js";

/**
 * The sum of the bytes from `begin` to before `end`, from 0 to 2^32 - 1. With a `crc`: of those of which that is the sum, and then
 * these. Allocates nothing. Throws a TypeError for a range that is not in the bytes.
 */
export function crc32c(bytes: Uint8Array, begin = 0, end = bytes.length, crc = 0): number {
	return native.crc32c(bytes, begin, end - begin, crc | 0) >>> 0;
}
