/**
 * What a file is opened with, and what the operator is told where that fails. `file.ts` opens for its own process; here is the first
 * half of opening for another one, `openToPass`, which needs rights that who serves the file has given up.
 */

import { InUseError, OperatorError } from "../errors.js";
import {
	Errno,
	isNativeError,
	native,
	OPEN_DIRECT,
	OPEN_READ_ONLY,
	OPEN_SYNCED,
	type PassedFile,
} from "../native.js";

/** Who locks files as we do: a lock does not tell which of them. */
const OTHERS = "another vblade, or by another blade of this one";

export interface FileOptions {
	readonly readOnly: boolean;
	/** Open with O_DIRECT: the page cache is passed by. */
	readonly direct: boolean;
	/** What is going to be served of it: that is locked. Without a length, all from the offset on. */
	readonly offsetBytes?: number;
	readonly lengthBytes?: number | undefined;
	/** Each batch of writes is going to be followed by a flush: the storage need not wait for it to begin. */
	readonly synced?: boolean;
	/** Calls off what has not begun: an opening that waits its turn, or for a thread. */
	readonly signal?: AbortSignal;
	/** Told at once if there is no address space left for it: what is in memory is then read and written by a longer way. */
	readonly onUnmapped?: () => void;
}

export type MemoryOptions = Pick<FileOptions, "readOnly" | "onUnmapped">;

/** The arguments of the addon's functions that open: path, flags, and what is going to be served. */
export function openingOf(path: string, options: FileOptions): [string, number, number, number] {
	return [pathOf(path), flagsOf(options), ...partOf(options)];
}

/** Opens and locks a file for another process, which adopts it. Throws a NativeError, which that one explains, or an OperatorError. */
export function openToPass(path: string, options: FileOptions): Promise<PassedFile> {
	return native.fileOpenFor("", ...openingOf(path, options));
}

export function flagsOf({ readOnly, direct, synced = false }: FileOptions): number {
	return (readOnly ? OPEN_READ_ONLY : 0) | (direct ? OPEN_DIRECT : 0) | (synced ? OPEN_SYNCED : 0);
}

/** Where it begins and how long it is. No file is longer than what a number holds exactly; that a part is not in it comes out later. */
function partOf({ offsetBytes = 0, lengthBytes = 0 }: FileOptions): [number, number] {
	return [Math.min(offsetBytes, Number.MAX_SAFE_INTEGER), Math.min(lengthBytes, Number.MAX_SAFE_INTEGER)];
}

function pathOf(path: string): string {
	if (path.includes("\0"))
		throw new OperatorError(`${JSON.stringify(path)}: a file name has no NUL character`);
	return path;
}

/** A NativeError in words, and whatever else as it is. */
export function explained(path: string, error: unknown, options: FileOptions): unknown {
	if (!isNativeError(error)) return error;
	const { step, errno, message } = error;
	const text = `${path}: ${explain(step, errno, options) ?? message.toLowerCase()}`;
	return step === "lock" && errno === Errno.EAGAIN ? new InUseError(text) : new OperatorError(text);
}

/** The same for memory. */
export function explainedMemory(name: string, error: unknown): unknown {
	if (!isNativeError(error)) return error;
	const isLimited = error.errno === Errno.EFBIG;
	const why = isLimited
		? "larger than a file of this process may be (ulimit -f)"
		: error.message.toLowerCase();
	return new OperatorError(`${name}: ${why}`);
}

/** The cases in which the operator can do something that the system's own words do not say. */
function explain(step: string, errno: number, options: FileOptions): string | undefined {
	if (errno === Errno.ENOENT) return "there is no such file";
	if (step === "protect") return "is a read-only block device; use -r to export it read-only";
	if (step === "type") return "is neither a regular file nor a block device";
	if (step === "lock" && errno === Errno.EAGAIN) return `is in use by ${OTHERS} (it holds a lock on it)`;
	if (step === "swap" && errno === Errno.ETXTBSY) return "is swap space of this machine";
	if (step === "loop")
		return "is in use by a loop device of this machine (losetup -l tells which); -r exports it read-only";
	if (step === "part" && errno === Errno.EAGAIN) {
		const isPart = (options.offsetBytes ?? 0) > 0 || options.lengthBytes !== undefined;
		const what = isPart ? "some of these sectors are" : "is";
		return `${what} in use by ${OTHERS}, or by another program (it holds a lock on a part of it)`;
	}
	if (step === "open") {
		if (errno === Errno.EBUSY)
			return `is in use on this machine (mounted, part of another device, or served by ${OTHERS}); -r exports it read-only`;
		if (errno === Errno.EINVAL && options.direct) return "its file system has no direct I/O; leave out -d";
		if (errno === Errno.EROFS) return "is on a read-only file system; use -r to export it read-only";
		if (errno === Errno.EACCES || errno === Errno.EPERM)
			return options.readOnly
				? "may not be read by this user"
				: "may not be written by this user; use -r to export it read-only";
	}
	return undefined;
}
