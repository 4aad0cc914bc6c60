/**
 * Reads of a volume: cut into stretches that lie in one piece somewhere, each of which is zeros, or copied from a record in memory, or
 * handed down to the device that has it. Used by `volume-device.ts`.
 */

import type { BlockDevice } from "../block/device.js";
import { type Part, Parts, type Split, type Splitter } from "../block/parts.js";
import type { BlockRequest } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { copyBytes } from "./bytes.js";
import { BLOCK_BYTES, SEGMENT_SECTORS } from "./format.js";
import { type PageStore, Where } from "./page-store.js";
import { CHECKED_PAGES_MAX, type FetchOwner, PageFetch, type StoredReadOwner } from "./stored-reads.js";

/** Parts of one read that are under way at once. */
const PARTS_AT_ONCE = 16;

/** A page that is read to have a part of it. */
class PartOfPage implements FetchOwner {
	readonly fetch: PageFetch;
	target: BlockRequest | null = null;
	/** Where the target begins in the page. */
	from = 0;
	next: PartOfPage | null = null;

	constructor(
		readonly reads: VolumeReads,
		memory: Memory,
		pageBytes: number,
	) {
		this.fetch = new PageFetch(reads.store.reads, memory, pageBytes, this);
	}

	fetched(_fetch: PageFetch, status: StorageStatus, errno: number): void {
		this.reads.gotPart(this, status, errno);
	}
}

export class VolumeReads implements Splitter<BlockDevice> {
	readonly #volume: number;
	readonly #pageBytes: number;
	readonly #allocate: (byteLength: number) => Memory;
	readonly #owner: StoredReadOwner;
	readonly #parts = new Parts<BlockDevice>(this, PARTS_AT_ONCE);
	#unused: PartOfPage | null = null;
	/** The stretch that was found last. */
	#where: Where = Where.hole;
	#memory: Memory;
	/** Of the page that the stretch begins in, and how far into that it begins. */
	#pageOffset = 0;
	#pagePosition = 0;
	#inPage = 0;
	#isChecked = false;

	constructor(
		readonly store: PageStore,
		volume: number,
		pageBytes: number,
		allocate: (byteLength: number) => Memory,
		owner: StoredReadOwner,
	) {
		this.#volume = volume;
		this.#pageBytes = pageBytes;
		this.#allocate = allocate;
		this.#owner = owner;
		this.#memory = store.memory;
	}

	/** True if the read is on its way, and its owner will be told when it is over; false if it is done, or in parts of `device`. */
	read(request: BlockRequest, device: BlockDevice): boolean {
		const { offsetBytes, lengthBytes, memory, memoryOffset } = request;
		const end = offsetBytes + lengthBytes;
		if (lengthBytes > 0 && this.#stretch(offsetBytes, end) < end) {
			this.#parts.split(request, device);
			return false;
		}
		if (lengthBytes > 0 && this.#where === Where.stored) {
			if (this.#isChecked)
				this.#readPages(request, offsetBytes / this.#pageBytes, lengthBytes / this.#pageBytes);
			else this.#readStored(request);
			return true;
		}
		if (this.#where === Where.hole || lengthBytes === 0)
			memory.bytes.fill(0, memoryOffset, memoryOffset + lengthBytes);
		else copyBytes(memory, memoryOffset, this.#memory, this.#pageOffset + this.#inPage, lengthBytes);
		request.complete(StorageStatus.ok);
		return false;
	}

	next(split: Split<BlockDevice>, part: Part<BlockDevice>): BlockDevice {
		const { offsetBytes, lengthBytes } = split.whole;
		const end = offsetBytes + lengthBytes;
		const to = this.#stretch(offsetBytes + split.cursor, end);
		part.take(split.cursor, to - offsetBytes - split.cursor);
		split.cursor = to - offsetBytes;
		split.noMore = to === end;
		return split.context;
	}

	/** How far what begins at a byte lies in one piece, and where that is. */
	#stretch(from: number, end: number): number {
		const bytes = this.#pageBytes;
		const page = Math.floor(from / bytes);
		const inPage = from - page * bytes;
		this.#where = this.store.find(this.#volume, page);
		this.#memory = this.store.memory;
		this.#pageOffset = this.store.memoryOffset;
		this.#pagePosition = this.store.position;
		this.#inPage = inPage;
		let to = (page + 1) * bytes;
		this.#isChecked = this.#where === Where.stored && !this.#isRight(this.store.position);
		// A part of a page that has to be looked at is a stretch of its own; so is one before such a page.
		if (this.#isChecked && (inPage > 0 || end < to)) return Math.min(to, end);
		for (let pages = 1; to < end && this.#goesOn(page, pages, end - to); pages++) to += bytes;
		return Math.min(to, end);
	}

	/** Whether the page after so many goes on where they end. */
	#goesOn(page: number, pages: number, restBytes: number): boolean {
		const { store } = this;
		const offset = pages * this.#pageBytes;
		if (store.find(this.#volume, page + pages) !== this.#where) return false;
		if (this.#where === Where.hole) return true;
		if (this.#where === Where.memory)
			return this.#memory === store.memory && store.memoryOffset === this.#pageOffset + offset;
		if (store.position !== this.#pagePosition + offset / SECTOR_BYTES) return false;
		if (segmentOf(store.position) !== segmentOf(this.#pagePosition)) return false;
		if (this.#isRight(store.position) === this.#isChecked) return false;
		return !this.#isChecked || (pages < CHECKED_PAGES_MAX && restBytes >= this.#pageBytes);
	}

	#isRight(position: number): boolean {
		return this.#pageBytes % BLOCK_BYTES === 0 && this.store.reads.verified.has(position);
	}

	/** A stretch of pages that were looked at lately. */
	#readStored(request: BlockRequest): void {
		const { reads } = this.store;
		const position = this.#pagePosition + this.#inPage / SECTOR_BYTES;
		reads.submit(request, reads.begin(), position, 0, this.#owner);
	}

	/** A stretch that is looked at: whole pages, or a part of one. */
	#readPages(request: BlockRequest, first: number, count: number): void {
		const { reads } = this.store;
		if (count < 1 || !Number.isInteger(first) || !Number.isInteger(count)) {
			this.#readPart(request, Math.floor(first));
			return;
		}
		const position = this.#pagePosition;
		const token = reads.begin();
		for (let page = first; page < first + count; page++) {
			this.store.find(this.#volume, page);
			reads.expect(token, this.store.crc);
		}
		reads.submit(request, token, position, this.#pageBytes / SECTOR_BYTES, this.#owner);
	}

	#readPart(request: BlockRequest, page: number): void {
		this.store.find(this.#volume, page);
		const part = this.#unused ?? new PartOfPage(this, this.#allocate(this.#pageBytes), this.#pageBytes);
		this.#unused = part.next;
		part.target = request;
		part.from = request.offsetBytes - page * this.#pageBytes;
		this.store.reads.fetch(part.fetch, this.store.position, this.store.crc);
	}

	/** Called by the part. */
	gotPart(part: PartOfPage, status: StorageStatus, errno: number): void {
		const { from, fetch } = part;
		const target = part.target!;
		const { memory, memoryOffset, lengthBytes } = target;
		if (status === StorageStatus.ok) copyBytes(memory, memoryOffset, fetch.memory, from, lengthBytes);
		part.target = null;
		part.next = this.#unused;
		this.#unused = part;
		this.#owner.readOver();
		target.complete(status, errno);
	}
}

function segmentOf(position: number): number {
	return Math.floor(position / SEGMENT_SECTORS);
}
