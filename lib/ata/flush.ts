/**
 * FLUSH CACHE and FLUSH CACHE EXT, and the commands that imply a flush: whoever disables the write cache or
 * puts the disk to standby expects what was written to be on stable storage afterwards (ACS-3,
 * SET FEATURES and power management). Listed in `disk.ts`.
 */

import { BlockOp } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import type { AtaCommand, Operation } from "./command.js";
import { submit } from "./operation.js";
import { storageFailed } from "./reply.js";
import type { DiskState } from "./state.js";

/** Asks the storage to make everything written so far stable. */
export function submitFlush(disk: DiskState, command: AtaCommand): void {
	command.request.offsetBytes = 0;
	submit(disk, command, BlockOp.flush, 0);
}

/** The flush of a command is over: answers it, after what else happens once everything is stable. */
export function flushFinished(
	disk: DiskState,
	command: AtaCommand,
	flushed: (disk: DiskState) => void,
): void {
	if (command.request.status !== StorageStatus.ok) {
		storageFailed(disk, command);
		return;
	}
	disk.stats.did(BlockOp.flush, 0);
	flushed(disk);
	command.answer();
}

export class Flush implements Operation {
	readonly kind = BlockOp.flush;

	constructor(private readonly flushed: (disk: DiskState) => void = () => {}) {}

	start(disk: DiskState, command: AtaCommand): void {
		submitFlush(disk, command);
	}

	finished(disk: DiskState, command: AtaCommand): void {
		flushFinished(disk, command, this.flushed);
	}
}

/**
 * STANDBY, STANDBY IMMEDIATE and SLEEP. A sleeping disk wakes only when it is reset, and AoE has no way to
 * reset one: SLEEP is standby here. The timer of STANDBY is accepted and never fires.
 */
export const standby = new Flush((disk) => {
	disk.standby = true;
});
