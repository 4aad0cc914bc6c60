/**
 * A write, trim or writing of zeroes of a volume on its way into a record. Whole pages are copied, or noted as zeros; of a page that is
 * changed in part the newest content is had first, which may take a read. Made and used again by `volume-device.ts`. What overlaps it
 * waits meanwhile, above (`lib/block/ordering.ts`).
 */

import { constants } from "node:os";
import { BlockOp, type BlockRequest } from "../block/request.js";
import { invariant, StorageStatus } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { copyBytes, isZero } from "./bytes.js";
import { Progress } from "./change-progress.js";
import { RECORD_DATA_BYTES, RECORD_ENTRIES } from "./format.js";
import type { NodeFault, NodeWaiter } from "./map/store.js";
import { type PageStore, Where } from "./page-store.js";
import { Allowance, type Quota, Verdict } from "./quota.js";
import { type FetchOwner, PageFetch } from "./stored-reads.js";

/** Pages that one entry can make zeros. */
const HOLE_PAGES_MAX = 2 ** 32 - 1;

export interface ChangeOwner {
	/** A page that it lacked is here, or can't be had. */
	changeGoesOn(change: VolumeChange): void;
}

export class VolumeChange implements FetchOwner, NodeWaiter {
	nextWaiter: NodeWaiter | null = null;
	request: BlockRequest | null = null;
	/** The next one that waits, or that is unused. */
	next: VolumeChange | null = null;
	status: StorageStatus = StorageStatus.ok;
	errno = 0;
	readonly #store: PageStore;
	readonly #volume: number;
	readonly #pageBytes: number;
	readonly #owner: ChangeOwner;
	readonly #allowance: Allowance;
	/** Pages of which a part is changed: the first and the last one. */
	readonly #head: PageFetch;
	readonly #tail: PageFetch;
	#headPage = -1;
	#tailPage = -1;
	/** A page is being asked for, and has come at once. */
	#isAsking = false;
	#isHere = false;
	#range = 0;
	#at = 0;
	#end = 0;

	constructor(
		store: PageStore,
		volume: number,
		pageBytes: number,
		allocate: (byteLength: number) => Memory,
		owner: ChangeOwner,
		quota: Quota,
	) {
		this.#store = store;
		this.#volume = volume;
		this.#pageBytes = pageBytes;
		this.#owner = owner;
		this.#allowance = new Allowance(quota, volume, pageBytes);
		this.#head = new PageFetch(store.reads, allocate(pageBytes), pageBytes, this);
		this.#tail = new PageFetch(store.reads, allocate(pageBytes), pageBytes, this);
	}

	begin(request: BlockRequest): void {
		this.request = request;
		this.status = StorageStatus.ok;
		this.errno = 0;
		this.#headPage = -1;
		this.#tailPage = -1;
		this.#range = 0;
		this.#allowance.begin();
		this.#beginRange(request);
	}

	/** Nothing of it is in a record yet. */
	get isUntouched(): boolean {
		return this.#range === 0 && this.#at === this.request!.offsetBytes;
	}

	#beginRange({ ranges, offsetBytes, lengthBytes }: BlockRequest): void {
		this.#at = ranges === null ? offsetBytes : ranges[2 * this.#range]!;
		this.#end = this.#at + (ranges === null ? lengthBytes : ranges[2 * this.#range + 1]!);
	}

	/** Goes as far as it can. With `done` see `status`. */
	goOn(): Progress {
		const { log } = this.#store;
		const progress = this.#goOn(log);
		// (Of what is refused in the middle, some may be in a record.)
		if (progress === Progress.done && !log.gather.isEmpty) log.wake();
		return progress;
	}

	#goOn(log: PageStore["log"]): Progress {
		const refusal = log.refuses();
		if (refusal !== StorageStatus.ok) {
			this.status = refusal;
			this.errno = log.refusal.errno;
		}
		// (What becomes zeros is taken: it may be what makes room.)
		if (this.request!.op === BlockOp.write && log.room.isFull) this.status = StorageStatus.noSpace;
		if (this.status !== StorageStatus.ok) return Progress.done;
		return this.request!.op === BlockOp.write ? this.#write() : this.#zero();
	}

	/** As a whole in one record, if it can be. */
	#write(): Progress {
		const { log } = this.#store;
		const { offsetBytes } = this.request!;
		const bytes = this.#pageBytes;
		const first = Math.floor(this.#at / bytes);
		const pages = Math.ceil(this.#end / bytes) - first;
		if (this.#lacks(first, this.#at, this.#end)) return Progress.fetching;
		if (this.status !== StorageStatus.ok) return Progress.done;
		if (this.#lacks(first + pages - 1, this.#at, this.#end)) return Progress.fetching;
		if (this.status !== StorageStatus.ok) return Progress.done;
		const isOne = pages <= RECORD_ENTRIES && pages * bytes <= RECORD_DATA_BYTES;
		const isWhole = isOne && this.#at === offsetBytes;
		if (isWhole && !log.fits(pages, (pages * bytes) / SECTOR_BYTES, 0)) return Progress.needsRoom;
		if (isWhole && !this.#isAllowed(first, pages)) return this.#refused;
		while (this.#at < this.#end) {
			if (!log.fits(1, bytes / SECTOR_BYTES, 0)) return Progress.needsRoom;
			const page = Math.floor(this.#at / bytes);
			if (!isWhole && !this.#isAllowed(page, 1)) return this.#refused;
			const to = Math.min(this.#end, (page + 1) * bytes);
			this.#put(page, this.#at - page * bytes, to - this.#at);
			this.#at = to;
			if (!isWhole) this.#allowance.gathered();
		}
		if (isWhole) this.#allowance.gathered();
		return Progress.done;
	}

	/** Whether the volume may have so many pages as they are written. If not: `#refused`. */
	#isAllowed(first: number, pages: number): boolean {
		const request = this.request!;
		const verdict = this.#allowance.ask(this.#store, request, first, pages, this);
		if (verdict === Verdict.unsure) request.park();
		else if (verdict === Verdict.failed) this.#fail();
		else if (verdict === Verdict.over) {
			this.status = StorageStatus.noSpace;
			this.errno = constants.errno.EDQUOT;
		}
		return verdict === Verdict.allowed;
	}

	/** It failed, or goes on by itself. */
	get #refused(): Progress {
		return this.status === StorageStatus.ok ? Progress.fetching : Progress.done;
	}

	#zero(): Progress {
		const bytes = this.#pageBytes;
		const { ranges } = this.request!;
		for (;;) {
			while (this.#at < this.#end) {
				const page = Math.floor(this.#at / bytes);
				if (this.#lacks(page, this.#at, this.#end)) return Progress.fetching;
				if (this.status !== StorageStatus.ok) return Progress.done;
				if (!this.#zeroFits(page)) return Progress.needsRoom;
				if (this.status !== StorageStatus.ok) return Progress.done;
				this.#at = this.#zeroFrom(page);
			}
			if (ranges === null || 2 * ++this.#range >= ranges.length) break;
			this.#beginRange(this.request!);
		}
		return Progress.done;
	}

	/** Whole pages take no space; of others what is beside the zeros is written anew. */
	#zeroFits(page: number): boolean {
		const { log } = this.#store;
		const bytes = this.#pageBytes;
		const isWhole = this.#at <= page * bytes && this.#end >= (page + 1) * bytes;
		if (!isWhole && log.room.isFull) this.status = StorageStatus.noSpace;
		return this.status !== StorageStatus.ok || log.fits(1, isWhole ? 0 : bytes / SECTOR_BYTES, 0);
	}

	/** As much as one entry is for; returns where it ends. */
	#zeroFrom(page: number): number {
		const bytes = this.#pageBytes;
		const begin = page * bytes;
		const count = Math.min(HOLE_PAGES_MAX, Math.floor((this.#end - begin) / bytes));
		if (this.#at === begin && count > 0) {
			this.#store.log.gather.hole(this.#volume, page, count);
			this.#allowance.quota.loosen();
			return begin + count * bytes;
		}
		const to = Math.min(this.#end, begin + bytes);
		this.#put(page, this.#at - begin, to - this.#at);
		return to;
	}

	/** Whether a page that is changed in part has to be read first: then that has begun. */
	#lacks(page: number, from: number, to: number): boolean {
		const bytes = this.#pageBytes;
		const isWhole = from <= page * bytes && to >= (page + 1) * bytes;
		if (isWhole || page === this.#headPage || page === this.#tailPage) return false;
		const where = this.#find(page);
		if (where === Where.loading) return true;
		if (where === Where.failed) this.#fail();
		if (where !== Where.stored) return false;
		const isHead = page === Math.floor(from / bytes);
		if (isHead) this.#headPage = page;
		else this.#tailPage = page;
		const { position, crc, reads } = this.#store;
		this.request!.park();
		this.#isHere = false;
		this.#isAsking = true;
		reads.fetch(isHead ? this.#head : this.#tail, position, crc);
		this.#isAsking = false;
		return !this.#isHere;
	}

	/** Where a page is: with `loading` this goes on when that is known. */
	#find(page: number): Where {
		const where = this.#store.find(this.#volume, page, this);
		if (where === Where.loading) this.request!.park();
		return where;
	}

	#fail(): void {
		this.status = StorageStatus.mediumError;
		this.errno = constants.errno.EIO;
	}

	nodeReady(fault: NodeFault | null): void {
		if (fault !== null) this.#fail();
		this.#owner.changeGoesOn(this);
	}

	fetched(_fetch: PageFetch, status: StorageStatus, errno: number): void {
		if (status !== StorageStatus.ok) [this.status, this.errno] = [status, errno];
		this.#isHere = true;
		if (!this.#isAsking) this.#owner.changeGoesOn(this);
	}

	/** Changes so many bytes of a page. There is room. */
	#put(page: number, from: number, length: number): void {
		const { request } = this;
		const { gather } = this.#store.log;
		const source = request!.op === BlockOp.write ? request!.memory : null;
		const sourceOffset = source === null ? 0 : request!.memoryOffset + this.#at - request!.offsetBytes;
		const isWhole = length === this.#pageBytes;
		const where = isWhole ? Where.hole : this.#whereNow(page);
		const isZeros = source === null || isZero(source, sourceOffset, length);
		if (isZeros && this.#isZeroBeside(where, page, from, length)) {
			if (!isWhole && where === Where.hole) return;
			gather.hole(this.#volume, page, 1);
			this.#allowance.quota.loosen();
			return;
		}
		const at = isWhole ? this.#place(page) : this.#image(page, where);
		if (source === null) gather.memory.bytes.fill(0, at + from, at + from + length);
		else copyBytes(gather.memory, at + from, source, sourceOffset, length);
	}

	/** Where a page is that was looked for just now, and read if it is stored; the node that said so may be gone again. */
	#whereNow(page: number): Where {
		const where = this.#store.find(this.#volume, page, null);
		if (where !== Where.loading) return where;
		return page === this.#headPage || page === this.#tailPage ? Where.stored : Where.hole;
	}

	/** Whether all else of a page reads as zeros. */
	#isZeroBeside(where: Where, page: number, from: number, length: number): boolean {
		if (where === Where.hole) return true;
		const isStored = where === Where.stored;
		const memory = isStored ? this.#fetchedPage(page) : this.#store.memory;
		const begin = isStored ? 0 : this.#store.memoryOffset;
		const end = from + length;
		return isZero(memory, begin, from) && isZero(memory, begin + end, this.#pageBytes - end);
	}

	#place(page: number): number {
		return this.#store.log.gather.page(this.#volume, page, this.#pageBytes / SECTOR_BYTES);
	}

	/** Where the page is in the record, with what it held so far. */
	#image(page: number, where: Where): number {
		const { memory, memoryOffset, log } = this.#store;
		const at = this.#place(page);
		if (where === Where.hole) log.gather.memory.bytes.fill(0, at, at + this.#pageBytes);
		else if (where === Where.stored)
			copyBytes(log.gather.memory, at, this.#fetchedPage(page), 0, this.#pageBytes);
		else if (memory !== log.gather.memory)
			copyBytes(log.gather.memory, at, memory, memoryOffset, this.#pageBytes);
		return at;
	}

	#fetchedPage(page: number): Memory {
		invariant(page === this.#headPage || page === this.#tailPage, "a page is changed that was not read");
		return page === this.#headPage ? this.#head.memory : this.#tail.memory;
	}
}
