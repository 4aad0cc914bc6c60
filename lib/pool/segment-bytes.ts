/**
 * Bytes of a segment, in as many places as they lie: read from any copy of the storage or from a certain one, and written over all of them where one
 * was right alone. Used by whoever reads records: `replay.ts`, `summary.ts`, `examine.ts`.
 */

import { BlockOp } from "../block/request.js";
import { OperatorError } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { SEGMENT_BYTES, SEGMENT_SECTORS } from "./format.js";
import { copiesOf, hasOthers } from "./mend.js";
import { run } from "./run.js";
import type { Segments } from "./segments.js";

export interface SegmentRange {
	readonly segment: number;
	readonly offsetBytes: number;
	readonly lengthBytes: number;
}

export function wholeOf(segment: number): SegmentRange {
	return { segment, offsetBytes: 0, lengthBytes: SEGMENT_BYTES };
}

/** The copies of what a segment begins with, as a request names them, where there are several. */
export function otherCopies(segments: Segments, segment: number): readonly number[] {
	const device = segments.find(segment * SEGMENT_SECTORS);
	return device === undefined || !hasOthers(device) ? [] : copiesOf(device);
}

/** `copy`: as of a request, 0 is any. Throws an OperatorError. */
export function readBytes(segments: Segments, range: SegmentRange, into: Memory, copy = 0): Promise<void> {
	return transfer(segments, BlockOp.read, range, into, 0, copy);
}

/** Looked at at once whether there is anything: what a pool in an object store has here at all, or has not. */
const PART_BYTES = 256 * 1024;

/** All of a segment, but that what nobody ever stored is not read; `isFresh`: nothing was in that memory, which is not touched there either. Throws an OperatorError. */
export async function readFilled(
	segments: Segments,
	segment: number,
	into: Memory,
	isFresh: boolean,
): Promise<void> {
	let wanted = 0;
	for (let at = 0; at <= SEGMENT_BYTES; at += PART_BYTES) {
		const isOver = at === SEGMENT_BYTES;
		const device = isOver ? undefined : segments.find(segment * SEGMENT_SECTORS + at / SECTOR_BYTES);
		const isNothing = device !== undefined && segments.isNothing(segments.slot, at, PART_BYTES);
		if (!isOver && !isNothing) continue;
		const range = { segment, offsetBytes: wanted, lengthBytes: at - wanted };
		await transfer(segments, BlockOp.read, range, into, wanted, 0);
		wanted = at + PART_BYTES;
		if (isNothing && !isFresh) into.bytes.fill(0, at, wanted);
	}
}

/** Writes over all copies what was found right in one of them: `from` has it from `memoryOffset` on. Nobody else writes there meanwhile. Throws an OperatorError. */
export async function mendBytes(
	segments: Segments,
	range: SegmentRange,
	from: Memory,
	memoryOffset = 0,
): Promise<void> {
	await transfer(segments, BlockOp.write, range, from, memoryOffset, 0);
	const { segment, offsetBytes } = range;
	segments.whenMended(segments.nameOf(segment * SEGMENT_SECTORS + offsetBytes / SECTOR_BYTES), "the log");
}

async function transfer(
	segments: Segments,
	op: BlockOp,
	{ segment, offsetBytes, lengthBytes }: SegmentRange,
	memory: Memory,
	memoryOffset: number,
	copy: number,
): Promise<void> {
	const begin = segment * SEGMENT_SECTORS;
	for (let done = 0; done < lengthBytes; ) {
		const device = segments.find(begin + (offsetBytes + done) / SECTOR_BYTES);
		if (device === undefined)
			throw new OperatorError(`${segments.folder.path}: segment ${segment} of the log is nowhere`);
		const length = Math.min(lengthBytes - done, segments.table.reach * SECTOR_BYTES);
		const name = segments.fileNameOf(segments.slot);
		await run(device, op, segments.offsetBytes, length, memory, name, memoryOffset + done, copy);
		done += length;
	}
}
