/**
 * The status and error registers, and what a block request's end becomes in them: one exhaustive switch for
 * the whole program. Used by `reply.ts`.
 */

import { BlockOp } from "../block/request.js";
import type { ErrorCause } from "../disk.js";
import { StorageStatus, unreachable } from "../errors.js";

/** Bits of the status register (ACS-3, 6.2). Linux's aoe driver fails the I/O if any of 0xa9 is set. */
export const Status = {
	/** Command completed with an error: the error register says which. */
	err: 0x01,
	/** Device fault: the device can't do what is asked, and asking again will not help. */
	df: 0x20,
	/** Device ready. Set in every answer. */
	drdy: 0x40,
} as const;

/** Bits of the error register (ACS-3, 6.3). */
export const ErrorBit = {
	/** Command aborted: not known, not allowed now, or its registers make no sense. */
	abrt: 0x04,
	/** The LBA is not on this disk. */
	idnf: 0x10,
	/** The data there can't be read. */
	unc: 0x40,
} as const;

/** What a block request's end means to an initiator, and to the operator. */
export interface AtaOutcome {
	readonly status: number;
	readonly error: number;
	/** The storage failed: the operator wants to know. False for what an initiator brought upon itself. */
	readonly report: boolean;
	/** The storage can no longer be trusted: SMART says so from now on. */
	readonly failing: boolean;
	/** Under which name it is counted; null for success. */
	readonly cause: ErrorCause | null;
}

const { err, df, drdy } = Status;
const { abrt, idnf, unc } = ErrorBit;

const NO_REPORT = { report: false, failing: false } as const;
const DONE: AtaOutcome = { status: drdy, error: 0, ...NO_REPORT, cause: null };
const ABORTED: AtaOutcome = { status: drdy | err, error: abrt, ...NO_REPORT, cause: "refused" };
const READ_ONLY: AtaOutcome = { ...ABORTED, cause: "protected" };
const NOT_FOUND: AtaOutcome = { status: drdy | err, error: idnf, ...NO_REPORT, cause: "range" };
const UNREADABLE: AtaOutcome = {
	status: drdy | err,
	error: unc,
	report: true,
	failing: true,
	cause: "medium",
};
// Not the initiator's doing, and it may pass: the medium is as good as it was.
const PROTECTED: AtaOutcome = { ...READ_ONLY, report: true };
const FULL: AtaOutcome = { ...PROTECTED, cause: "space" };
// ACS-3 would be content with DF alone; initiators such as iPXE look at ERR only, so both are set.
const FAULT: AtaOutcome = { ...UNREADABLE, status: drdy | df | err, error: abrt };
const SYNC_FAULT: AtaOutcome = { ...FAULT, cause: "sync" };
const GONE: AtaOutcome = { ...FAULT, ...NO_REPORT, cause: "closed" };

/**
 * The registers for a request of kind `op` that ended with `status`.
 *
 * UNC is for reads alone, as in ACS-3: a write that the medium refuses is a device fault there. A write to a
 * read-only disk is ABRT: the write-protect bit of older standards was for removable media and ACS-3 has
 * retired it.
 */
export function outcomeOf(status: StorageStatus, op: BlockOp): AtaOutcome {
	switch (status) {
		case StorageStatus.ok:
			return DONE;
		case StorageStatus.outOfRange:
			return NOT_FOUND;
		case StorageStatus.mediumError:
			return op === BlockOp.read ? UNREADABLE : FAULT;
		// (Its bytes are not damaged, so a read is no UNC.)
		case StorageStatus.unreachable:
			return FAULT;
		case StorageStatus.noSpace:
			return FULL;
		case StorageStatus.writeProtected:
			return PROTECTED;
		case StorageStatus.syncFailed:
			return SYNC_FAULT;
		case StorageStatus.readOnly:
			return READ_ONLY;
		case StorageStatus.unsupported:
			return ABORTED;
		case StorageStatus.closed:
		// Nobody cancels what an initiator waits for; but if so it is like a device that is gone.
		case StorageStatus.cancelled:
			return GONE;
		default:
			return unreachable(status);
	}
}
