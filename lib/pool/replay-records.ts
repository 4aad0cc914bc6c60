/**
 * Records as they are found on storage: whether one follows the one before, whether all of it is there, and what it says. Used by
 * `replay.ts`.
 */

import { crc32c } from "../crc32c.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { BLOCK_BYTES, BLOCK_SECTORS, roundUp, SEGMENT_BYTES } from "./format.js";
import type { RecordSink } from "./gather.js";
import type { HeadState } from "./head.js";
import type { Steps } from "./map/turns.js";
import { splitNotes } from "./notes.js";
import {
	crcInHeader,
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
	tailEntryBytes,
} from "./record.js";

/** A record that follows the one before. */
export interface Found {
	readonly header: Header;
	readonly crc: number;
	readonly position: number;
	readonly sectors: number;
	/** Header, entries and notes. */
	readonly packed: Uint8Array;
	/** Its entries and notes are all there, and so are its pages. */
	readonly hasTail: boolean;
	readonly isWhole: boolean;
}

/** Where the log has been followed to. */
export class Chain {
	sequence: number;
	crc: number;
	timeUs: number;
	readonly #head: HeadState;

	constructor(head: HeadState) {
		this.#head = head;
		({ sequence: this.sequence, crc: this.crc, timeUs: this.timeUs } = head.start);
	}

	/** The header at `at`, if it is whole, of this log, and where it says that it is. */
	headerAt(bytes: Uint8Array, view: DataView, at: number, position: number): Header | undefined {
		const header = readHeader(bytes, view, at);
		if (header === undefined) return undefined;
		return this.isOurs(header, position) ? header : undefined;
	}

	isOurs(header: Header, position: number): boolean {
		const { pool, former, incarnation } = this.#head;
		if (header.pool !== pool && !former?.includes(header.pool)) return false;
		return header.position === position && header.incarnation <= incarnation;
	}

	follows(header: Header): boolean {
		return header.sequence === this.sequence + 1 && header.previousCrc === this.crc;
	}

	took(header: Header, crc: number): void {
		this.sequence = header.sequence;
		this.crc = crc;
		this.timeUs = header.timeUs;
	}

	/** Goes on by the header at `at`; false if that does not follow. */
	take(bytes: Uint8Array, view: DataView, at: number): boolean {
		const header = readHeader(bytes, view, at);
		if (header === undefined || !this.follows(header)) return false;
		this.took(header, crcInHeader(view, at));
		return true;
	}

	/** All that follow each other in a segment, which is in memory and begins at a position, step by step. The chain stays where it is. */
	*follow({ bytes, view }: Memory, begin: number): Steps<Found[]> {
		const found: Found[] = [];
		let { sequence, crc } = this;
		for (let at = 0; at < SEGMENT_BYTES; ) {
			const header = this.headerAt(bytes, view, at, begin + at / SECTOR_BYTES);
			if (header?.kind !== RecordKind.pages) break;
			if (header.sequence !== sequence + 1 || header.previousCrc !== crc) break;
			const sectors = recordSectors(header.dataSectors, header.tailBytes);
			if (at + sectors * SECTOR_BYTES > SEGMENT_BYTES) break;
			sequence = header.sequence;
			crc = crcInHeader(view, at);
			found.push(foundAt(bytes, at, header, crc, sectors));
			at += sectors * SECTOR_BYTES;
			yield stepsOf(sectors * SECTOR_BYTES);
		}
		return found;
	}
}

/** To look at all bytes of a record takes as long as so many steps. */
function stepsOf(bytes: number): number {
	return Math.ceil(bytes / BLOCK_BYTES);
}

function foundAt(bytes: Uint8Array, at: number, header: Header, crc: number, sectors: number): Found {
	const head = headerBytes(header.entryCount);
	const tailAt = at + BLOCK_BYTES + roundUp(header.dataSectors, BLOCK_SECTORS) * SECTOR_BYTES;
	const packed = new Uint8Array(head + header.tailBytes);
	packed.set(bytes.subarray(at, at + head));
	packed.set(bytes.subarray(tailAt, tailAt + header.tailBytes), head);
	const hasTail = crc32c(packed, head, packed.length) === header.tailCrc && isUnderstood(packed, header);
	const isWhole = hasTail && arePagesWhole(bytes, at, packed, header);
	return { header, crc, position: header.position, sectors, packed, hasTail, isWhole };
}

function isUnderstood(packed: Uint8Array, { entryCount, dataSectors, tailBytes }: Header): boolean {
	if (tailBytes < tailEntryBytes(entryCount)) return false;
	const view = new DataView(packed.buffer);
	const entry = newEntry();
	let sectors = 0;
	for (let i = 0; i < entryCount; i++) {
		if (!readEntry(view, HEADER_BYTES + i * ENTRY_BYTES, entry)) return false;
		if (entry.sectors > 0) sectors = dataPlace(sectors, entry.sectors) + entry.sectors;
	}
	const notes = splitNotes(packed, HEADER_BYTES + entryCount * ENTRY_BYTES, packed.length);
	return sectors === dataSectors && notes !== undefined;
}

function arePagesWhole(bytes: Uint8Array, at: number, packed: Uint8Array, { entryCount }: Header): boolean {
	const view = new DataView(packed.buffer);
	const entry = newEntry();
	let sectors = 0;
	for (let i = 0; i < entryCount; i++) {
		readEntry(view, HEADER_BYTES + i * ENTRY_BYTES, entry);
		if (entry.sectors === 0) continue;
		const from = at + BLOCK_BYTES + dataPlace(sectors, entry.sectors) * SECTOR_BYTES;
		if (crc32c(bytes, from, from + entry.sectors * SECTOR_BYTES) !== entry.crc) return false;
		sectors = dataPlace(sectors, entry.sectors) + entry.sectors;
	}
	return true;
}

/** Entries are taken in in about as many steps; of packed records, that are so many bytes. */
const PACKED_BYTES_PER_STEP = 32;

/** To take in a packed record takes as long as so many steps. */
export function stepsToTake(packedBytes: number): number {
	return Math.ceil(packedBytes / PACKED_BYTES_PER_STEP);
}

/** Who takes in records that are found on storage. */
export interface ReplaySink extends RecordSink {
	/** The last record that it knows already. */
	readonly since: number;
	/** Whether it can take such a record in; else `settle` makes that so. */
	isReadyFor(notes: readonly Uint8Array[]): boolean;
	settle(): Promise<void>;
}

/**
 * Tells of the packed record at `at`, unless the sink knows it already; returns where it ends, or undefined if it can't be one; `at` itself
 * if the sink is not ready for it. With a chain it has to be the next one, and the chain goes on by it.
 */
export function deliverPacked(
	bytes: Uint8Array,
	view: DataView,
	at: number,
	limit: number,
	chain: Chain | undefined,
	sink: ReplaySink,
): number | undefined {
	const header = readHeader(bytes.subarray(0, limit), view, at);
	if (header === undefined || header.tailBytes < tailEntryBytes(header.entryCount)) return undefined;
	const end = at + headerBytes(header.entryCount) + header.tailBytes;
	const notesAt = at + HEADER_BYTES + header.entryCount * ENTRY_BYTES;
	if (end > limit) return undefined;
	const notes = splitNotes(bytes, notesAt, end);
	if (notes === undefined) return undefined;
	const isKnown = header.sequence <= sink.since;
	if (!isKnown && !sink.isReadyFor(notes)) return at;
	if (chain !== undefined && !chain.take(bytes, view, at)) return undefined;
	if (isKnown) return end;
	if (!deliverEntries(view, at + HEADER_BYTES, notesAt, header.position + BLOCK_SECTORS, sink))
		return undefined;
	const { position, dataSectors, tailBytes, timeUs } = header;
	sink.notes(notes, position, position + recordSectors(dataSectors, tailBytes), timeUs);
	return end;
}

/** Of a record whose pages begin at a position. False if they are none. */
function deliverEntries(view: DataView, from: number, to: number, begin: number, sink: ReplaySink): boolean {
	const entry = newEntry();
	let dataSectors = 0;
	for (let at = from; at < to; at += ENTRY_BYTES) {
		if (!readEntry(view, at, entry)) return false;
		const { volume, page, sectors, crc, count } = entry;
		if (sectors === 0) {
			sink.hole(volume, page, count, begin + dataSectors);
			continue;
		}
		const place = dataPlace(dataSectors, sectors);
		sink.page(volume, page, begin + place, sectors, crc);
		dataSectors = place + sectors;
	}
	return true;
}
