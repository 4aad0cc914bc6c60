/**
 * What a disk remembers from one command to the next: the modes that initiators have set, whether it is in
 * standby, whether its storage has failed. One per blade and shared by all its initiators, as with any disk;
 * gone when the process ends, which is this disk's power cycle. Read and changed by the operations in this
 * room; `AtaDisk` derives from it.
 */

import type { Blade } from "../aoe/blade.js";
import type { StorageStatus } from "../errors.js";
import type { AtaCommand } from "./command.js";
import { SECTOR_BYTES } from "./opcodes.js";

/**
 * Told of each command that failed because the storage did, before it is answered. `errno` is 0 if there is
 * none; `lba` is the first sector that failed, 0 for a flush. What an initiator brings upon itself (a bad
 * address, a write to a read-only blade) is not told.
 */
export type StorageErrorListener = (
	blade: Blade,
	command: AtaCommand,
	status: StorageStatus,
	errno: number,
	lba: number,
) => void;

/**
 * Most sectors that SET MULTIPLE MODE takes. AoE has no data blocks, so the mode changes nothing but what
 * IDENTIFY says.
 */
export const MULTIPLE_SECTORS_MAX = 16;

/**
 * SET FEATURES's code of the transfer mode a disk starts with: Ultra DMA 6. As meaningless here as all the
 * others.
 */
const TRANSFER_MODE_DEFAULT = 0x46;

export class DiskState {
	/** Spun down, as far as anyone can tell: the next access to the medium ends it. */
	standby = false;
	/** Sectors per block of READ and WRITE MULTIPLE; 0 if those commands are switched off. */
	multipleSectors = MULTIPLE_SECTORS_MAX;
	readLookAhead = true;
	/** As SET FEATURES 03h takes it: kind in bits 7:3, number in 2:0. */
	transferMode = TRANSFER_MODE_DEFAULT;
	smartEnabled = true;
	/** SMART EXECUTE OFF-LINE IMMEDIATE has been asked for. */
	offlineCollected = false;
	/**
	 * Commands that failed in a way that casts doubt on the storage. Never goes down: only the operator can
	 * mend that.
	 */
	faults = 0;
	onStorageError: StorageErrorListener | null = null;

	constructor(readonly blade: Blade) {}

	/** Sectors of the disk now; it may grow. */
	get capacitySectors(): number {
		return Math.floor(this.blade.device.info.sizeBytes / SECTOR_BYTES);
	}
}
