/** Pages in memory: copied, and looked at. In C where the memory has an address, which a simulation's has not. Used by volumes. */

import { native } from "../native.js";
import type { Memory } from "../wire/memory.js";

/** False if the source is gone: a file that it was mapped from has shrunk. */
export function copyBytes(
	to: Memory,
	toOffset: number,
	from: Memory,
	fromOffset: number,
	length: number,
): boolean {
	if (to.address !== 0 && from.address !== 0)
		return native.copy(to.address + toOffset, from.address + fromOffset, length);
	to.bytes.set(from.bytes.subarray(fromOffset, fromOffset + length), toOffset);
	return true;
}

export function isZero({ bytes, view }: Memory, offset: number, length: number): boolean {
	const end = offset + length;
	let at = offset;
	for (; at + 8 <= end; at += 8)
		if (view.getFloat64(at, true) !== 0 || view.getInt32(at + 4, true) !== 0) return false;
	for (; at < end; at++) if (bytes[at] !== 0) return false;
	return true;
}
