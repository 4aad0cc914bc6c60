/**
 * What a disk remembers from one ATA command to the next: the modes that initiators have set, whether it is in
 * standby. One per disk and shared by all its initiators, at whatever addresses; gone when the process ends,
 * which is this disk's power cycle. Read and changed by the operations in this
 * room; `AtaDisk` derives from it.
 */

import type { BlockDevice } from "../block/device.js";
import type { Disk, DiskIdentity, DiskStats } from "../disk.js";
import { SECTOR_BYTES } from "../wire/sector.js";

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
	/** Of `disk`, for those who need nothing else of it. */
	readonly device: BlockDevice;
	readonly stats: DiskStats;
	readonly identity: DiskIdentity;

	constructor(readonly disk: Disk) {
		this.device = disk.device;
		this.stats = disk.stats;
		this.identity = disk.identity;
	}

	/** Where a request goes in: with a limit, before it. */
	get entry(): BlockDevice {
		return this.disk.device.entry;
	}

	/** Sectors of the disk now; it may grow. */
	get capacitySectors(): number {
		return Math.floor(this.entry.info.sizeBytes / SECTOR_BYTES);
	}
}
