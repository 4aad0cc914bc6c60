/**
 * The kinds of error this program knows, so that each one ends in the right place.
 *
 * 1. Our own bug: `invariant` throws an `InvariantError`; nobody catches it, the process ends loudly.
 * 2. Bad bytes from the network: never an exception. They end as a counter in `lib/aoe/stats.ts`, a drop or a protocol error.
 * 3. A storage operation that failed: a `StorageStatus` on the request, mapped to an ATA status in `lib/ata/status.ts`.
 * 4. The operator erred: an `OperatorError`; `lib/cli/` prints its one line to stderr and exits with 2.
 * 5. What the operator asked for fails, and nobody erred: a `FailedError`; its one line goes to stderr, and the exit status is 1.
 *
 * Used from every room; imports nothing.
 */

/** Something only a defect of this program can cause. */
export class InvariantError extends Error {
	override name = "InvariantError";
}

/** Throws an `InvariantError` unless `condition` holds. For what must be true, never for input of any kind. */
export function invariant(condition: unknown, message: string): asserts condition {
	if (!condition) throw new InvariantError(message);
}

/** For the default arm of an exhaustive switch: the compiler proves that it is never reached. */
export function unreachable(value: never): never {
	throw new InvariantError(`unexpected value ${String(value)}`);
}

/** The operator asked for something that can't be done. `message` is one line that names it and says what is allowed. */
export class OperatorError extends Error {
	override name = "OperatorError";
}

/**
 * What was asked for can't be finished: bytes that were given to read are damaged, a disk is full. `message` is one line that names
 * what and where.
 */
export class FailedError extends Error {
	override name = "FailedError";
}

/** Somebody else holds a lock on it. To all who show it, it is like any other that the operator can mend. */
export class InUseError extends OperatorError {}

/** There is no space for it, until somebody makes some. */
export class NoSpaceError extends OperatorError {}

/** Something of the state was kept, and is not what was kept any more: gone, or in a place that can't be read, or no sense is in it. */
export class DamagedError extends OperatorError {
	override name = "DamagedError";
}

/** What the system calls an error (`ENOSPC`), if it is one of the system's. */
export function codeOf(error: unknown): string | undefined {
	return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

/** How a block request ended. A closed set: every consumer switches over it exhaustively. */
export const StorageStatus = {
	/** Done. */
	ok: 0,
	/** The range is not, or no longer, inside the device. */
	outOfRange: 1,
	/** The storage could not read or write these bytes (EIO and its like). */
	mediumError: 2,
	/** A write, trim or flush of a device that is read-only. */
	readOnly: 3,
	/** The file system under a sparse file is full (ENOSPC, EDQUOT). */
	noSpace: 4,
	/** A sync failed, now or earlier: what is on stable storage is unknown until the operator acts. */
	syncFailed: 5,
	/** The device does not know this operation. */
	unsupported: 6,
	/** The device is closed, or was closed while the request waited. */
	closed: 7,
	/** A device that is not read-only, but its storage takes no changes at present (EROFS, EPERM and their like). */
	writeProtected: 8,
	/** Taken back by who asked for it, before anything of it had begun. */
	cancelled: 9,
	/** A remote device that has been out of reach for too long. A flush that ends so says it of all that was complete before; what comes later is another matter. */
	unreachable: 10,
} as const;
export type StorageStatus = (typeof StorageStatus)[keyof typeof StorageStatus];

/** The name of a storage status, for logs and test messages. */
export function storageStatusName(status: StorageStatus): string {
	for (const [name, value] of Object.entries(StorageStatus)) if (value === status) return name;
	return String(status);
}

/** The same for whoever is told why something could not be done. */
export function storageStatusText(status: StorageStatus): string {
	return storageStatusName(status).replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
