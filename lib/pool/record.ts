/**
 * A record of the log as bytes: a header, its entries, and what does not fit into the header's block behind the pages. Written by
 * `gather.ts` and `seal.ts`, read by `replay.ts`. docs/pools.md has the layout.
 *
 *    +--------+---------------------+---------------------+-----------------------------------+
 *    | header | entries, 251 at most| pages, 4 KiB aligned| tail: further entries, then notes |
 *    +--------+---------------------+---------------------+-----------------------------------+
 *    0        80                    4096                  4096 + data, rounded up to 4 KiB
 *
 * A summary has its header in the last block of its segment and its tail before that; the tail holds all headers, entries and
 * notes of the segment, packed.
 */

import { crc32c } from "../crc32c.js";
import {
	BLOCK_BYTES,
	BLOCK_SECTORS,
	putU48,
	putU64,
	RECORD_ENTRIES,
	roundUp,
	takeU48,
	takeU64,
} from "./format.js";

export const RECORD_MAGIC = 0x52424c56; // "VLBR"
export const HEADER_BYTES = 80;
export const ENTRY_BYTES = 16;
/** Entries that the header's block has room for. */
export const HEADER_ENTRIES = (BLOCK_BYTES - HEADER_BYTES) / ENTRY_BYTES;

export const RecordKind = { pages: 1, summary: 2 } as const;
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

/** What a header says of itself and of the log. */
export interface HeaderFrame {
	readonly kind: RecordKind;
	/** Which pool's: a number by chance. */
	readonly pool: number;
	/** How often the pool had been opened for writing. */
	readonly incarnation: number;
	/** Of ownership. */
	readonly epoch: number;
	readonly sequence: number;
	/** Microseconds since 1970, never less than of the record before. */
	readonly timeUs: number;
	/** The last sequence that was known to be on stable storage. */
	readonly stable: number;
	/** The checksum of the header before. */
	readonly previousCrc: number;
	/** The slot that the segment after this one will have. */
	readonly nextSlot: number;
}

/** What it says of its record. */
export interface HeaderBody {
	readonly entryCount: number;
	/** Where it is: the log's sectors before it. */
	readonly position: number;
	/** Sectors of pages. */
	readonly dataSectors: number;
	readonly tailBytes: number;
	readonly tailCrc: number;
}

export type Header = HeaderFrame & HeaderBody;

/** Where things are in a header. */
const AT = {
	magic: 0,
	kind: 4,
	entryCount: 6,
	pool: 8,
	incarnation: 16,
	epoch: 20,
	sequence: 24,
	position: 32,
	timeUs: 40,
	stable: 48,
	previousCrc: 56,
	dataSectors: 60,
	tailBytes: 64,
	tailCrc: 68,
	nextSlot: 72,
	crc: 76,
} as const;

/** Bytes of the header's block that mean something. */
export function headerBytes(entryCount: number): number {
	return HEADER_BYTES + ENTRY_BYTES * Math.min(entryCount, HEADER_ENTRIES);
}

/** Bytes of entries that are in the tail. */
export function tailEntryBytes(entryCount: number): number {
	return ENTRY_BYTES * Math.max(0, entryCount - HEADER_ENTRIES);
}

/** Where a page of so many sectors goes, behind so many of other pages: large ones begin with a block. */
export function dataPlace(dataSectors: number, sectors: number): number {
	return sectors % BLOCK_SECTORS === 0 ? roundUp(dataSectors, BLOCK_SECTORS) : dataSectors;
}

/** Sectors of a record of pages. */
export function recordSectors(dataSectors: number, tailBytes: number): number {
	return (
		BLOCK_SECTORS +
		roundUp(dataSectors, BLOCK_SECTORS) +
		roundUp(tailBytes, BLOCK_BYTES) * (BLOCK_SECTORS / BLOCK_BYTES)
	);
}

/** Writes a header before entries that are there already; returns its checksum. */
export function writeHeader(
	bytes: Uint8Array,
	view: DataView,
	at: number,
	frame: HeaderFrame,
	body: HeaderBody,
): number {
	view.setUint32(at + AT.magic, RECORD_MAGIC, true);
	view.setUint16(at + AT.kind, frame.kind, true);
	view.setUint16(at + AT.entryCount, body.entryCount, true);
	putU64(view, at + AT.pool, frame.pool);
	view.setUint32(at + AT.incarnation, frame.incarnation, true);
	view.setUint32(at + AT.epoch, frame.epoch, true);
	putU64(view, at + AT.sequence, frame.sequence);
	putU64(view, at + AT.position, body.position);
	putU64(view, at + AT.timeUs, frame.timeUs);
	putU64(view, at + AT.stable, frame.stable);
	view.setUint32(at + AT.previousCrc, frame.previousCrc, true);
	view.setUint32(at + AT.dataSectors, body.dataSectors, true);
	view.setUint32(at + AT.tailBytes, body.tailBytes, true);
	view.setUint32(at + AT.tailCrc, body.tailCrc, true);
	view.setUint32(at + AT.nextSlot, frame.nextSlot, true);
	const crc = crcOfHeader(bytes, at, body.entryCount);
	view.setUint32(at + AT.crc, crc, true);
	return crc;
}

function crcOfHeader(bytes: Uint8Array, at: number, entryCount: number): number {
	const crc = crc32c(bytes, at, at + AT.crc);
	return crc32c(bytes, at + HEADER_BYTES, at + headerBytes(entryCount), crc);
}

export function looksLikeHeader(view: DataView, at: number): boolean {
	return at + HEADER_BYTES <= view.byteLength && view.getUint32(at, true) === RECORD_MAGIC;
}

/** The checksum that a header says it has. */
export function crcInHeader(view: DataView, at: number): number {
	return view.getUint32(at + AT.crc, true);
}

/** The header at `at`; undefined if there is none, or one that is damaged. `bytes` may end before its block does. */
export function readHeader(bytes: Uint8Array, view: DataView, at: number): Header | undefined {
	if (!looksLikeHeader(view, at)) return undefined;
	const entryCount = view.getUint16(at + AT.entryCount, true);
	if (at + headerBytes(entryCount) > bytes.length) return undefined;
	if (crcOfHeader(bytes, at, entryCount) !== crcInHeader(view, at)) return undefined;
	const kind = view.getUint16(at + AT.kind, true);
	const header = {
		kind: kind as RecordKind,
		entryCount,
		pool: takeU64(view, at + AT.pool),
		incarnation: view.getUint32(at + AT.incarnation, true),
		epoch: view.getUint32(at + AT.epoch, true),
		sequence: takeU64(view, at + AT.sequence),
		position: takeU64(view, at + AT.position),
		timeUs: takeU64(view, at + AT.timeUs),
		stable: takeU64(view, at + AT.stable),
		previousCrc: view.getUint32(at + AT.previousCrc, true),
		dataSectors: view.getUint32(at + AT.dataSectors, true),
		tailBytes: view.getUint32(at + AT.tailBytes, true),
		tailCrc: view.getUint32(at + AT.tailCrc, true),
		// (`NO_SLOT`, where none could be had.)
		nextSlot: view.getInt32(at + AT.nextSlot, true),
	};
	const isKnown = kind === RecordKind.pages || kind === RecordKind.summary;
	return isKnown && entryCount <= RECORD_ENTRIES ? header : undefined;
}

/** Bits of an entry's word that has its sectors in the lower ten. */
const SECTORS_MASK = 0x03ff;
/** It is no page but a range of pages that read as zeros: their count stands for the checksum. */
const HOLE = 0x8000;
const HOLE_PAGES_MAX = 2 ** 32 - 1;

/** One entry; filled anew for each by `readEntry`. */
export interface Entry {
	volume: number;
	page: number;
	/** Of a page; 0: pages that read as zeros. */
	sectors: number;
	/** Of a page. */
	crc: number;
	/** So many pages: 1, but for those that read as zeros. */
	count: number;
}

export function newEntry(): Entry {
	return { volume: 0, page: 0, sectors: 0, crc: 0, count: 0 };
}

export function writePageEntry(
	view: DataView,
	at: number,
	volume: number,
	page: number,
	sectors: number,
): void {
	view.setUint32(at, volume, true);
	putU48(view, at + 4, page);
	view.setUint16(at + 10, sectors, true);
}

/** Of a page, when it is known. */
export function writeEntryCrc(view: DataView, at: number, crc: number): void {
	view.setUint32(at + 12, crc, true);
}

/** Writes an entry for as many pages as one can be for, of `count`; returns for how many. */
export function writeHoleEntry(
	view: DataView,
	at: number,
	volume: number,
	page: number,
	count: number,
): number {
	const pages = Math.min(count, HOLE_PAGES_MAX);
	view.setUint32(at, volume, true);
	putU48(view, at + 4, page);
	view.setUint16(at + 10, HOLE, true);
	view.setUint32(at + 12, pages, true);
	return pages;
}

/** False if it is none that was ever written. */
export function readEntry(view: DataView, at: number, entry: Entry): boolean {
	const word = view.getUint16(at + 10, true);
	entry.volume = view.getUint32(at, true);
	entry.page = takeU48(view, at + 4);
	entry.crc = view.getUint32(at + 12, true);
	if (word === HOLE) {
		entry.sectors = 0;
		entry.count = entry.crc;
		return entry.count > 0;
	}
	entry.sectors = word & SECTORS_MASK;
	entry.count = 1;
	return word === entry.sectors && entry.sectors > 0 && entry.sectors <= 512;
}
