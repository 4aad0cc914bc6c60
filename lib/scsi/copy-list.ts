/**
 * The parameters of EXTENDED COPY, by list identifiers of one byte (SPC-4, 6.4.3 to 6.4.6): which units are meant, by their names, and which blocks go
 * from where to where. Read by `extended-copy.ts`.
 */

import { uint16, uint24, uint32, uint64 } from "./cdb.js";
import { COPY_SEGMENTS_MAX, COPY_TARGETS_MAX } from "./limits.js";
import { Asc } from "./protocol.js";
import { illegal, invalidParameter, type Sense } from "./sense.js";

const HEADER_BYTES = 16;
export const TARGET_BYTES = 32;
export const SEGMENT_BYTES = 28;
/** Descriptors of identification, and of copies from blocks to blocks: the only ones that are known. */
export const DescriptorType = { blocks: 0x02, identification: 0xe4 } as const;
export const COPY_LIST_BYTES_MAX = COPY_TARGETS_MAX * TARGET_BYTES + COPY_SEGMENTS_MAX * SEGMENT_BYTES;
const DESTINATION_COUNTS = 0x02;

/** What becomes of a copy's results: kept until somebody asks; not kept; it has no identifier. */
export const ListIdUsage = { keep: 0, discard: 2, none: 3 } as const;

/** A unit, as it is named: one designator of those that it tells of itself. */
export interface CopyTarget {
	/** Code set, association and type (SPC-4, 7.8.6.1). */
	readonly codeSet: number;
	readonly association: number;
	readonly type: number;
	readonly designator: Buffer;
	/** Bytes of a block; 0: as it is. */
	readonly blockBytes: number;
}

export interface CopySegment {
	/** Which of the targets. */
	readonly source: number;
	readonly destination: number;
	readonly sourceLba: number;
	readonly destinationLba: number;
	/** Of the source, or, if it `countsDestination`, of the destination. */
	readonly blocks: number;
	readonly countsDestination: boolean;
}

export interface CopyList {
	readonly id: number;
	readonly usage: number;
	readonly targets: readonly CopyTarget[];
	readonly segments: readonly CopySegment[];
}

export function readCopyList(list: Buffer): CopyList | Sense {
	if (list.length < HEADER_BYTES) return illegal(Asc.listLength);
	const targetBytes = uint16(list, 2);
	const segmentBytes = uint32(list, 8);
	if (targetBytes + segmentBytes > COPY_LIST_BYTES_MAX) return illegal(Asc.listLength);
	if (uint32(list, 12) > 0) return illegal(Asc.inlineData);
	const segmentsAt = HEADER_BYTES + targetBytes;
	if (list.length < segmentsAt + segmentBytes) return illegal(Asc.listLength);
	const id = list[0]!;
	const usage = (list[1]! >> 3) & 0x03;
	if (usage === 1 || (usage === ListIdUsage.none && id !== 0)) return invalidParameter(1, 4);
	const targets = targetsIn(list.subarray(HEADER_BYTES, segmentsAt));
	if ("key" in targets) return targets;
	const segments = segmentsIn(list.subarray(segmentsAt, segmentsAt + segmentBytes));
	return "key" in segments ? segments : { id, usage, targets, segments };
}

function targetsIn(bytes: Buffer): CopyTarget[] | Sense {
	if (bytes.length % TARGET_BYTES !== 0) return invalidParameter(2);
	if (bytes.length / TARGET_BYTES > COPY_TARGETS_MAX) return illegal(Asc.tooManyTargets);
	const targets: CopyTarget[] = [];
	for (let at = 0; at < bytes.length; at += TARGET_BYTES) {
		if (bytes[at] !== DescriptorType.identification) return illegal(Asc.targetType);
		const length = bytes[at + 7]!;
		if (length > 20) return invalidParameter(HEADER_BYTES + at + 7);
		targets.push({
			codeSet: bytes[at + 4]! & 0x0f,
			association: (bytes[at + 5]! >> 4) & 0x03,
			type: bytes[at + 5]! & 0x0f,
			designator: Buffer.from(bytes.subarray(at + 8, at + 8 + length)),
			blockBytes: uint24(bytes, at + 29),
		});
	}
	return targets;
}

function segmentsIn(bytes: Buffer): CopySegment[] | Sense {
	const segments: CopySegment[] = [];
	for (let at = 0; at < bytes.length; at += SEGMENT_BYTES) {
		if (segments.length === COPY_SEGMENTS_MAX) return illegal(Asc.tooManySegments);
		if (bytes[at] !== DescriptorType.blocks) return illegal(Asc.segmentType);
		if (at + SEGMENT_BYTES > bytes.length) return illegal(Asc.listLength);
		if (uint16(bytes, at + 2) !== SEGMENT_BYTES - 4) return illegal(Asc.segmentType);
		segments.push({
			countsDestination: (bytes[at + 1]! & DESTINATION_COUNTS) > 0,
			source: uint16(bytes, at + 4),
			destination: uint16(bytes, at + 6),
			blocks: uint16(bytes, at + 10),
			sourceLba: uint64(bytes, at + 12),
			destinationLba: uint64(bytes, at + 20),
		});
	}
	return segments;
}
