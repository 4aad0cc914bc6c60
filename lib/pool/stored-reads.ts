/**
 * Reads of pages that are on storage: handed down to the device that has them, at the place where they are, and checked when they come
 * back. What was found right lately is not checked again, and may be lent. Used by volumes; nothing is allocated per read.
 */

import { constants } from "node:os";
import type { BlockDevice } from "../block/device.js";
import { BlockOp, BlockRequest, type RequestLayer, type RequestOwner } from "../block/request.js";
import { crc32c } from "../crc32c.js";
import { StorageStatus } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { Damage } from "./damage.js";
import { BLOCK_SECTORS } from "./format.js";
import { hasOthers, mended } from "./mend.js";
import type { Segments } from "./segments.js";
import { NO_SLOT } from "./space/slots.js";
import { Verified } from "./verified.js";

/** Most pages of a read that are checked when it comes back. */
export const CHECKED_PAGES_MAX = 16;

const WRONG = "a page: it does not have the checksum that it was written with";
const UNREADABLE = "a page can't be read";

/** Whoever wanted a page as a whole. */
export interface FetchOwner {
	fetched(fetch: PageFetch, status: StorageStatus, errno: number): void;
}

export class StoredReads implements RequestLayer {
	readonly verified = new Verified();
	readonly damage = new Damage();
	/** Of the read that is being prepared: pages to be checked. */
	#checked = 0;
	readonly #segments: Segments;
	/** By token: where it began for the volume, and on storage; how many pages are to be checked, of how many sectors. */
	readonly #offsets: number[] = [];
	readonly #positions: number[] = [];
	readonly #counts: number[] = [];
	readonly #sectors: number[] = [];
	readonly #mayBorrow: boolean[] = [];
	readonly #over: (StoredReadOwner | null)[] = [];
	readonly #crcs: number[] = [];
	/** The slot that is read from: it is not used again meanwhile. */
	readonly #slots: number[] = [];
	readonly #free: number[] = [];
	#next = 0;
	#wrongPages = 0;

	constructor(segments: Segments) {
		this.#segments = segments;
	}

	/** Pages that were not what they had been. */
	get wrongPages(): number {
		return this.#wrongPages;
	}

	/** Of what is stored, at most. */
	get copies(): number {
		return this.#segments.folder.copies ?? 1;
	}

	/** Sectors from a position on that lie together on storage. */
	reachAt(position: number): number {
		const { table } = this.#segments;
		return table.locate(position) ? table.reach : 0;
	}

	/** A token for `submit`. With `expect` called for each page, in order, they are checked. */
	begin(): number {
		this.#checked = 0;
		return this.#free.pop() ?? this.#next++;
	}

	/** The next page of the read must have this checksum. */
	expect(token: number, crc: number): void {
		this.#crcs[token * CHECKED_PAGES_MAX + this.#checked++] = crc;
	}

	/** Hands a read of the volume down; `over` is told when it comes back, just before whoever is above. */
	submit(
		request: BlockRequest,
		token: number,
		position: number,
		pageSectors: number,
		over: StoredReadOwner,
	): void {
		this.#offsets[token] = request.offsetBytes;
		this.#positions[token] = position;
		this.#counts[token] = this.#checked;
		this.#sectors[token] = pageSectors;
		this.#mayBorrow[token] = request.mayBorrow;
		this.#over[token] = over;
		if (this.#checked > 0) request.mayBorrow = false;
		const segments = this.#segments;
		const device = segments.find(position);
		this.#slots[token] = device === undefined ? NO_SLOT : segments.slot;
		request.push(this, token);
		if (device === undefined) {
			request.complete(StorageStatus.mediumError, constants.errno.EIO);
			return;
		}
		segments.slots.hold(segments.slot);
		request.offsetBytes = segments.offsetBytes;
		device.submit(request);
	}

	below(request: BlockRequest, token: number): void {
		const wrong = request.status === StorageStatus.ok ? this.#firstWrong(request, token) : -1;
		const device = wrong < 0 ? undefined : this.#deviceWithOthers(token);
		if (device === undefined) this.#return(request, token, wrong);
		else void this.#mend(request, token, wrong, device);
	}

	/** What was read from, if it has other copies of what is wrong. */
	#deviceWithOthers(token: number): BlockDevice | undefined {
		const device = this.#segments.deviceOfSlot(this.#slots[token]!);
		return hasOthers(device) ? device : undefined;
	}

	/** One page after the other is found elsewhere, if it is. */
	async #mend(request: BlockRequest, token: number, first: number, device: BlockDevice): Promise<void> {
		const { offsetBytes, memory, memoryOffset } = request;
		const bytes = this.#sectors[token]! * SECTOR_BYTES;
		let wrong = first;
		for (; wrong >= 0; wrong = this.#firstWrong(request, token)) {
			const crc = this.#crcs[token * CHECKED_PAGES_MAX + wrong / bytes]!;
			const page = await mended(device, offsetBytes + wrong, bytes, crc);
			if (page === undefined) break;
			memory.bytes.set(page.bytes.subarray(0, bytes), memoryOffset + wrong);
			this.damage.mended(this.#segments.nameOf(this.#positions[token]! + wrong / SECTOR_BYTES));
		}
		this.#return(request, token, wrong);
	}

	/** `wrong`: where a page begins that is not what it was; less than 0: there is none. */
	#return(request: BlockRequest, token: number, wrong: number): void {
		const movedBytes = this.#offsets[token]! - request.offsetBytes;
		request.offsetBytes = this.#offsets[token]!;
		request.mayBorrow = this.#mayBorrow[token]!;
		const over = this.#over[token]!;
		if (this.#slots[token] !== NO_SLOT) this.#segments.slots.letGo(this.#slots[token]!);
		this.#over[token] = null;
		this.#free.push(token);
		over.readOver();
		if (request.status !== StorageStatus.ok) {
			const failed = request.failedOffsetBytes + movedBytes;
			if (request.status === StorageStatus.mediumError)
				this.#tell(this.#positions[token]! + (failed - request.offsetBytes) / SECTOR_BYTES, UNREADABLE);
			request.complete(request.status, request.errno, failed);
		} else if (wrong >= 0) {
			this.#tell(this.#positions[token]! + wrong / SECTOR_BYTES, WRONG);
			request.complete(StorageStatus.mediumError, constants.errno.EIO, request.offsetBytes + wrong);
		} else request.resume();
	}

	/** Something is wrong at a position of the log. */
	#tell(position: number, what: string): void {
		this.damage.found(this.#segments.nameOf(Math.floor(position)), what);
	}

	/** To be called every half minute: what was found right is looked at again, what was found wrong is told. */
	age(): void {
		this.verified.age();
		this.damage.age();
	}

	/** Where the first page begins, in the request, that is not what it was; -1 if there is none. */
	#firstWrong({ memory, memoryOffset }: BlockRequest, token: number): number {
		const count = this.#counts[token]!;
		if (count === 0) return -1;
		const sectors = this.#sectors[token]!;
		const bytes = sectors * SECTOR_BYTES;
		for (let page = 0; page < count; page++) {
			const at = memoryOffset + page * bytes;
			if (crc32c(memory.bytes, at, at + bytes) === this.#crcs[token * CHECKED_PAGES_MAX + page]) continue;
			this.#wrongPages++;
			return page * bytes;
		}
		this.#isRight(this.#positions[token]!, sectors, count * sectors);
		return -1;
	}

	/** It need not be looked at again, unless another copy may be read the next time. */
	#isRight(position: number, pageSectors: number, sectors: number): void {
		if (pageSectors % BLOCK_SECTORS === 0 && this.copies === 1) this.verified.add(position, sectors);
	}

	/** Has a page read as a whole, to be looked at. */
	fetch(fetch: PageFetch, position: number, crc: number): void {
		fetch.position = position;
		fetch.crc = crc;
		const { request } = fetch;
		const segments = this.#segments;
		const device = segments.find(position);
		fetch.slot = device === undefined ? NO_SLOT : segments.slot;
		if (device === undefined) {
			request.begin().complete(StorageStatus.mediumError, constants.errno.EIO);
			return;
		}
		segments.slots.hold(segments.slot);
		request.offsetBytes = segments.offsetBytes;
		device.submit(request.begin());
	}

	/** What was fetched is here, or not. */
	fetched({ slot, position, request: { status } }: PageFetch): void {
		if (status === StorageStatus.mediumError) this.#tell(position, UNREADABLE);
		if (slot !== NO_SLOT) this.#segments.slots.letGo(slot);
	}

	/** Whether what was fetched is what it was. */
	isRight({ memory, request, position, crc }: PageFetch): boolean {
		const { lengthBytes } = request;
		if (crc32c(memory.bytes, 0, lengthBytes) !== crc) return false;
		const sectors = lengthBytes / SECTOR_BYTES;
		this.#isRight(position, sectors, sectors);
		return true;
	}

	/** It is not, and is nowhere else. */
	isWrong({ position }: PageFetch): void {
		this.#wrongPages++;
		this.#tell(position, WRONG);
	}

	/** Whether it may be found elsewhere. */
	hasOthers({ slot }: PageFetch): boolean {
		return hasOthers(this.#segments.deviceOfSlot(slot));
	}

	/** It is what it was when it resolves, if it was found elsewhere. */
	async mend({ memory, request, crc, slot, position }: PageFetch): Promise<void> {
		const { offsetBytes, lengthBytes } = request;
		const page = await mended(this.#segments.deviceOfSlot(slot), offsetBytes, lengthBytes, crc);
		if (page === undefined) return;
		memory.bytes.set(page.bytes.subarray(0, lengthBytes));
		this.damage.mended(this.#segments.nameOf(position));
	}
}

export interface StoredReadOwner {
	/** One that was handed down has come back. */
	readOver(): void;
}

/** A page that is read as a whole because a part of it is wanted. Kept by its owner and used again and again. */
export class PageFetch implements RequestOwner {
	readonly request = new BlockRequest(this);
	position = 0;
	crc = 0;
	slot = NO_SLOT;

	constructor(
		readonly reads: StoredReads,
		readonly memory: Memory,
		pageBytes: number,
		readonly owner: FetchOwner,
	) {
		this.request.op = BlockOp.read;
		this.request.lengthBytes = pageBytes;
		this.request.memory = memory;
	}

	finished({ status, errno }: BlockRequest): void {
		if (status !== StorageStatus.ok) this.#end(status, errno);
		else if (this.reads.isRight(this)) this.#end(StorageStatus.ok, 0);
		else if (this.reads.hasOthers(this)) void this.#mend();
		else this.#isWrong();
	}

	async #mend(): Promise<void> {
		await this.reads.mend(this);
		if (this.reads.isRight(this)) this.#end(StorageStatus.ok, 0);
		else this.#isWrong();
	}

	#isWrong(): void {
		this.reads.isWrong(this);
		this.#end(StorageStatus.mediumError, constants.errno.EIO);
	}

	#end(status: StorageStatus, errno: number): void {
		this.reads.fetched(this);
		this.owner.fetched(this, status, errno);
	}
}
