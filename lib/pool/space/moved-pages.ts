/**
 * Copies live pages of segments to where they are moved, through a window of what is read and a buffer of what is written, so that storage is
 * asked for large pieces however small the pages are. Used by `cleaner.ts`.
 */

import type { Memory } from "../../wire/memory.js";
import { SECTOR_BYTES } from "../../wire/sector.js";
import { SEGMENT_SECTORS } from "../format.js";
import { nextBit } from "./bitmaps.js";
import { type Move, type SegmentTable, unitOf } from "./table.js";

/** All throw what storage throws. */
export interface SlotStore {
	allocate(byteLength: number): Memory;
	read(slot: number, sector: number, sectors: number, into: Memory): Promise<void>;
	write(slot: number, sector: number, sectors: number, from: Memory): Promise<void>;
	/** All that was written to these slots is on stable storage. */
	sync(slots: ReadonlySet<number>): Promise<void>;
	/** Others have had their turn, and as much more may be copied. */
	mayGoOn(sectors: number): Promise<void>;
}

/** Of the window, and of the buffer. */
const PIECE_SECTORS = 512;

export class MovedPages {
	readonly #table: SegmentTable;
	readonly #store: SlotStore;
	readonly #window: Memory;
	#windowSlot = -1;
	#windowFrom = 0;
	#windowTo = 0;
	/** The last one that was read from could not be. */
	isUnreadable = false;
	readonly #buffer: Memory;
	/** Where the buffer goes, and how many sectors are in it. */
	#slot = -1;
	#sector = 0;
	#buffered = 0;
	readonly #unsynced = new Set<number>();

	constructor(table: SegmentTable, store: SlotStore) {
		this.#table = table;
		this.#store = store;
		this.#window = store.allocate(PIECE_SECTORS * SECTOR_BYTES);
		this.#buffer = store.allocate(PIECE_SECTORS * SECTOR_BYTES);
	}

	/** Copies what a move says to where it says. */
	async copy({ segment, bits, slot, at, cut, nextSlot }: Move): Promise<void> {
		const unit = unitOf(bits.length);
		const limit = bits.length * 32;
		this.#windowSlot = -1;
		let rank = 0;
		for (let bit = nextBit(bits, 0, 0, limit, true); bit < limit; ) {
			const end = nextBit(bits, 0, bit, limit, false);
			for (let sector = bit * unit; sector < end * unit; ) {
				const isFirst = rank < cut;
				const left = Math.min(end * unit - sector, isFirst ? cut - rank : SEGMENT_SECTORS);
				await this.#aim(isFirst ? slot : nextSlot, isFirst ? at + rank : rank - cut);
				const copied = await this.#take(segment * SEGMENT_SECTORS + sector, left);
				sector += copied;
				rank += copied;
			}
			bit = nextBit(bits, 0, end, limit, true);
		}
	}

	/** All that was copied is on stable storage when it resolves. */
	async flush(): Promise<void> {
		await this.#write();
		await this.#store.sync(this.#unsynced);
		this.#unsynced.clear();
	}

	/** Something went wrong: what was not written is not wanted. */
	drop(): void {
		this.#buffered = 0;
		this.isUnreadable = false;
		this.#unsynced.clear();
	}

	/** What comes next goes there. */
	async #aim(slot: number, sector: number): Promise<void> {
		const isNext = slot === this.#slot && sector === this.#sector + this.#buffered;
		if (isNext && this.#buffered < PIECE_SECTORS) return;
		await this.#write();
		this.#slot = slot;
		this.#sector = sector;
	}

	/** Copies as many of the sectors as lie together, fit, and are in the window then; says how many. What has died meanwhile is zeros, or anything. */
	async #take(position: number, sectors: number): Promise<number> {
		const table = this.#table;
		const room = Math.min(sectors, PIECE_SECTORS - this.#buffered);
		if (!table.locate(position)) {
			this.#buffered += room;
			return room;
		}
		const { slot, sector, reach } = table;
		if (slot !== this.#windowSlot || sector < this.#windowFrom || sector >= this.#windowTo)
			await this.#look(slot, sector);
		const count = Math.min(room, reach, this.#windowTo - sector);
		const from = (sector - this.#windowFrom) * SECTOR_BYTES;
		this.#buffer.bytes.set(
			this.#window.bytes.subarray(from, from + count * SECTOR_BYTES),
			this.#buffered * SECTOR_BYTES,
		);
		this.#buffered += count;
		return count;
	}

	async #look(slot: number, sector: number): Promise<void> {
		const sectors = Math.min(PIECE_SECTORS, SEGMENT_SECTORS - sector);
		await this.#store.mayGoOn(sectors);
		this.#windowSlot = -1;
		this.isUnreadable = true;
		await this.#store.read(slot, sector, sectors, this.#window);
		this.isUnreadable = false;
		this.#windowSlot = slot;
		this.#windowFrom = sector;
		this.#windowTo = sector + sectors;
	}

	async #write(): Promise<void> {
		const sectors = this.#buffered;
		if (sectors === 0) return;
		this.#unsynced.add(this.#slot);
		await this.#store.write(this.#slot, this.#sector, sectors, this.#buffer);
		this.#sector += sectors;
		this.#buffered = 0;
	}
}
