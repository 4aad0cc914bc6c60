/**
 * UNMAP (SBC-3, 5.25): a list of ranges that are no longer needed. The whole list is checked before the first is touched; it goes down as one
 * request, with what its ranges cover together.
 *
 *    header: bytes that follow (2), bytes of the list (2), 4 reserved; each entry: LBA (8), blocks (4), 4 reserved
 */

import { unite } from "../block/ranges.js";
import { turn } from "../turn.js";
import { capacityOf } from "./capacity.js";
import { uint16, uint32, uint64 } from "./cdb.js";
import { gather } from "./gather.js";
import { PARAMETER_BYTES_MAX, UNMAP_RANGES_MAX } from "./limits.js";
import type { Operation } from "./operation.js";
import { Asc, ScsiStatus } from "./protocol.js";
import { outOfRange, WRITE_PROTECTED } from "./range.js";
import { RangeWork } from "./range-work.js";
import { refuse } from "./reply.js";
import { illegal, invalidField, invalidParameter } from "./sense.js";
import type { ScsiTask } from "./task.js";

const ANCHOR = 0x01;
const HEADER_BYTES = 8;
const ENTRY_BYTES = 16;
/** What an entry costs: it is decoded, sorted and united, compared, copied for a worker. */
const STEPS_PER_ENTRY = 4;

/** Where each range begins and ends, in bytes; null: the task has ended. */
function decode(task: ScsiTask, list: Buffer): { starts: Float64Array; ends: Float64Array } | null {
	const unit = task.unit!;
	const { logicalBlockBytes } = unit.disk.device.info;
	const capacity = capacityOf(unit);
	const listBytes = Math.min(uint16(list, 2), list.length - HEADER_BYTES);
	// (What is no whole entry at the end is passed by.)
	const entries = Math.floor(listBytes / ENTRY_BYTES);
	if (entries > UNMAP_RANGES_MAX) {
		refuse(task, invalidParameter(2));
		return null;
	}
	turn.spend(entries * STEPS_PER_ENTRY);
	const starts = new Float64Array(entries);
	const ends = new Float64Array(entries);
	let count = 0;
	for (let at = HEADER_BYTES; at + ENTRY_BYTES <= HEADER_BYTES + listBytes; at += ENTRY_BYTES) {
		const lba = uint64(list, at);
		const blocks = uint32(list, at + 8);
		if (lba + blocks > capacity) {
			refuse(task, outOfRange(Math.max(lba, capacity)));
			return null;
		}
		if (blocks === 0) continue;
		starts[count] = lba * logicalBlockBytes;
		ends[count] = (lba + blocks) * logicalBlockBytes;
		count += 1;
	}
	return { starts: starts.subarray(0, count), ends: ends.subarray(0, count) };
}

function unmapList(task: ScsiTask, list: Buffer): void {
	if (list.length === 0) {
		task.end(ScsiStatus.good);
		return;
	}
	if (list.length < HEADER_BYTES) {
		refuse(task, illegal(Asc.listLength));
		return;
	}
	const decoded = decode(task, list);
	if (decoded === null) return;
	if (decoded.starts.length === 0) task.end(ScsiStatus.good);
	else RangeWork.take().trim(task, unite(decoded.starts, decoded.ends));
}

export const unmap: Operation = {
	start(task, unit) {
		const { canTrim, readOnly } = unit.disk.device.info;
		const { cdb } = task;
		const listBytes = uint16(cdb, 7);
		// (One that can only be read can't be trimmed for that reason alone.)
		if (readOnly) refuse(task, WRITE_PROTECTED);
		else if (!canTrim) refuse(task, illegal(Asc.opcode));
		else if ((cdb[1]! & ANCHOR) > 0) refuse(task, invalidField(1, 0));
		else if (listBytes > PARAMETER_BYTES_MAX) refuse(task, invalidField(7));
		else gather(task, listBytes, unmapList);
	},
};
