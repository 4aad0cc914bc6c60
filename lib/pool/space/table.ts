/**
 * Where each segment of the log lies, and which of its pages somebody may still read. A segment lies in the slot that it was written to, or,
 * when the cleaner (`cleaner.ts`) has moved it, without its dead pages in one slot or the end of one and the beginning of another: a
 * page is then found by how many sectors before it were moved. Positions never change by that.
 *
 * Asked for every page that is read, so typed arrays by row. Told of pages by the log, of dead ones by the lineage. A slot in
 * which nothing lives any more is handed to `slots.ts`, which says when it may be used again.
 */

import { invariant } from "../../errors.js";
import { BLOCK_SECTORS, SEGMENT_SECTORS } from "../format.js";
import { Bitmaps, bitAtRank, countBefore, countIn, hasBit, putBits } from "./bitmaps.js";
import { RowState, Rows } from "./rows.js";
import type { SlotSink } from "./slots.js";

/** Words of a bitmap with a bit for each block, and for each sector. */
export const COARSE_WORDS = SEGMENT_SECTORS / BLOCK_SECTORS / 32;
export const FINE_WORDS = SEGMENT_SECTORS / 32;

/** Where a segment was moved to, without what was dead by then. */
export interface Move {
	readonly segment: number;
	readonly slot: number;
	/** Sectors of the slot before it. */
	readonly at: number;
	/** So many sectors are there; the rest is from the beginning of `nextSlot` on. */
	readonly cut: number;
	readonly nextSlot: number;
	/** A bit for each block or sector that was moved. */
	readonly bits: Int32Array;
}

export class SegmentTable {
	/** What `locate` has found: so many sectors of the slot are before the page, and so many from there on belong together. */
	slot = 0;
	sector = 0;
	reach = 0;
	readonly rows = new Rows();
	/** Bitmaps with a bit for each block; for each sector, of segments that have smaller pages. */
	readonly coarse = new Bitmaps(COARSE_WORDS);
	readonly fine = new Bitmaps(FINE_WORDS);
	readonly #sink: SlotSink;
	/** Sectors that live, in all slots. */
	liveSectors = 0;
	/** By slot: sectors that live there. */
	#liveIn = new Int32Array(64);
	/** Slots that are being written to. */
	readonly #open = new Set<number>();

	constructor(sink: SlotSink) {
		this.#sink = sink;
	}

	/** The log goes on in a segment. It may be known already, when the log is read again. */
	begin(segment: number, slot: number): void {
		this.open(slot);
		if (this.rows.of(segment) >= 0) return;
		const row = this.rows.add(segment);
		this.rows.slots[row] = slot;
		this.rows.states[row] = RowState.open;
		this.rows.liveBits[row] = this.coarse.take();
	}

	/** A segment is full; its summary, so many sectors at its end, lives until `forgetSummary`. */
	seal(segment: number, summarySectors: number): void {
		const row = this.rows.of(segment);
		if (row < 0 || this.rows.states[row] !== RowState.open) return;
		this.rows.states[row] = RowState.inPlace;
		this.rows.summaries[row] = summarySectors;
		this.rows.touch(row);
		// (It is no page, and may be cut in two.)
		const longest = this.rows.longest(row);
		if (summarySectors > 0) this.born((segment + 1) * SEGMENT_SECTORS - summarySectors, summarySectors);
		this.rows.setLongest(row, longest);
		this.closeSlot(this.rows.slots[row]!);
	}

	/** Nobody will read the log from this segment on any more. */
	forgetSummary(segment: number): void {
		const row = this.rows.of(segment);
		if (row < 0) return;
		const sectors = this.rows.summaries[row]!;
		this.rows.summaries[row] = 0;
		this.rows.touch(row);
		if (sectors > 0) this.free((segment + 1) * SEGMENT_SECTORS - sectors, sectors);
	}

	/** A page was written. */
	born(position: number, sectors: number): void {
		const row = this.#rowAt(position);
		invariant(row >= 0, "a page is born in a segment that is not there");
		const sector = position % SEGMENT_SECTORS;
		if (sector % BLOCK_SECTORS !== 0 || sectors % BLOCK_SECTORS !== 0) this.#refine(row);
		const added = this.#put(row, sector, sectors, true);
		this.rows.live[row]! += added;
		this.rows.liveFirst[row]! += added;
		this.#addLive(this.rows.slots[row]!, added);
		if (sectors > this.rows.longest(row)) this.rows.setLongest(row, sectors);
	}

	/** Nobody reads that page any more. Harmless when that is known. */
	free(position: number, sectors: number): void {
		const row = this.#rowAt(position);
		if (row < 0 || !this.locate(position)) return;
		const { slot } = this;
		const gone = this.#put(row, position % SEGMENT_SECTORS, sectors, false);
		this.rows.live[row]! -= gone;
		if (slot === this.rows.slots[row]) this.rows.liveFirst[row]! -= gone;
		this.#addLive(slot, -gone);
		this.#settle(row);
		if (gone > 0) this.#emptied(slot);
	}

	/** The cleaner, or the log when it is read again, says where a segment is now. */
	move({ segment, slot, at, cut, nextSlot, bits }: Move): void {
		const row = this.rows.of(segment);
		if (row < 0) return;
		const { rows } = this;
		invariant(rows.states[row] !== RowState.open, "a segment is moved that is written to");
		const [from, to] = [rows.slots[row]!, rows.nextSlots[row]!];
		const [inFrom, inTo] = [this.liveOf(row, from), this.#isSplit(row) ? this.liveOf(row, to) : 0];
		this.#count(row, -1);
		const maps = this.mapsOf(row);
		if (rows.states[row] === RowState.inPlace) rows.movedBits[row] = maps.take();
		rows.states[row] = RowState.moved;
		rows.slots[row] = slot;
		rows.ats[row] = at;
		rows.cuts[row] = cut;
		rows.nextSlots[row] = nextSlot;
		maps.slabOf(rows.movedBits[row]!).set(bits, maps.at(rows.movedBits[row]!));
		this.#bury(row);
		this.#divide(row);
		this.#count(row, 1);
		this.#settle(row);
		if (inFrom > 0) this.#emptied(from);
		if (inTo > 0) this.#emptied(to);
	}

	/** Says where the page at this position lies, in the fields above; false if nothing is known of it. */
	locate(position: number): boolean {
		const { rows } = this;
		const segment = Math.floor(position / SEGMENT_SECTORS);
		const row = rows.of(segment);
		if (row < 0) return false;
		this.slot = rows.slots[row]!;
		// (The remainder of a number that is no integer of 31 bits takes as long as all the rest.)
		this.sector = position - segment * SEGMENT_SECTORS;
		this.reach = SEGMENT_SECTORS - this.sector;
		if (rows.states[row] !== RowState.moved) return true;
		const maps = this.mapsOf(row);
		const moved = rows.movedBits[row]!;
		const unit = unitOf(maps.words);
		const bit = Math.floor(this.sector / unit);
		const words = maps.slabOf(moved);
		const at = maps.at(moved);
		if (!hasBit(words, at, bit)) return false;
		const rank = countBefore(words, at, bit) * unit + (this.sector % unit);
		const cut = rows.cuts[row]!;
		if (rank >= cut) this.slot = rows.nextSlots[row]!;
		this.sector = rank >= cut ? rank - cut : rows.ats[row]! + rank;
		this.reach = rank >= cut ? SEGMENT_SECTORS : cut - rank;
		return true;
	}

	/** Sectors that live in a slot. */
	liveIn(slot: number): number {
		return this.#liveIn[slot] ?? 0;
	}

	isOpen(slot: number): boolean {
		return this.#open.has(slot);
	}

	/** Something is written to this slot until `closeSlot`. */
	open(slot: number): void {
		this.#open.add(slot);
		this.#sink.took(slot);
	}

	closeSlot(slot: number): void {
		this.#open.delete(slot);
		this.#emptied(slot);
	}

	/** The bitmaps that a row's are among. */
	mapsOf(row: number): Bitmaps {
		return this.rows.isFine(row) ? this.fine : this.coarse;
	}

	/** A row was filled from outside: what lives in its slots is counted. */
	restored(row: number): void {
		this.#divide(row);
		this.#count(row, 1);
		if (this.rows.states[row] === RowState.open) this.open(this.rows.slots[row]!);
	}

	#rowAt(position: number): number {
		return this.rows.of(Math.floor(position / SEGMENT_SECTORS));
	}

	/** Sectors of a row that live in this slot. */
	liveOf(row: number, slot: number): number {
		const { rows } = this;
		if (rows.slots[row] === slot) return rows.liveFirst[row]!;
		return this.#isSplit(row) && rows.nextSlots[row] === slot ? rows.live[row]! - rows.liveFirst[row]! : 0;
	}

	/** What lives of a row is counted where it is, or, with -1, not any more. */
	#count(row: number, sign: number): void {
		const { rows } = this;
		const first = rows.liveFirst[row]!;
		this.#addLive(rows.slots[row]!, sign * first);
		if (this.#isSplit(row)) this.#addLive(rows.nextSlots[row]!, sign * (rows.live[row]! - first));
	}

	#isSplit(row: number): boolean {
		return this.rows.states[row] === RowState.moved && this.rows.cuts[row]! < SEGMENT_SECTORS;
	}

	/** What was not moved was dead by then, though the log that is read again does not say so. */
	#bury(row: number): void {
		const maps = this.mapsOf(row);
		const [live, moved] = [this.rows.liveBits[row]!, this.rows.movedBits[row]!];
		const [words, at] = [maps.slabOf(live), maps.at(live)];
		const [others, other] = [maps.slabOf(moved), maps.at(moved)];
		for (let i = 0; i < maps.words; i++) words[at + i]! &= others[other + i]!;
		this.rows.live[row] = countIn(words, at, maps.words) * unitOf(maps.words);
		// (The summary is at the segment's end.)
		if (!hasBit(words, at, maps.words * 32 - 1)) this.rows.summaries[row] = 0;
	}

	/** Its place is new: what lives in the first of its slots is found out. */
	#divide(row: number): void {
		const { rows } = this;
		rows.touch(row);
		rows.liveFirst[row] = rows.live[row]!;
		if (!this.#isSplit(row)) return;
		const maps = this.mapsOf(row);
		const live = rows.liveBits[row]!;
		const unit = unitOf(maps.words);
		const bit = bitAtRank(maps, rows.movedBits[row]!, rows.cuts[row]! / unit);
		rows.liveFirst[row] = countBefore(maps.slabOf(live), maps.at(live), bit) * unit;
	}

	#addLive(slot: number, sectors: number): void {
		if (sectors > 0) this.#sink.took(slot);
		if (slot >= this.#liveIn.length) {
			const larger = new Int32Array(2 * slot);
			larger.set(this.#liveIn);
			this.#liveIn = larger;
		}
		this.#liveIn[slot]! += sectors;
		this.liveSectors += sectors;
	}

	/** Something of a row has died: if all has, the row is gone. */
	#settle(row: number): void {
		const { rows } = this;
		if (rows.live[row] !== 0 || rows.states[row] === RowState.open) return;
		const maps = this.mapsOf(row);
		maps.give(rows.liveBits[row]!);
		if (rows.states[row] === RowState.moved) maps.give(rows.movedBits[row]!);
		rows.remove(row);
	}

	/** Something that was there is not any more. (Of a row that has nothing in a slot somebody else may have that by now.) */
	#emptied(slot: number): void {
		if (this.#liveIn[slot] === 0 && !this.#open.has(slot)) this.#sink.emptied(slot);
	}

	#put(row: number, sector: number, sectors: number, isSet: boolean): number {
		const maps = this.mapsOf(row);
		const live = this.rows.liveBits[row]!;
		const unit = unitOf(maps.words);
		this.rows.touch(row);
		return putBits(maps.slabOf(live), maps.at(live), sector / unit, sectors / unit, isSet) * unit;
	}

	/** A row gets a bit for each sector instead of each block. */
	#refine(row: number): void {
		const { rows } = this;
		if (rows.isFine(row)) return;
		const before = rows.liveBits[row]!;
		const [words, at] = [this.coarse.slabOf(before), this.coarse.at(before)];
		const after = this.fine.take();
		for (let bit = 0; bit < COARSE_WORDS * 32; bit++)
			if (hasBit(words, at, bit))
				putBits(this.fine.slabOf(after), this.fine.at(after), bit * BLOCK_SECTORS, BLOCK_SECTORS, true);
		this.coarse.give(before);
		rows.liveBits[row] = after;
		rows.setFine(row);
	}
}

/** Sectors that a bit stands for, in a bitmap of so many words. */
export function unitOf(words: number): number {
	return SEGMENT_SECTORS / 32 / words;
}
