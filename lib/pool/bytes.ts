/** Pages in memory: copied, and looked at, in C, which needs no object for a part of an array. Used by volumes. */

import { native } from "../native.js";
import type { Memory } from "../wire/memory.js";

export function copyBytes(
	to: Memory,
	toOffset: number,
	from: Memory,
	fromOffset: number,
	length: number,
): void {
	native.copyBytes(to.bytes, toOffset, from.bytes, fromOffset, length);
}

export function isZero({ bytes }: Memory, offset: number, length: number): boolean {
	return native.isZero(bytes, offset, length);
}
