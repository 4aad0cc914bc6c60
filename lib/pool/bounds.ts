/** What a volume can be: its name, its size, its pages. Asked of what users want (`allowed.ts`, `catalog.ts`), and of what storage says. */

import { PAGE_BYTES_MAX, PAGE_BYTES_MIN } from "./format.js";

/** Most sectors that an initiator can address. */
export const VOLUME_SECTORS_MAX = 2 ** 48 - 1;

/** As in files' names; what a moment or snapshot begins with is none. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
export const NAME_MAX = 127;
/** What is made of a name by the pool itself is longer. */
const STORED_NAME_MAX = 1023;

export function isName(name: unknown, lengthMax = STORED_NAME_MAX): name is string {
	return typeof name === "string" && name.length <= lengthMax && NAME.test(name);
}

/** A power of two. */
export function isPageSize(bytes: number): boolean {
	return bytes >= PAGE_BYTES_MIN && bytes <= PAGE_BYTES_MAX && Number.isInteger(Math.log2(bytes));
}

export function isVolumeSize(bytes: number): boolean {
	return bytes > 0 && bytes % 512 === 0 && bytes / 512 <= VOLUME_SECTORS_MAX;
}
