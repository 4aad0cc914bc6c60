/**
 * How a command ends: one function for each way but plain success, whose registers `AtaDisk.execute` has already put into the
 * reply: that is `command.answer()` alone. These change what differs, count, and call it. The command may be reused at once, so
 * that call is the last thing anyone does with it.
 */

import { BlockOp } from "../block/request.js";
import type { ErrorCause } from "../disk.js";
import { turn } from "../turn.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import type { AtaCommand } from "./command.js";
import type { DiskState } from "./state.js";
import { ErrorBit, outcomeOf, Status } from "./status.js";

/** Success with `data`, at most `dataInCapacityBytes` of it; aborted if there is no room. */
export function succeedWithData(disk: DiskState, command: AtaCommand, data: Uint8Array): void {
	if (data.length > command.dataInCapacityBytes) {
		abort(disk, command);
		return;
	}
	turn.spend(data.length);
	const { room, roomOffset } = command.request;
	room.bytes.set(data, roomOffset);
	command.dataInBytes = data.length;
	command.replyCount = 0;
	command.answer();
}

/** ABRT: a command that is not known, or can't be carried out as it stands. */
export function abort(disk: DiskState, command: AtaCommand): void {
	fail(disk, command, "refused", Status.drdy | Status.err, ErrorBit.abrt, command.lba);
}

/** IDNF: `lba` is the first sector asked for that is not on the disk. */
export function notFound(disk: DiskState, command: AtaCommand, lba: number): void {
	fail(disk, command, "range", Status.drdy | Status.err, ErrorBit.idnf, lba);
}

/** The command's block request has failed. */
export function storageFailed(disk: DiskState, command: AtaCommand): void {
	const { disk: failed } = disk;
	const { op, status, errno, failedOffsetBytes } = command.request;
	const outcome = outcomeOf(status, op);
	const lba = op === BlockOp.flush ? 0 : Math.floor(failedOffsetBytes / SECTOR_BYTES);
	command.isGone = outcome.cause === "closed";
	if (outcome.failing) failed.faults += 1;
	if (outcome.report) failed.onFault?.(failed, op, status, errno, lba);
	fail(disk, command, outcome.cause, outcome.status, outcome.error, lba);
}

function fail(
	disk: DiskState,
	command: AtaCommand,
	cause: ErrorCause | null,
	status: number,
	error: number,
	lba: number,
): void {
	disk.stats.failed();
	if (cause !== null) disk.stats.causes[cause] += 1;
	command.replyStatus = status;
	command.replyError = error;
	command.replyLba = lba;
	command.answer();
}
