/**
 * The typed door to the addon in `native/`: packet sockets, the storage engine, interfaces and memory. Everything here is
 * as plain as the C behind it; `lib/link/packet.ts`, `lib/link/interfaces.ts` and `lib/block/engine.ts` make rooms of it.
 * Functions that ask the system for something throw a `NativeError`; the ones of the hot path never throw.
 */

import { writeSync } from "node:fs";
import { loadAddon } from "./addon.js";
import { layoutDifferences } from "./native-layout.js";
import type { Addon } from "./native-types.js";
import { type Memory, memoryOf } from "./wire/memory.js";

export * from "./native-layout.js";
export type * from "./native-sockets.js";
export type * from "./native-types.js";

/** A failed system call: what was being done, and why it failed. */
export interface NativeError extends Error {
	/** A positive errno of Linux. */
	readonly errno: number;
	/** The step that failed, in one word: "open", "lock", "socket", "bind" ... */
	readonly step: string;
}

export function isNativeError(error: unknown): error is NativeError {
	return error instanceof Error && "errno" in error && "step" in error;
}

/** The errnos of Linux that anyone here asks for (asm-generic/errno-base.h). */
export const Errno = {
	EPERM: 1,
	ENOENT: 2,
	EIO: 5,
	ENXIO: 6,
	EAGAIN: 11,
	ENOMEM: 12,
	EACCES: 13,
	EFAULT: 14,
	EBUSY: 16,
	EXDEV: 18,
	ENODEV: 19,
	EINVAL: 22,
	ENFILE: 23,
	EMFILE: 24,
	ETXTBSY: 26,
	EFBIG: 27,
	ENOSPC: 28,
	EROFS: 30,
	EPIPE: 32,
	ERANGE: 34,
	EMSGSIZE: 90,
	EOPNOTSUPP: 95,
	EADDRINUSE: 98,
	ENETDOWN: 100,
	ECONNRESET: 104,
	ENOBUFS: 105,
	ETOOMANYREFS: 109,
	EDQUOT: 122,
} as const;

const STDERR = 2;
/** As for all that an operator can mend. */
const EXIT_OPERATOR = 2;

/** Ends the process if the addon is not of this version: whatever else it did would be wrong, and some of it to others' disks. */
function load(): Addon {
	const addon = loadAddon(".") as Addon;
	const differences = layoutDifferences(addon.layout ?? {});
	if (differences.length === 0) return addon;
	const [first] = differences;
	const line = `vblade: the addon is not of this version (${first}): please build it again (npm rebuild vblade, or npm run build:native)\n`;
	writeSync(STDERR, line);
	process.exit(EXIT_OPERATOR);
}

export const native = load();

/** Zeroed memory with an address; takes up space only where it has been touched. Throws a NativeError if there is none. */
export function nativeMemory(byteLength: number): Memory {
	const bytes = new Uint8Array(native.memory(byteLength));
	return memoryOf(bytes, native.addressOf(bytes));
}

/** Words below which they are as quickly cleared as asked of the kernel. */
const MANY_WORDS = 2 ** 18;

/**
 * So many words of zeros, which take up space only where they have been touched, if they are many. Those of an array that JavaScript makes
 * do so only at first: once C has been given back as many it clears them by hand, all of them, whenever they are wanted.
 */
export function zeroedWords(count: number): Int32Array {
	if (count < MANY_WORDS) return new Int32Array(count);
	return new Int32Array(native.memory(count * Int32Array.BYTES_PER_ELEMENT));
}
