/**
 * EXTENDED COPY and RECEIVE COPY RESULTS with list identifiers of one byte (SPC-4, 6.4 and 6.20): blocks go from one unit of a target to another, or within
 * one, without passing through the initiator. In the table of operations. What is possible is told in a page of INQUIRY, too (`copy-page.ts`).
 */

import { turn } from "../turn.js";
import { uint32 } from "./cdb.js";
import {
	COPY_LIST_BYTES_MAX,
	type CopyList,
	type CopySegment,
	type CopyTarget,
	DescriptorType,
	ListIdUsage,
	readCopyList,
} from "./copy-list.js";
import { COPY_GRANULARITY } from "./copy-page.js";
import { CopyState } from "./copy-results.js";
import { type CopyRange, CopyWork, copyAborted } from "./copy-work.js";
import { isDesignated } from "./designators.js";
import { COPIES_MAX, COPY_SEGMENTS_MAX, COPY_TARGETS_MAX } from "./limits.js";
import type { Operation, Row, Units } from "./operation.js";
import { receiveParameters } from "./parameters.js";
import { Asc, ScsiStatus } from "./protocol.js";
import { refuse, succeed, succeedWith } from "./reply.js";
import { illegal, invalidField, type Sense } from "./sense.js";
import type { ScsiTask } from "./task.js";
import type { LogicalUnit } from "./unit.js";

function extendedCopy(task: ScsiTask, unit: LogicalUnit, units: Units): void {
	receiveParameters(task, uint32(task.cdb, 10), 10, (bytes) => {
		// (No list asks for nothing: that is no error.)
		if (bytes.length === 0) {
			succeed(task);
			return;
		}
		const list = readCopyList(bytes);
		const ranges = "key" in list ? list : rangesOf(list, units);
		if ("key" in list) refuse(task, list);
		else if ("key" in ranges) refuse(task, ranges);
		else begin(task, unit, list, ranges);
	});
}

function begin(task: ScsiTask, { copies }: LogicalUnit, list: CopyList, ranges: readonly CopyRange[]): void {
	const { nexus } = task;
	const { id, usage } = list;
	const hasId = usage !== ListIdUsage.none;
	if (hasId && copies.get(nexus, id)?.state === CopyState.underWay)
		refuse(task, illegal(Asc.operationInProgress));
	else if (copies.underWay(nexus) >= COPIES_MAX) task.end(ScsiStatus.busy);
	else {
		const result = copies.begin(nexus, hasId ? id : null);
		new CopyWork(task, ranges, result, (isWell) => {
			copies.end(nexus, result, isWell);
			if (usage === ListIdUsage.discard) copies.discard(nexus, id);
		}).begin();
	}
}

/** Where each segment is, of units that there are; all of them are looked at before anything is copied. */
function rangesOf({ targets, segments }: CopyList, units: Units): CopyRange[] | Sense {
	const found = targets.map((target) => unitOf(target, units));
	const ranges: CopyRange[] = [];
	for (const segment of segments) {
		if (segment.source >= targets.length || segment.destination >= targets.length)
			return copyAborted(Asc.copyUnreachable);
		const source = found[segment.source];
		const destination = found[segment.destination];
		if (source === undefined || destination === undefined) return copyAborted(Asc.copyTargetNotReachable);
		const range = rangeOf(segment, source, destination);
		if (range === undefined) return copyAborted(Asc.none);
		ranges.push(range);
	}
	return ranges;
}

/** Undefined: one of them has no such blocks. */
function rangeOf(segment: CopySegment, source: LogicalUnit, destination: LogicalUnit): CopyRange | undefined {
	const from = source.disk.device.info;
	const to = destination.disk.device.info;
	const counted = segment.countsDestination ? to : from;
	const lengthBytes = segment.blocks * counted.logicalBlockBytes;
	const sourceBytes = segment.sourceLba * from.logicalBlockBytes;
	const destinationBytes = segment.destinationLba * to.logicalBlockBytes;
	const isWhole = lengthBytes % from.logicalBlockBytes === 0 && lengthBytes % to.logicalBlockBytes === 0;
	const fits = sourceBytes + lengthBytes <= from.sizeBytes && destinationBytes + lengthBytes <= to.sizeBytes;
	return isWhole && fits ? { source, destination, sourceBytes, destinationBytes, lengthBytes } : undefined;
}

/** The unit of that name; undefined: there is none here, or not with such blocks. */
function unitOf(target: CopyTarget, units: Units): LogicalUnit | undefined {
	const luns = units.luns();
	turn.spend(luns.length);
	for (const lun of luns) {
		const unit = units.unit(lun);
		if (unit === undefined || !isDesignated(unit, target)) continue;
		const isFit = target.blockBytes === 0 || target.blockBytes === unit.disk.device.info.logicalBlockBytes;
		return isFit ? unit : undefined;
	}
	return undefined;
}

/** COPY STATUS: of one that is under way, or has ended and was not asked for. */
function copyStatus(task: ScsiTask, { copies }: LogicalUnit): void {
	const id = task.cdb[2]!;
	const result = copies.get(task.nexus, id);
	if (result === undefined) {
		refuse(task, invalidField(2));
		return;
	}
	if (result.state !== CopyState.underWay) copies.discard(task.nexus, id);
	const bytes = Buffer.alloc(12);
	bytes.writeUInt32BE(8, 0);
	bytes[4] = result.state;
	bytes.writeUInt16BE(result.segments, 5);
	// In units of a KiB.
	bytes[7] = 1;
	bytes.writeUInt32BE(Math.floor(result.bytes / 1024), 8);
	succeedWith(task, bytes, uint32(task.cdb, 10));
}

function operatingParameters(task: ScsiTask): void {
	const types = Object.values(DescriptorType);
	const bytes = Buffer.alloc(44 + types.length);
	bytes.writeUInt32BE(bytes.length - 4, 0);
	// (Without an identifier, too.)
	bytes[4] = 0x01;
	bytes.writeUInt16BE(COPY_TARGETS_MAX, 8);
	bytes.writeUInt16BE(COPY_SEGMENTS_MAX, 10);
	bytes.writeUInt32BE(COPY_LIST_BYTES_MAX, 12);
	bytes.writeUInt16BE(COPIES_MAX, 34);
	bytes[36] = COPIES_MAX;
	bytes[37] = COPY_GRANULARITY;
	bytes[43] = types.length;
	bytes.set(types, 44);
	succeedWith(task, bytes, uint32(task.cdb, 10));
}

const RECEIVED: readonly (readonly [number, Operation["start"]])[] = [
	[0x00, copyStatus],
	[0x03, operatingParameters],
];

export const EXTENDED_COPY_ROWS: readonly Row[] = [
	{ usage: "83000000000000000000ffffffff0000", action: 0x00, operation: { start: extendedCopy } },
	...RECEIVED.map(([action, start]) => ({
		usage: "8400ff00000000000000ffffffff0000",
		action,
		operation: { start },
	})),
];
