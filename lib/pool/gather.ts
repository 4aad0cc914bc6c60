/**
 * A record while it is gathered: pages are copied to where they will lie in it, ranges that become zeros are noted, and what was
 * gathered can be read at once. The log (`log.ts`) has two: one is gathered while the other is on its way. Nothing is allocated per
 * page.
 */

import { completeAll, RequestList } from "../block/request-list.js";
import { crc32c } from "../crc32c.js";
import type { StorageStatus } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { BLOCK_BYTES, BLOCK_SECTORS, RECORD_DATA_BYTES, RECORD_ENTRIES, roundUp } from "./format.js";
import {
	dataPlace,
	ENTRY_BYTES,
	HEADER_BYTES,
	HEADER_ENTRIES,
	type HeaderFrame,
	headerBytes,
	recordSectors,
	tailEntryBytes,
	writeEntryCrc,
	writeHeader,
	writeHoleEntry,
	writePageEntry,
} from "./record.js";

/** Notes of one record. */
export const NOTE_BYTES_MAX = 64 * 1024;
const TAIL_BYTES_MAX = NOTE_BYTES_MAX + RECORD_ENTRIES * ENTRY_BYTES;
/** Ranges of several pages that one record may have: each is looked at whenever a page is looked for. */
const RANGES_MAX = 32;
const INDEX_SIZE = 4 * RECORD_ENTRIES;

/** What `find` says of a page that is not in the record, and of one that reads as zeros because of it. */
export const ABSENT = -1;
export const HOLE = -2;

/** What a record does, told entry by entry. */
export interface EntrySink {
	page(volume: number, page: number, position: number, sectors: number, crc: number): void;
	/** `position`: that of the next page that is written, so that what the record has before is older, and what comes behind is not. */
	hole(volume: number, page: number, count: number, position: number): void;
}

/** What a record does. Its entries count when it is on its way. */
export interface RecordSink extends EntrySink {
	/** It can't take the entries of one more record. */
	readonly isFull: boolean;
	/** After all entries. The record begins and ends at these positions. */
	notes(notes: readonly Uint8Array[], position: number, end: number, timeUs: number): void;
}

export class Gather {
	/** The log's sectors before it. */
	position = 0;
	entryCount = 0;
	dataSectors = 0;
	noteBytes = 0;
	/** Bytes of the header, entries and notes, as a summary has them. */
	get packedBytes(): number {
		return HEADER_BYTES + this.entryCount * ENTRY_BYTES + this.noteBytes;
	}
	/** Who waits until the record is written, and until it is stable. */
	readonly writtenWaiters = new RequestList();
	readonly stableWaiters = new RequestList();

	readonly #volumes = new Uint32Array(RECORD_ENTRIES);
	readonly #pages = new Float64Array(RECORD_ENTRIES);
	/** 0: a hole. */
	readonly #sectors = new Uint16Array(RECORD_ENTRIES);
	readonly #counts = new Float64Array(RECORD_ENTRIES);
	/** Where the page begins, in sectors of pages. */
	readonly #dataAt = new Uint32Array(RECORD_ENTRIES);
	/** By hash: the number of an entry plus one. Of entries for one page each, the latest. */
	readonly #index = new Int16Array(INDEX_SIZE);
	/** Numbers of the entries that are ranges of several pages. */
	readonly #ranges = new Uint16Array(RANGES_MAX);
	#rangeCount = 0;
	#notes: Uint8Array[] = [];

	/** `memory`: of `memoryBytes`. */
	constructor(readonly memory: Memory) {}

	static readonly memoryBytes = BLOCK_BYTES + RECORD_DATA_BYTES + roundUp(TAIL_BYTES_MAX, BLOCK_BYTES);

	/** Empty again. */
	begin(position: number): void {
		this.position = position;
		this.entryCount = 0;
		this.dataSectors = 0;
		this.noteBytes = 0;
		this.#rangeCount = 0;
		if (this.#notes.length > 0) this.#notes = [];
		this.#index.fill(0);
	}

	get isEmpty(): boolean {
		return this.entryCount === 0 && this.#notes.length === 0;
	}

	get notes(): readonly Uint8Array[] {
		return this.#notes;
	}

	/** Sectors that it would take, with so much more. */
	sectorsWith(entries: number, sectors: number, noteBytes: number): number {
		const tail = tailEntryBytes(this.entryCount + entries) + this.noteBytes + noteBytes;
		return recordSectors(this.#dataWith(sectors), tail);
	}

	#dataWith(sectors: number): number {
		return sectors === 0 ? this.dataSectors : dataPlace(this.dataSectors, sectors) + sectors;
	}

	/** Whether so much more has a place in one record. */
	hasRoom(entries: number, sectors: number, noteBytes: number): boolean {
		return (
			this.entryCount + entries <= RECORD_ENTRIES &&
			this.#dataWith(sectors) <= RECORD_DATA_BYTES / SECTOR_BYTES &&
			this.noteBytes + noteBytes <= NOTE_BYTES_MAX &&
			this.#rangeCount < RANGES_MAX
		);
	}

	/** Whoever waits for it is told. */
	fail(status: StorageStatus, errno: number): void {
		completeAll(this.writtenWaiters, status, errno);
		completeAll(this.stableWaiters, status, errno);
	}

	addNote(note: Uint8Array): void {
		this.#notes.push(note);
		this.noteBytes += note.length;
	}

	/** Where the bytes of a page are in `memory`; or `ABSENT`, or `HOLE`. */
	find(volume: number, page: number): number {
		if (this.entryCount === 0) return ABSENT;
		const entry = this.#latest(volume, page);
		for (let i = this.#rangeCount - 1; i >= 0; i--) {
			const range = this.#ranges[i]!;
			if (range < entry) break;
			const first = this.#pages[range]!;
			if (this.#volumes[range] === volume && page >= first && page < first + this.#counts[range]!)
				return HOLE;
		}
		if (entry < 0) return ABSENT;
		return this.#sectors[entry] === 0 ? HOLE : this.#bytesOf(entry);
	}

	/** Where the bytes of a page are to be put: all of them, unless `find` has said that it was here. There is room. */
	page(volume: number, page: number, sectors: number): number {
		const found = this.find(volume, page);
		if (found >= 0) return found;
		const entry = this.#add(volume, page, 1, sectors);
		this.#dataAt[entry] = dataPlace(this.dataSectors, sectors);
		this.dataSectors = this.#dataAt[entry]! + sectors;
		this.#enter(entry);
		return this.#bytesOf(entry);
	}

	/** So many pages read as zeros from now on. There is room. */
	hole(volume: number, page: number, count: number): void {
		const entry = this.#add(volume, page, count, 0);
		if (count === 1) this.#enter(entry);
		else this.#ranges[this.#rangeCount++] = entry;
	}

	#add(volume: number, page: number, count: number, sectors: number): number {
		const entry = this.entryCount++;
		this.#volumes[entry] = volume;
		this.#pages[entry] = page;
		this.#counts[entry] = count;
		this.#sectors[entry] = sectors;
		return entry;
	}

	#bytesOf(entry: number): number {
		return BLOCK_BYTES + this.#dataAt[entry]! * SECTOR_BYTES;
	}

	/** The last entry that is for this page alone, or -1. */
	#latest(volume: number, page: number): number {
		return this.#index[this.#placeOf(volume, page)]! - 1;
	}

	#enter(entry: number): void {
		this.#index[this.#placeOf(this.#volumes[entry]!, this.#pages[entry]!)] = entry + 1;
	}

	/** Where a page is in the index, or has to go. */
	#placeOf(volume: number, page: number): number {
		let place = (Math.imul(page | 0, 0x9e3779b1) ^ Math.imul(volume, 0x85ebca6b)) >>> 20;
		for (; ; place = (place + 1) % INDEX_SIZE) {
			const entry = this.#index[place]! - 1;
			if (entry < 0 || (this.#pages[entry] === page && this.#volumes[entry] === volume)) return place;
		}
	}

	/** Puts everything where it belongs in the record. Returns the checksum of its header. */
	finish(frame: HeaderFrame): number {
		const { memory, entryCount, dataSectors } = this;
		const { bytes, view } = memory;
		const tailAt = BLOCK_BYTES + roundUp(dataSectors, BLOCK_SECTORS) * SECTOR_BYTES;
		const tailBytes = tailEntryBytes(entryCount) + this.noteBytes;
		bytes.fill(0, headerBytes(entryCount), BLOCK_BYTES);
		bytes.fill(0, BLOCK_BYTES + dataSectors * SECTOR_BYTES, tailAt + roundUp(tailBytes, BLOCK_BYTES));
		for (let entry = 0; entry < entryCount; entry++) this.#write(entry, entryAt(entry, tailAt));
		let at = tailAt + tailEntryBytes(entryCount);
		for (const note of this.#notes) {
			bytes.set(note, at);
			at += note.length;
		}
		const tailCrc = crc32c(bytes, tailAt, tailAt + tailBytes);
		const { position } = this;
		return writeHeader(bytes, view, 0, frame, { entryCount, position, dataSectors, tailBytes, tailCrc });
	}

	#write(entry: number, at: number): void {
		const { bytes, view } = this.memory;
		const sectors = this.#sectors[entry]!;
		const volume = this.#volumes[entry]!;
		const page = this.#pages[entry]!;
		if (sectors === 0) {
			writeHoleEntry(view, at, volume, page, this.#counts[entry]!);
			return;
		}
		const from = this.#bytesOf(entry);
		writePageEntry(view, at, volume, page, sectors);
		writeEntryCrc(view, at, crc32c(bytes, from, from + sectors * SECTOR_BYTES));
	}

	/** Tells of all entries, in order. After `finish`. */
	deliver(sink: EntrySink): void {
		const { view } = this.memory;
		const tailAt = BLOCK_BYTES + roundUp(this.dataSectors, BLOCK_SECTORS) * SECTOR_BYTES;
		const dataPosition = this.position + BLOCK_SECTORS;
		let dataEnd = 0;
		for (let entry = 0; entry < this.entryCount; entry++) {
			const sectors = this.#sectors[entry]!;
			const volume = this.#volumes[entry]!;
			const page = this.#pages[entry]!;
			if (sectors === 0) sink.hole(volume, page, this.#counts[entry]!, dataPosition + dataEnd);
			else {
				const crc = view.getUint32(entryAt(entry, tailAt) + 12, true);
				sink.page(volume, page, dataPosition + this.#dataAt[entry]!, sectors, crc);
				dataEnd = this.#dataAt[entry]! + sectors;
			}
		}
	}

	/** Copies header, entries and notes, packed, to `into`; returns the end. After `finish`. */
	pack(into: Uint8Array, at: number): number {
		const { bytes } = this.memory;
		const head = headerBytes(this.entryCount);
		const tailAt = BLOCK_BYTES + roundUp(this.dataSectors, BLOCK_SECTORS) * SECTOR_BYTES;
		into.set(bytes.subarray(0, head), at);
		into.set(bytes.subarray(tailAt, tailAt + this.packedBytes - head), at + head);
		return at + this.packedBytes;
	}

	get sectors(): number {
		return this.sectorsWith(0, 0, 0);
	}
}

function entryAt(entry: number, tailAt: number): number {
	return entry < HEADER_ENTRIES
		? HEADER_BYTES + ENTRY_BYTES * entry
		: tailAt + ENTRY_BYTES * (entry - HEADER_ENTRIES);
}
