/**
 * DATA SET MANAGEMENT with the TRIM bit (ACS-3, 7.5): a list of sector ranges that the host no longer needs,
 * one block request each, one after the other. The whole list is checked before the first range is touched.
 * Listed in `disk.ts`.
 *
 *    63      48 47                    0
 *    +---------+-----------------------+
 *    | sectors |          LBA          |   one entry, little-endian; 64 to a block; 0 sectors: unused
 *    +---------+-----------------------+
 */

import { BlockOp } from "../block/device.js";
import { StorageStatus } from "../errors.js";
import type { AtaCommand, BlockRange } from "./command.js";
import { SECTOR_BYTES } from "./opcodes.js";
import { type Operation, submit, takeTurns } from "./operation.js";
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
		command.ranges = ranges;
		command.step = 0;
		this.#next(disk, command);
	}

	finished(disk: DiskState, command: AtaCommand): void {
		if (command.status !== StorageStatus.ok) {
			storageFailed(disk, command);
			return;
		}
		command.step += 1;
		takeTurns(command.step, this.#next, disk, command);
	}

	/** Trims the next range; `command.step` of them are done. */
	readonly #next = (disk: DiskState, command: AtaCommand): void => {
		const range = command.ranges[command.step];
		if (range === undefined) {
			disk.blade.stats.trims += 1;
			succeed(command);
			return;
		}
		submit(disk, command, BlockOp.trim, range.offsetBytes, range.lengthBytes);
	};
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
