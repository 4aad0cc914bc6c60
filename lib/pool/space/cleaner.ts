/**
 * Gets slots back that have few live pages: copies what lives in the emptiest ones, segment by segment in order of position, to a slot of
 * moved pages, and says in the log where they are now. Reads go on by the old place until that is said, and nothing else changes: no map, no
 * snapshot, no checksum. A segment whose pages fill a slot's end goes on in another one.
 *
 * Called by whoever knows how scarce space is, one slot at a time; in between `mayGoOn` keeps it from being in anybody's way.
 */

import { OperatorError } from "../../errors.js";
import { BLOCK_SECTORS, roundUp, SEGMENT_SECTORS } from "../format.js";
import { inTurns } from "../map/turns.js";
import { countIn, nextBit } from "./bitmaps.js";
import { MovedPages, type SlotStore } from "./moved-pages.js";
import { RowState } from "./rows.js";
import { NO_SLOT } from "./slots.js";
import { type Move, type SegmentTable, unitOf } from "./table.js";

/** Rows of the table that are looked at in one step: a pool of a TiB has 131,072. */
const ROWS_PER_STEP = 64;

export interface CleanerWorld extends SlotStore {
	/** Nothing of that slot can be read. Default: of none. */
	isLost?(slot: number): boolean;
	/** A slot for moved pages; `NO_SLOT` if there is none. */
	takeSlot(): number;
	/** Stable when it resolves, and the table knows. */
	say(moves: readonly Move[]): Promise<void>;
}

export class Cleaner {
	/** Sectors that were moved so far. */
	movedSectors = 0;
	readonly #table: SegmentTable;
	readonly #world: CleanerWorld;
	readonly #pages: MovedPages;
	/** Where moved pages go: a slot, and how many of its sectors are taken. */
	#target = NO_SLOT;
	#filled = SEGMENT_SECTORS;
	/** Those before it, until it is said what was moved there. */
	readonly #full: number[] = [];
	/** Slots of which something can't be read: they stay as they are, and others are cleaned. */
	readonly #unreadable = new Set<number>();

	constructor(table: SegmentTable, world: CleanerWorld) {
		this.#table = table;
		this.#world = world;
		this.#pages = new MovedPages(table, world);
	}

	/** Sectors that have room without another slot. */
	get targetSectors(): number {
		return this.#target === NO_SLOT ? 0 : SEGMENT_SECTORS - roundUp(this.#filled, BLOCK_SECTORS);
	}

	/** Those that could not be read are tried again. */
	retry(): void {
		this.#unreadable.clear();
	}

	/**
	 * Empties the emptiest slot of those whose segments are before `before`, if no more than `liveMax` sectors live there; false if there is
	 * none, or no slot to move to. Throws what storage throws, but for what can't be read: then nothing was moved.
	 */
	async clean(before: number, liveMax: number): Promise<boolean> {
		const nextTurn = (): Promise<void> => this.#world.mayGoOn(0);
		const victim = await inTurns(this.emptiest(before), nextTurn);
		if (victim === NO_SLOT) return false;
		const segments = await inTurns(this.#residents(victim), nextTurn);
		// (Meanwhile it may have become empty, and even be written to again.)
		if (this.#table.isOpen(victim) || this.#table.liveIn(victim) > liveMax) return false;
		const isRead = await this.#empty(victim, segments);
		// (Instead of one that can't be, another is emptied.)
		return !isRead || this.#table.liveIn(victim) === 0;
	}

	/** False: something of it can't be read, and it is left alone from now on. */
	async #empty(victim: number, segments: readonly number[]): Promise<boolean> {
		const [target, filled] = [this.#target, this.#filled];
		const moves: Move[] = [];
		try {
			for (const segment of segments) {
				const move = this.#plan(segment);
				if (move === undefined) break;
				await this.#pages.copy(move);
				moves.push(move);
			}
			await this.#pages.flush();
			if (moves.length > 0) await this.#world.say(moves);
			return true;
		} catch (error) {
			if (!(error instanceof OperatorError) || !this.#pages.isUnreadable) throw error;
			this.#unreadable.add(victim);
			// (Nothing was said of what lies there by now.)
			if (this.#target === target) this.#filled = filled;
			return false;
		} finally {
			this.#pages.drop();
			for (const slot of this.#full.splice(0)) this.#table.closeSlot(slot);
		}
	}

	/** The slot in which least lives; found step by step. */
	*emptiest(before: number): Generator<void, number> {
		const table = this.#table;
		const { rows } = table;
		let best = NO_SLOT;
		for (let row = 0; row < rows.end; row++) {
			if (row % ROWS_PER_STEP === 0) yield;
			const state = rows.states[row]!;
			if (state === RowState.none || state === RowState.open) continue;
			if (state === RowState.inPlace && rows.segmentOf(row) >= before) continue;
			best = this.#emptier(best, row, rows.slots[row]!);
			if (state === RowState.moved) best = this.#emptier(best, row, rows.nextSlots[row]!);
		}
		return best;
	}

	#emptier(best: number, row: number, slot: number): number {
		const table = this.#table;
		// (Most are told by this alone, of many.)
		if (best !== NO_SLOT && table.liveIn(slot) >= table.liveIn(best)) return best;
		if (table.liveOf(row, slot) === 0 || table.isOpen(slot)) return best;
		return this.#unreadable.has(slot) || this.#world.isLost?.(slot) ? best : slot;
	}

	/** Segments that have something alive there, in order. */
	*#residents(slot: number): Generator<void, number[]> {
		const { rows } = this.#table;
		const segments: number[] = [];
		for (let row = 0; row < rows.end; row++) {
			if (row % ROWS_PER_STEP === 0) yield;
			if (rows.states[row] === RowState.none || rows.states[row] === RowState.open) continue;
			if (this.#table.liveOf(row, slot) > 0) segments.push(rows.segmentOf(row));
		}
		return segments.sort((a, b) => a - b);
	}

	/** Where the live pages of a segment will be. */
	#plan(segment: number): Move | undefined {
		const { rows } = this.#table;
		const row = rows.of(segment);
		if (row < 0) return undefined;
		const maps = this.#table.mapsOf(row);
		const from = maps.at(rows.liveBits[row]!);
		const bits = maps.slabOf(rows.liveBits[row]!).slice(from, from + maps.words);
		const unit = unitOf(bits.length);
		const total = countIn(bits, 0, bits.length) * unit;
		const at = roundUp(this.#filled, BLOCK_SECTORS);
		const room = SEGMENT_SECTORS - at;
		this.movedSectors += total;
		if (total <= room) {
			this.#filled = at + total;
			return { segment, slot: this.#target, at, cut: SEGMENT_SECTORS, nextSlot: this.#target, bits };
		}
		const slot = this.#target;
		const cut = rows.longest(row) > unit ? cutBetween(bits, unit, room) : room;
		if (!this.#nextTarget()) return undefined;
		const nextSlot = this.#target;
		this.#filled = total - cut;
		if (cut === 0) return { segment, slot: nextSlot, at: 0, cut: SEGMENT_SECTORS, nextSlot, bits };
		return { segment, slot, at, cut, nextSlot, bits };
	}

	#nextTarget(): boolean {
		const slot = this.#world.takeSlot();
		if (slot === NO_SLOT) return false;
		if (this.#target !== NO_SLOT) this.#full.push(this.#target);
		this.#table.open(slot);
		this.#target = slot;
		return true;
	}

	/** Nothing more is moved to where pages were moved to last. */
	close(): void {
		if (this.#target !== NO_SLOT) this.#table.closeSlot(this.#target);
		this.#target = NO_SLOT;
		this.#filled = SEGMENT_SECTORS;
	}
}

/** How many of the sectors fit into `room` if no page is to be cut in two: up to a place where something dead is between. */
function cutBetween(bits: Int32Array, unit: number, room: number): number {
	const limit = bits.length * 32;
	let sectors = 0;
	for (let bit = nextBit(bits, 0, 0, limit, true); bit < limit; ) {
		const end = nextBit(bits, 0, bit, limit, false);
		if (sectors + (end - bit) * unit > room) break;
		sectors += (end - bit) * unit;
		bit = nextBit(bits, 0, end, limit, true);
	}
	return sectors;
}
