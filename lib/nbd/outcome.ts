/** What a request asks of the disk, what its end is on the wire, and to the operator: one exhaustive switch; and how failures are counted. Used by `command.ts`. */

import { BlockOp } from "../block/request.js";
import type { Disk, ErrorCause } from "../disk.js";
import { StorageStatus, unreachable } from "../errors.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { NbdError } from "./protocol.js";

interface NbdOutcome {
	readonly error: NbdError;
	/** The storage failed: the operator wants to know. */
	readonly report: boolean;
	/** It can no longer be trusted. */
	readonly failing: boolean;
	/** Under which name it is counted; null for success. */
	readonly cause: ErrorCause | null;
}

function quiet(error: NbdError, cause: ErrorCause | null): NbdOutcome {
	return { error, report: false, failing: false, cause };
}

const DONE = quiet(NbdError.none, null);
const READ_ONLY = quiet(NbdError.EPERM, "protected");
const UNSUPPORTED = quiet(NbdError.ENOTSUP, "refused");
const GONE = quiet(NbdError.ESHUTDOWN, "closed");
const BEYOND_READING = quiet(NbdError.EINVAL, "range");
const BEYOND_WRITING = quiet(NbdError.ENOSPC, "range");
const MEDIUM: NbdOutcome = { error: NbdError.EIO, report: true, failing: true, cause: "medium" };
const SYNC: NbdOutcome = { ...MEDIUM, cause: "sync" };
const FULL: NbdOutcome = { error: NbdError.ENOSPC, report: true, failing: false, cause: "space" };
const PROTECTED: NbdOutcome = { error: NbdError.EPERM, report: true, failing: false, cause: "protected" };

/** For a request that ended with `status`. What is to be written beyond the end has no space; all else there has no sense. */
function outcomeOf(status: StorageStatus, op: BlockOp): NbdOutcome {
	switch (status) {
		case StorageStatus.ok:
			return DONE;
		case StorageStatus.outOfRange:
			return op === BlockOp.write || op === BlockOp.writeZeroes ? BEYOND_WRITING : BEYOND_READING;
		case StorageStatus.mediumError:
		case StorageStatus.unreachable:
			return MEDIUM;
		case StorageStatus.readOnly:
			return READ_ONLY;
		case StorageStatus.noSpace:
			return FULL;
		case StorageStatus.syncFailed:
			return SYNC;
		case StorageStatus.unsupported:
			return UNSUPPORTED;
		case StorageStatus.closed:
		case StorageStatus.cancelled:
			return GONE;
		case StorageStatus.writeProtected:
			return PROTECTED;
		default:
			return unreachable(status);
	}
}

/** What is asked of the disk, by `Command`. */
const OPS: readonly (BlockOp | undefined)[] = [
	BlockOp.read,
	BlockOp.write,
	undefined,
	BlockOp.flush,
	BlockOp.trim,
	BlockOp.read,
	BlockOp.writeZeroes,
	BlockOp.extents,
];

/** What a request of that type asks of the disk. */
export function opOf(type: number): BlockOp {
	return OPS[type] ?? BlockOp.read;
}

/** A command has failed since the disk has: counted, and told. Returns what the client gets. */
export function countFailure(
	disk: Disk,
	op: BlockOp,
	status: StorageStatus,
	errno: number,
	failedBytes: number,
): NbdError {
	const { error, report, failing, cause } = outcomeOf(status, op);
	const lba = op === BlockOp.flush ? 0 : Math.floor(failedBytes / SECTOR_BYTES);
	if (failing) disk.faults += 1;
	if (report) disk.onFault?.(disk, op, status, errno, lba);
	disk.stats.failed();
	if (cause !== null) disk.stats.causes[cause] += 1;
	return error;
}

/** A command was not carried out, for what the client had asked for. */
export function countRefusal(disk: Disk, error: NbdError): void {
	disk.stats.failed();
	if (error === NbdError.EPERM) disk.stats.causes[disk.holds.isAny ? "access" : "protected"] += 1;
	else disk.stats.causes[error === NbdError.ENOSPC ? "range" : "refused"] += 1;
}
