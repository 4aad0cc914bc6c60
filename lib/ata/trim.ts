/**
 * DATA SET MANAGEMENT with the TRIM bit (ACS-3, 7.5): a list of sector ranges that the host no longer needs. The whole list is
 * checked before the first range is touched. Listed in `disk.ts`.
 *
 *    63      48 47                    0
 *    +---------+-----------------------+
 *    | sectors |          LBA          |   an entry, little-endian; 64 to a 512-byte block; 0 sectors: not used
 *    +---------+-----------------------+
 *
 * However long the list and in whatever order, it goes down as one block request, with what its ranges cover together: so a
 * write that arrives while a list is being trimmed is not trimmed with it, and a list buys no more than a look at each entry.
 */

import { RANGES_MAX, unite } from "../block/ranges.js";
import { BlockOp } from "../block/request.js";
import { invariant, StorageStatus } from "../errors.js";
import { turn } from "../turn.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import type { AtaCommand, Operation } from "./command.js";

import { submit } from "./operation.js";
import { abort, notFound, storageFailed } from "./reply.js";
import type { DiskState } from "./state.js";

/** The feature register: bit 0 asks for TRIM; every other function is unknown to us. */
const FEATURE_TRIM = 0x01;
const ENTRY_BYTES = 8;
const BLOCK_ENTRIES = SECTOR_BYTES / ENTRY_BYTES;
/** What an entry costs: it is decoded, sorted and merged, compared, copied for a worker. */
const STEPS_PER_ENTRY = 4;

/**
 * Most 512-byte blocks of a list, for IDENTIFY: AoE's count register says no more. The frame sets a narrower
 * limit.
 */
export const TRIM_BLOCKS_MAX = 255;

export class Trim implements Operation {
	readonly kind = BlockOp.trim;
	/** The ranges of the list that is being looked at: where each begins and ends, in bytes. */
	readonly #starts = new Float64Array(TRIM_BLOCKS_MAX * BLOCK_ENTRIES);
	readonly #ends = new Float64Array(TRIM_BLOCKS_MAX * BLOCK_ENTRIES);
	#beyond = 0;

	constructor() {
		invariant(this.#starts.length <= RANGES_MAX, "a list has more ranges than a request");
	}

	start(disk: DiskState, command: AtaCommand): void {
		const { count, writeFlag, dataOutBytes } = command;
		const complete = writeFlag && count > 0 && dataOutBytes >= count * SECTOR_BYTES;
		const { canTrim, readOnly } = disk.device.info;
		if (!complete || command.feature !== FEATURE_TRIM || !canTrim || readOnly) {
			abort(disk, command);
			return;
		}
		turn.spend(count * BLOCK_ENTRIES * STEPS_PER_ENTRY);
		const ranges = this.#decode(command, disk.capacitySectors);
		if (ranges < 0) notFound(disk, command, this.#beyond);
		else if (ranges === 0) this.#over(disk, command);
		else this.#submit(disk, command, ranges);
	}

	/** Reads the list and returns how many ranges it has; -1 if one, from the sector `#beyond` on, is not on the disk. */
	#decode(command: AtaCommand, capacitySectors: number): number {
		const { memory, memoryOffset } = command.request;
		const { view } = memory;
		const end = memoryOffset + command.count * SECTOR_BYTES;
		let ranges = 0;
		for (let at = memoryOffset; at < end; at += ENTRY_BYTES) {
			const sectors = view.getUint16(at + 6, true);
			if (sectors === 0) continue;
			const lba = view.getUint32(at, true) + view.getUint16(at + 4, true) * 2 ** 32;
			if (lba + sectors > capacitySectors) {
				this.#beyond = Math.max(lba, capacitySectors);
				return -1;
			}
			this.#starts[ranges] = lba * SECTOR_BYTES;
			this.#ends[ranges] = (lba + sectors) * SECTOR_BYTES;
			ranges++;
		}
		return ranges;
	}

	#submit(disk: DiskState, command: AtaCommand, count: number): void {
		const ranges = unite(this.#starts.subarray(0, count), this.#ends.subarray(0, count));
		const first = ranges[0]!;
		const end = ranges.at(-2)! + ranges.at(-1)!;
		const { request } = command;
		request.ranges = ranges.length > 2 ? ranges : null;
		request.offsetBytes = first;
		submit(disk, command, BlockOp.trim, end - first);
	}

	finished(disk: DiskState, command: AtaCommand): void {
		const { request } = command;
		request.ranges = null;
		if (request.status === StorageStatus.ok) this.#over(disk, command);
		else storageFailed(disk, command);
	}

	#over(disk: DiskState, command: AtaCommand): void {
		disk.stats.did(BlockOp.trim, 0);
		command.answer();
	}
}
