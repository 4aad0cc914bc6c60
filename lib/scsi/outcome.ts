/**
 * How what a task asked of the storage has ended, for the initiator and for the operator: one exhaustive switch, where
 * failures are counted too. Called by the works of this room.
 */

import { BlockOp } from "../block/request.js";
import type { Disk, ErrorCause } from "../disk.js";
import { StorageStatus, unreachable } from "../errors.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { broughtHere } from "./coming.js";
import { Asc, SenseKey } from "./protocol.js";
import { BECOMING_READY, illegal, type Sense } from "./sense.js";

/** What a request that has failed means. */
interface Outcome {
	readonly sense: Sense;
	/** The storage failed: the operator wants to know. */
	readonly report: boolean;
	/** It can no longer be trusted. */
	readonly failing: boolean;
	readonly cause: ErrorCause;
	/** Which block it was is worth knowing. */
	readonly hasPlace: boolean;
}

function quiet(sense: Sense, cause: ErrorCause, hasPlace = false): Outcome {
	return { sense, report: false, failing: false, cause, hasPlace };
}

function loud(sense: Sense, cause: ErrorCause, failing: boolean, hasPlace: boolean): Outcome {
	return { sense, report: true, failing, cause, hasPlace };
}

const { dataProtect, mediumError, notReady } = SenseKey;
const BEYOND = quiet(illegal(Asc.lbaOutOfRange), "range", true);
const UNREADABLE = loud({ key: mediumError, asc: Asc.unrecoveredRead }, "medium", true, true);
const UNWRITABLE = loud({ key: mediumError, asc: Asc.writeError }, "medium", true, true);
const UNREACHABLE = loud({ key: notReady, asc: Asc.unreachable }, "medium", true, false);
const READ_ONLY = quiet({ key: dataProtect, asc: Asc.writeProtected }, "protected");
const PROTECTED = loud(READ_ONLY.sense, "protected", false, false);
/** (SBC-3, 4.7.3.6.) */
const FULL = loud({ key: dataProtect, asc: Asc.spaceAllocationFailed }, "space", false, true);
const SYNC = loud(UNWRITABLE.sense, "sync", true, false);
const UNSUPPORTED = quiet(illegal(Asc.opcode), "refused");
/** Initiators ask again: by then it is there once more, or they are told that it is not. */
const GONE = quiet(BECOMING_READY, "closed");

/** Null: it has not failed. */
function outcomeOf(status: StorageStatus, op: BlockOp): Outcome | null {
	switch (status) {
		case StorageStatus.ok:
			return null;
		case StorageStatus.outOfRange:
			return BEYOND;
		case StorageStatus.mediumError:
			return op === BlockOp.read || op === BlockOp.extents ? UNREADABLE : UNWRITABLE;
		case StorageStatus.unreachable:
			return UNREACHABLE;
		case StorageStatus.readOnly:
			return READ_ONLY;
		case StorageStatus.writeProtected:
			return PROTECTED;
		case StorageStatus.noSpace:
			return FULL;
		case StorageStatus.syncFailed:
			return SYNC;
		case StorageStatus.unsupported:
			return UNSUPPORTED;
		case StorageStatus.closed:
		case StorageStatus.cancelled:
			return GONE;
		default:
			return unreachable(status);
	}
}

/** A request has failed: counted, and told. Returns what the initiator gets; null if all is well. */
export function failureOf(
	disk: Disk,
	op: BlockOp,
	status: StorageStatus,
	errno: number,
	failedBytes: number,
): Sense | null {
	const outcome = outcomeOf(status, op);
	if (outcome === null) return null;
	const { tenure } = disk.device;
	// (It is reserved, and not known here by whom.)
	if (outcome === PROTECTED && tenure?.partner?.hasIt) return broughtHere(tenure.partner);
	const { sense, report, failing, cause, hasPlace } = outcome;
	const isPlaced = hasPlace && op !== BlockOp.flush;
	if (failing) disk.faults += 1;
	if (report) disk.onFault?.(disk, op, status, errno, isPlaced ? Math.floor(failedBytes / SECTOR_BYTES) : 0);
	disk.stats.failed();
	disk.stats.causes[cause] += 1;
	if (!isPlaced) return sense;
	return { ...sense, information: Math.floor(failedBytes / disk.device.info.logicalBlockBytes) };
}
