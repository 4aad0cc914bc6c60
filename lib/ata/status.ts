/**
 * The status and error registers, and what a block request's end becomes in them: one exhaustive switch for
 * the whole program. Used by `reply.ts`.
 */

import { BlockOp } from "../block/request.js";
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
}

const { err, df, drdy } = Status;
const { abrt, idnf, unc } = ErrorBit;

const DONE: AtaOutcome = { status: drdy, error: 0, report: false, failing: false };
const ABORTED: AtaOutcome = { status: drdy | err, error: abrt, report: false, failing: false };
const NOT_FOUND: AtaOutcome = { status: drdy | err, error: idnf, report: false, failing: false };
const UNREADABLE: AtaOutcome = { status: drdy | err, error: unc, report: true, failing: true };
// Not the initiator's doing, and it may pass: the medium is as good as it was.
const REFUSED: AtaOutcome = { status: drdy | err, error: abrt, report: true, failing: false };
// ACS-3 would be content with DF alone; initiators such as iPXE look at ERR only, so both are set.
const FAULT: AtaOutcome = { status: drdy | df | err, error: abrt, report: true, failing: true };
const GONE: AtaOutcome = { status: drdy | df | err, error: abrt, report: false, failing: false };

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
		case StorageStatus.noSpace:
		case StorageStatus.writeProtected:
			return REFUSED;
		case StorageStatus.syncFailed:
			return FAULT;
		case StorageStatus.readOnly:
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
