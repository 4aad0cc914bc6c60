/**
 * DATA SET MANAGEMENT with the TRIM bit (ACS-3, 7.5): a list of sector ranges that the host no longer needs. The whole list is
 * checked before the first range is touched. Listed in `disk.ts`.
 *
 *    63      48 47                    0
 *    +---------+-----------------------+
 *    | sectors |          LBA          |   an entry, little-endian; 64 to a 512-byte block; 0 sectors: not used
 *    +---------+-----------------------+
 *
 * Each range is a block request of its own, and all are submitted when the list arrives: overlapping requests take effect
 * in the order in which they were submitted, so a write that arrives while a list is being trimmed is not trimmed with it.
 */

import { BlockOp, BlockRequest } from "../block/device.js";
import { invariant, StorageStatus } from "../errors.js";
import type { AtaCommand } from "./command.js";
import { SECTOR_BYTES } from "./opcodes.js";
import type { Operation } from "./operation.js";
import { abort, notFound, storageFailed, succeed } from "./reply.js";
import type { DiskState } from "./state.js";

/** The feature register: bit 0 asks for TRIM; every other function is unknown to us. */
const FEATURE_TRIM = 0x01;
const ENTRY_BYTES = 8;

/**
 * Most 512-byte blocks of a list, for IDENTIFY: AoE's count register says no more. The frame sets a narrower
 * limit.
 */
export const TRIM_BLOCKS_MAX = 255;

export class Trim implements Operation {
	start(disk: DiskState, command: AtaCommand): void {
		const { count, writeFlag, dataOutBytes } = command;
		const complete = writeFlag && count > 0 && dataOutBytes >= count * SECTOR_BYTES;
		const { canTrim, readOnly } = disk.blade.device.info;
		if (!complete || command.feature !== FEATURE_TRIM || !canTrim || readOnly) {
			abort(disk, command);
			return;
		}
		const list = new DataView(
			command.dataOutMemory.bytes.buffer,
			command.dataOutMemory.bytes.byteOffset + command.dataOutOffset,
			count * SECTOR_BYTES,
		);
		const ranges = rangesOf(list);
		const capacityBytes = disk.capacitySectors * SECTOR_BYTES;
		const beyond = ranges.find((range) => range.offsetBytes + range.lengthBytes > capacityBytes);
		if (beyond !== undefined) {
			notFound(disk, command, Math.max(beyond.offsetBytes, capacityBytes) / SECTOR_BYTES);
			return;
		}
		new TrimList(disk, command, ranges.length).submit(ranges);
	}

	finished(): void {
		invariant(false, "a TRIM is not itself a block request");
	}
}

/** A list on its way: answered when all its ranges are done. */
class TrimList {
	#left: number;
	#failed: BlockRequest | null = null;

	constructor(
		readonly disk: DiskState,
		readonly command: AtaCommand,
		ranges: number,
	) {
		this.#left = ranges;
	}

	submit(ranges: readonly BlockRange[]): void {
		if (ranges.length === 0) this.#answer();
		else this.disk.standby = false;
		for (const range of ranges) this.disk.blade.device.submit(new RangeTrim(this, range).begin());
	}

	ended(range: BlockRequest): void {
		if (range.status !== StorageStatus.ok) this.#failed ??= range;
		this.#left -= 1;
		if (this.#left === 0) this.#answer();
	}

	#answer(): void {
		const { disk, command } = this;
		if (this.#failed === null) {
			disk.blade.stats.trims += 1;
			succeed(command);
			return;
		}
		const { status, errno, failedOffsetBytes } = this.#failed;
		command.op = BlockOp.trim;
		command.status = status;
		command.errno = errno;
		command.failedOffsetBytes = failedOffsetBytes;
		storageFailed(disk, command);
	}
}

class RangeTrim extends BlockRequest {
	constructor(
		readonly list: TrimList,
		range: BlockRange,
	) {
		super();
		this.op = BlockOp.trim;
		this.offsetBytes = range.offsetBytes;
		this.lengthBytes = range.lengthBytes;
	}

	protected finished(): void {
		this.list.ended(this);
	}
}

/** A stretch of a device. */
interface BlockRange {
	readonly offsetBytes: number;
	readonly lengthBytes: number;
}

/**
 * The ranges of a list in its order, those that continue the one before joined to it: an entry holds only 32
 * MiB.
 */
function rangesOf(list: DataView): BlockRange[] {
	const ranges: BlockRange[] = [];
	for (let at = 0; at < list.byteLength; at += ENTRY_BYTES) {
		const lba = list.getUint32(at, true) + list.getUint16(at + 4, true) * 2 ** 32;
		const offsetBytes = lba * SECTOR_BYTES;
		const lengthBytes = list.getUint16(at + 6, true) * SECTOR_BYTES;
		if (lengthBytes === 0) continue;
		const last = ranges.at(-1);
		if (last !== undefined && last.offsetBytes + last.lengthBytes === offsetBytes)
			ranges[ranges.length - 1] = {
				offsetBytes: last.offsetBytes,
				lengthBytes: last.lengthBytes + lengthBytes,
			};
		else ranges.push({ offsetBytes, lengthBytes });
	}
	return ranges;
}
