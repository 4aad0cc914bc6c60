/**
 * Looks at all that one segment of the log has: each record's header, entries and notes against the segment's summary, and each page
 * against its checksum. Used by `examine.ts`, which has read the segment.
 */

import { crc32c } from "../crc32c.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { BLOCK_BYTES, BLOCK_SECTORS, roundUp, SEGMENT_SECTORS } from "./format.js";
import {
	crcInHeader,
	dataPlace,
	ENTRY_BYTES,
	HEADER_BYTES,
	type Header,
	headerBytes,
	newEntry,
	readEntry,
	readHeader,
} from "./record.js";

/** What is told of what was found. */
export interface SegmentFindings {
	/** `position`: in the log. */
	damaged(position: number, what: string): void;
	/** A page of a line is not what was written. */
	badPage(position: number, line: number, page: number, sectors: number): void;
	/** A record was looked at. */
	record(header: Header, crc: number): void;
	/** So many pages of it. */
	pages(count: number): void;
}

/** `packed`: all records of the segment, as a summary has them. `doPages`: each page is looked at, too. */
export function examineSegment(
	segment: Memory,
	number: number,
	packed: Uint8Array,
	doPages: boolean,
	findings: SegmentFindings,
): void {
	const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
	for (let at = 0; at < packed.length; ) {
		const header = readHeader(packed, view, at);
		const end = header === undefined ? packed.length + 1 : at + lengthOf(header);
		const begin = number * SEGMENT_SECTORS;
		if (header === undefined || end > packed.length || !isWithin(header, begin)) {
			findings.damaged(begin, "the summary of this segment is none of records");
			return;
		}
		const record = packed.subarray(at, end);
		examineRecord(segment, (header.position - begin) * SECTOR_BYTES, header, record, findings);
		if (doPages) examinePages(segment, (header.position - begin) * SECTOR_BYTES, header, record, findings);
		findings.record(header, crcInHeader(view, at));
		at = end;
	}
}

/** In a summary. */
function lengthOf({ entryCount, tailBytes }: Header): number {
	return headerBytes(entryCount) + tailBytes;
}

/** Of the segment that begins at a position, with all that it has. */
function isWithin({ position, dataSectors, tailBytes }: Header, begin: number): boolean {
	const sectors =
		BLOCK_SECTORS + roundUp(dataSectors, BLOCK_SECTORS) + roundUp(tailBytes, BLOCK_BYTES) / SECTOR_BYTES;
	return position >= begin && position + sectors <= begin + SEGMENT_SECTORS;
}

/** What lies before and behind its pages is the same as in the summary. */
function examineRecord(
	{ bytes }: Memory,
	at: number,
	{ position, entryCount, dataSectors, tailBytes }: Header,
	packed: Uint8Array,
	findings: SegmentFindings,
): void {
	const head = headerBytes(entryCount);
	if (Buffer.compare(bytes.subarray(at, at + head), packed.subarray(0, head)) !== 0)
		findings.damaged(position, "the header of a record is damaged here");
	const tailAt = at + BLOCK_BYTES + roundUp(dataSectors, BLOCK_SECTORS) * SECTOR_BYTES;
	if (Buffer.compare(bytes.subarray(tailAt, tailAt + tailBytes), packed.subarray(head)) !== 0)
		findings.damaged(position + (tailAt - at) / SECTOR_BYTES, "the end of a record is damaged here");
}

function examinePages(
	{ bytes }: Memory,
	at: number,
	{ position, entryCount, dataSectors }: Header,
	packed: Uint8Array,
	findings: SegmentFindings,
): void {
	const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
	const entry = newEntry();
	let sectors = 0;
	let count = 0;
	for (let i = 0; i < entryCount; i++) {
		const isEntry = readEntry(view, HEADER_BYTES + i * ENTRY_BYTES, entry);
		if (isEntry && entry.sectors === 0) continue;
		const place = dataPlace(sectors, entry.sectors);
		if (!isEntry || place + entry.sectors > dataSectors) {
			findings.damaged(position, "the entries of a record make no sense here");
			return;
		}
		const from = at + BLOCK_BYTES + place * SECTOR_BYTES;
		count++;
		if (crc32c(bytes, from, from + entry.sectors * SECTOR_BYTES) !== entry.crc)
			findings.badPage(position + BLOCK_SECTORS + place, entry.volume, entry.page, entry.sectors);
		sectors = place + entry.sectors;
	}
	findings.pages(count);
}
