/**
 * SET FEATURES and SET MULTIPLE MODE: the modes an initiator may change (ACS-3, 7.45 and 7.46). What IDENTIFY
 * does not offer is aborted. Listed in `disk.ts`.
 */

import type { AtaCommand, Operation } from "./command.js";
import { flushFinished, submitFlush } from "./flush.js";
import { abort } from "./reply.js";
import { type DiskState, MULTIPLE_SECTORS_MAX } from "./state.js";

/** The subcommands we know, by the feature register. */
const Feature = {
	enableWriteCache: 0x02,
	setTransferMode: 0x03,
	disableReadLookAhead: 0x55,
	disableWriteCache: 0x82,
	enableReadLookAhead: 0xaa,
} as const;

/** Kinds of transfer mode: bits 7:3 of the count register. */
const TransferKind = { pioDefault: 0, pioFlowControl: 1, multiwordDma: 4, ultraDma: 8 } as const;
/** Highest mode of each kind that IDENTIFY offers. */
export const PIO_MODE_MAX = 4;
export const MULTIWORD_DMA_MODE_MAX = 2;
export const ULTRA_DMA_MODE_MAX = 6;

export class SetFeatures implements Operation {
	start(disk: DiskState, command: AtaCommand): void {
		const { device } = disk;
		switch (command.feature) {
			case Feature.enableWriteCache:
				if (!device.setWriteCache(true)) break;
				command.answer();
				return;
			case Feature.disableWriteCache:
				if (!device.setWriteCache(false)) break;
				submitFlush(disk, command);
				return;
			case Feature.setTransferMode:
				if (!setTransferMode(disk, command.count)) break;
				command.answer();
				return;
			case Feature.enableReadLookAhead:
			case Feature.disableReadLookAhead:
				disk.readLookAhead = command.feature === Feature.enableReadLookAhead;
				command.answer();
				return;
		}
		abort(disk, command);
	}

	/** Disabling the write cache ends with a flush. */
	finished(disk: DiskState, command: AtaCommand): void {
		flushFinished(disk, command, () => {});
	}
}

/** True if the mode is one that IDENTIFY offers. There is no bus to set up: it is remembered for IDENTIFY. */
function setTransferMode(disk: DiskState, count: number): boolean {
	const mode = count & 0x07;
	switch (count >>> 3) {
		case TransferKind.pioDefault:
			// 0 the default mode, 1 the same without IORDY; neither changes the DMA mode that is selected.
			return mode <= 1;
		case TransferKind.pioFlowControl:
			return mode <= PIO_MODE_MAX;
		case TransferKind.multiwordDma:
			if (mode > MULTIWORD_DMA_MODE_MAX) return false;
			break;
		case TransferKind.ultraDma:
			if (mode > ULTRA_DMA_MODE_MAX) return false;
			break;
		default:
			return false;
	}
	disk.transferMode = count;
	return true;
}

/** SET MULTIPLE MODE: 0 switches READ and WRITE MULTIPLE off, a power of two up to the maximum on. */
export function setMultipleMode(disk: DiskState, command: AtaCommand): void {
	const { count } = command;
	const isPowerOfTwo = (count & (count - 1)) === 0;
	if (!isPowerOfTwo || count > MULTIPLE_SECTORS_MAX) {
		abort(disk, command);
		return;
	}
	disk.multipleSectors = count;
	command.answer();
}
