/**
 * Reads of a volume: cut into stretches that lie in one piece somewhere, each of which is zeros, or copied from a record in memory, or
 * handed down to the device that has it. Used by `volume-device.ts`.
 */

import { constants } from "node:os";
import type { BlockDevice } from "../block/device.js";
import { type Part, Parts, type Split, type Splitter } from "../block/parts.js";
import type { BlockRequest } from "../block/request.js";
import { RequestList } from "../block/request-list.js";
import { StorageStatus } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { copyBytes } from "./bytes.js";
import { BLOCK_BYTES } from "./format.js";
import type { NodeFault, NodeWaiter } from "./map/store.js";
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

export interface ReadsOwner extends StoredReadOwner {
	/** A request that has waited can go on. */
	again(request: BlockRequest): void;
}

export class VolumeReads implements Splitter<BlockDevice>, NodeWaiter {
	/** Link of the list of those who wait for a node. */
	nextWaiter: NodeWaiter | null = null;
	readonly #volume: number;
	readonly #pageBytes: number;
	/** Whole ones: those that were looked at are remembered. */
	readonly #isOfBlocks: boolean;
	readonly #allocate: (byteLength: number) => Memory;
	readonly #owner: ReadsOwner;
	readonly #parts = new Parts<BlockDevice>(this, PARTS_AT_ONCE);
	#unused: PartOfPage | null = null;
	/** The stretch that was found last. */
	#where: Where = Where.hole;
	#memory: Memory;
	/** Of the page that the stretch begins in, and how far into that it begins. */
	#pageOffset = 0;
	#pagePosition = 0;
	/** Sectors from there on that lie one behind the other on storage, if positions do. */
	#reach = 0;
	#inPage = 0;
	#isChecked = false;
	/** Of a stretch that is looked at. */
	readonly #crcs = new Uint32Array(CHECKED_PAGES_MAX);
	/** Requests that wait until it is known where their pages are. */
	readonly #waiting = new RequestList();
	/** What was waited for can't be had. */
	#isFaulty = false;
	/** Somebody is going to call `nodeReady`. */
	#isWaiting = false;

	constructor(
		readonly store: PageStore,
		volume: number,
		pageBytes: number,
		allocate: (byteLength: number) => Memory,
		owner: ReadsOwner,
	) {
		this.#volume = volume;
		this.#pageBytes = pageBytes;
		this.#isOfBlocks = pageBytes % BLOCK_BYTES === 0;
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
		switch (lengthBytes === 0 ? Where.hole : this.#where) {
			case Where.stored:
				if (this.#isChecked) this.#readPages(request);
				else this.#readStored(request);
				return true;
			case Where.loading:
				if (this.wait(request)) return true;
				request.complete(StorageStatus.mediumError, constants.errno.EIO);
				return false;
			case Where.failed:
				request.complete(StorageStatus.mediumError, constants.errno.EIO);
				return false;
			case Where.hole:
				memory.bytes.fill(0, memoryOffset, memoryOffset + lengthBytes);
				break;
			case Where.memory:
				copyBytes(memory, memoryOffset, this.#memory, this.#pageOffset + this.#inPage, lengthBytes);
				break;
		}
		request.complete(StorageStatus.ok);
		return false;
	}

	/** Where a page is. Of one that has to be waited for, `wait` will have the request asked again. */
	find(page: number): Where {
		const where = this.store.find(this.#volume, page, this.#isWaiting ? null : this);
		if (where === Where.loading) this.#isWaiting = true;
		return where;
	}

	/** Hands the request back to its owner when more is known; false if that can't be had. */
	wait(request: BlockRequest): boolean {
		if (!this.#isFaulty) this.#waiting.add(request);
		return !this.#isFaulty;
	}

	nodeReady(fault: NodeFault | null): void {
		this.#isWaiting = false;
		// Who would have to wait again is told: it would be for the same node, again and again.
		this.#isFaulty = fault !== null;
		for (let request = this.#waiting.takeAll(); request !== null; ) {
			const next = request.next;
			request.next = null;
			this.#owner.again(request);
			request = next;
		}
		this.#isFaulty = false;
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
		this.#where = this.find(page);
		this.#crcs[0] = this.store.crc;
		this.#memory = this.store.memory;
		this.#pageOffset = this.store.memoryOffset;
		this.#pagePosition = this.store.position;
		this.#inPage = inPage;
		let to = (page + 1) * bytes;
		if (this.#where === Where.loading || this.#where === Where.failed) return Math.min(to, end);
		this.#isChecked = this.#where === Where.stored && !this.#isRight(this.store.position);
		// A part of a page that has to be looked at is a stretch of its own; so is one before such a page.
		if (this.#isChecked && (inPage > 0 || end < to)) return Math.min(to, end);
		if (to < end && this.#where === Where.stored) this.#reach = this.store.reads.reachAt(this.#pagePosition);
		for (let pages = 1; to < end && this.#goesOn(page, pages, end - to); pages++) to += bytes;
		return Math.min(to, end);
	}

	/** Whether the page after so many goes on where they end. */
	#goesOn(page: number, pages: number, restBytes: number): boolean {
		const { store } = this;
		const offset = pages * this.#pageBytes;
		if (this.find(page + pages) !== this.#where) return false;
		if (this.#where === Where.hole) return true;
		if (this.#where === Where.memory)
			return this.#memory === store.memory && store.memoryOffset === this.#pageOffset + offset;
		if (store.position !== this.#pagePosition + offset / SECTOR_BYTES) return false;
		if (offset / SECTOR_BYTES + this.#pageBytes / SECTOR_BYTES > this.#reach) return false;
		if (this.#isRight(store.position) === this.#isChecked) return false;
		if (!this.#isChecked) return true;
		if (pages >= CHECKED_PAGES_MAX || restBytes < this.#pageBytes) return false;
		this.#crcs[pages] = store.crc;
		return true;
	}

	#isRight(position: number): boolean {
		return this.#isOfBlocks && this.store.reads.verified.has(position);
	}

	/** A stretch of pages that were looked at lately. */
	#readStored(request: BlockRequest): void {
		const { reads } = this.store;
		const position = this.#pagePosition + this.#inPage / SECTOR_BYTES;
		reads.submit(request, reads.begin(), position, 0, this.#owner);
	}

	/** A stretch that is looked at: whole pages, or a part of one. */
	#readPages(request: BlockRequest): void {
		const { reads } = this.store;
		const count = request.lengthBytes / this.#pageBytes;
		if (this.#inPage > 0 || !Number.isInteger(count)) {
			this.#readPart(request);
			return;
		}
		const token = reads.begin();
		for (let page = 0; page < count; page++) reads.expect(token, this.#crcs[page]!);
		reads.submit(request, token, this.#pagePosition, this.#pageBytes / SECTOR_BYTES, this.#owner);
	}

	#readPart(request: BlockRequest): void {
		const part = this.#unused ?? new PartOfPage(this, this.#allocate(this.#pageBytes), this.#pageBytes);
		this.#unused = part.next;
		part.target = request;
		part.from = this.#inPage;
		this.store.reads.fetch(part.fetch, this.#pagePosition, this.#crcs[0]!);
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
