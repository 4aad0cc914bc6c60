/**
 * What a segment of the log consists of, in pieces each of which is right or wrong by itself: headers of records, pages, ends of records, and the summary by
 * which all of these are known. Used by `scrub-segment.ts`, which has whole segments in memory.
 */

import { crc32c } from "../crc32c.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { BLOCK_BYTES, BLOCK_SECTORS, roundUp, SEGMENT_BYTES, SEGMENT_SECTORS } from "./format.js";
import {
	dataPlace,
	ENTRY_BYTES,
	HEADER_BYTES,
	type Header,
	headerBytes,
	newEntry,
	RecordKind,
	readEntry,
	readHeader,
	recordSectors,
} from "./record.js";

export interface Piece {
	/** In the segment. */
	readonly at: number;
	readonly lengthBytes: number;
	/** What is wrong if it is right nowhere; null: whoever wants it finds that. */
	readonly what: string | null;
	isRight(segment: Memory): boolean;
}

/** A summary: all records of its segment, packed, and where that is in the segment, with its header. */
export interface FoundSummary {
	readonly packed: Uint8Array;
	readonly piece: Piece;
}

/** That of a segment in memory; undefined: there is none that is whole. */
export function summaryIn({ bytes, view }: Memory, segment: number): FoundSummary | undefined {
	const last = SEGMENT_BYTES - BLOCK_BYTES;
	const header = readHeader(bytes, view, last);
	const position = (segment + 1) * SEGMENT_SECTORS - BLOCK_SECTORS;
	if (header?.kind !== RecordKind.summary || header.position !== position) return undefined;
	const at = last - roundUp(header.tailBytes, BLOCK_BYTES);
	if (at < 0 || crc32c(bytes, at, at + header.tailBytes) !== header.tailCrc) return undefined;
	const packed = bytes.slice(at, at + header.tailBytes);
	return { packed, piece: pieceOf(at, bytes.slice(at, SEGMENT_BYTES), null) };
}

/** Those of all records, in a segment that begins at a position; those that make no sense end them. */
export function* recordPieces(packed: Uint8Array, begin: number): Generator<Piece> {
	const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
	for (let at = 0; at < packed.length; ) {
		const header = readHeader(packed, view, at);
		if (header === undefined) return;
		const head = headerBytes(header.entryCount);
		const end = at + head + header.tailBytes;
		const inSegment = (header.position - begin) * SECTOR_BYTES;
		const isWithin = inSegment >= 0 && inSegment + bytesOf(header) <= SEGMENT_BYTES;
		if (end > packed.length || !isWithin) return;
		yield pieceOf(inSegment, packed.subarray(at, at + head), "the header of a record is damaged here");
		yield* pagePieces(packed.subarray(at, end), header, inSegment + BLOCK_BYTES);
		const tailAt = inSegment + BLOCK_BYTES + roundUp(header.dataSectors, BLOCK_SECTORS) * SECTOR_BYTES;
		if (header.tailBytes > 0)
			yield pieceOf(tailAt, packed.subarray(at + head, end), "the end of a record is damaged here");
		at = end;
	}
}

/** All of a record. */
function bytesOf({ dataSectors, tailBytes }: Header): number {
	return recordSectors(dataSectors, tailBytes) * SECTOR_BYTES;
}

/** `at`: where the first page is. */
function* pagePieces(record: Uint8Array, { entryCount, dataSectors }: Header, at: number): Generator<Piece> {
	const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
	const entry = newEntry();
	let sectors = 0;
	for (let i = 0; i < entryCount; i++) {
		const isEntry = readEntry(view, HEADER_BYTES + i * ENTRY_BYTES, entry);
		if (isEntry && entry.sectors === 0) continue;
		const place = dataPlace(sectors, entry.sectors);
		sectors = place + entry.sectors;
		if (!isEntry || sectors > dataSectors) return;
		const { crc } = entry;
		const from = at + place * SECTOR_BYTES;
		const lengthBytes = entry.sectors * SECTOR_BYTES;
		const isRight = ({ bytes }: Memory): boolean => crc32c(bytes, from, from + lengthBytes) === crc;
		yield { at: from, lengthBytes, what: null, isRight };
	}
}

/** What is known byte by byte. */
function pieceOf(at: number, known: Uint8Array, what: string | null): Piece {
	const end = at + known.length;
	const isRight = ({ bytes }: Memory): boolean => Buffer.compare(bytes.subarray(at, end), known) === 0;
	return { at, lengthBytes: known.length, what, isRight };
}

/** Where the records end that these pieces are of, in blocks. */
export function endOf(pieces: readonly Piece[]): number {
	return pieces.reduce(
		(end, { at, lengthBytes }) => Math.max(end, roundUp(at + lengthBytes, BLOCK_BYTES)),
		0,
	);
}
