/**
 * A pool's space without a pool, for `space.test.ts`: a log that writes pages of chance into segments, a table of them, slots, the cleaner;
 * and storage that knows of each sector only which position was written there. What is alive is kept in a plain map beside.
 */

import { SEGMENT_SECTORS } from "../../lib/pool/format.js";
import { atOnce } from "../../lib/pool/map/turns.js";
import { Cleaner, type CleanerWorld } from "../../lib/pool/space/cleaner.js";
import { decodeMove, encodeMove, isMoveOf } from "../../lib/pool/space/move-form.js";
import { NO_SLOT, Slots } from "../../lib/pool/space/slots.js";
import { type Move, SegmentTable } from "../../lib/pool/space/table.js";
import { encodeRow, rowsIn } from "../../lib/pool/space/table-form.js";
import type { Random } from "../../lib/random.js";
import { heapMemory, type Memory } from "../../lib/wire/memory.js";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";

export const SLOTS = 12;
/** Left to the cleaner. */
export const RESERVE = 3;
const SUMMARY_SECTORS = 16;

/** What the log says, to be read again. */
type Said =
	| { readonly kind: "begin"; readonly segment: number; readonly slot: number }
	| { readonly kind: "page"; readonly position: number; readonly sectors: number }
	| { readonly kind: "seal"; readonly segment: number }
	| { readonly kind: "move"; readonly move: string };

/** What a copy of the head names: the table as it was, and how much had been said. */
interface Checkpoint {
	readonly number: number;
	readonly segment: number;
	readonly rows: Uint8Array;
	readonly said: number;
}

export class SpaceWorld implements CleanerWorld {
	position = 0;
	slots = new Slots();
	table = new SegmentTable(this.slots);
	cleaner = new Cleaner(this.table, this);
	/** By slot, of each sector: the position that was written there. */
	readonly storage = Array.from({ length: SLOTS }, () => new Float64Array(SEGMENT_SECTORS).fill(-1));
	/** Sectors by position, of pages that somebody reads. */
	readonly live = new Map<number, number>();
	readonly wrong: string[] = [];
	readonly said: Said[] = [];
	/** Newest first. */
	heads: readonly [Checkpoint, Checkpoint];
	slot = NO_SLOT;
	/** How often a slot was used again. */
	reused = 0;
	readonly #used = new Set<number>();
	/** Set: nothing happens while the cleaner copies. */
	isQuiet = false;
	/** Set: storage fails. */
	fails = false;

	/** `pageSectors`: what pages there are. */
	constructor(
		readonly random: Random,
		readonly pageSectors: readonly number[],
	) {
		this.slots.grow(SLOTS);
		this.#begin();
		const first = this.#checkpoint();
		this.heads = [first, first];
	}

	get segment(): number {
		return Math.floor(this.position / SEGMENT_SECTORS);
	}

	#begin(): void {
		const slot = this.slots.free > RESERVE ? this.takeSlot() : NO_SLOT;
		this.slot = slot;
		if (slot !== NO_SLOT) this.#say({ kind: "begin", segment: this.segment, slot });
	}

	#say(said: Said): void {
		this.said.push(said);
		this.#hear(said);
	}

	#hear(said: Said): void {
		if (said.kind === "begin") this.table.begin(said.segment, said.slot);
		else if (said.kind === "page") this.table.born(said.position, said.sectors);
		else if (said.kind === "seal") this.table.seal(said.segment, SUMMARY_SECTORS);
		else this.#move(said.move);
	}

	#move(text: string): void {
		const move = decodeMove(text);
		if (move === undefined || !isMoveOf(this.table, move)) this.wrong.push(`a move that is none: ${text}`);
		else this.table.move(move);
	}

	/** Writes pages, until so many sectors of the log are behind them or there is no slot. */
	appendMany(sectors: number): void {
		const end = this.position + sectors;
		while (this.position < end && this.append());
	}

	/** False if there is no slot to write to. */
	append(): boolean {
		if (this.slot === NO_SLOT) this.#begin();
		if (this.slot === NO_SLOT) return false;
		const sectors = this.random.pick(this.pageSectors as [number]);
		if (sectors % 8 === 0) this.position = Math.ceil(this.position / 8) * 8;
		const end = (this.segment + 1) * SEGMENT_SECTORS;
		if (this.position + sectors > end - SUMMARY_SECTORS) {
			this.#put(this.slot, end - SUMMARY_SECTORS, SUMMARY_SECTORS);
			this.#say({ kind: "seal", segment: this.segment });
			this.position = end;
			this.#begin();
			return this.slot !== NO_SLOT;
		}
		this.#put(this.slot, this.position, sectors);
		this.#say({ kind: "page", position: this.position, sectors });
		this.live.set(this.position, sectors);
		this.position += sectors;
		return true;
	}

	#put(slot: number, position: number, sectors: number): void {
		for (let i = 0; i < sectors; i++) this.storage[slot]![(position + i) % SEGMENT_SECTORS] = position + i;
	}

	die(position: number): void {
		this.table.free(position, this.live.get(position)!);
		this.live.delete(position);
	}

	#checkpoint(): Checkpoint {
		const rows = this.table.rows.segments().map((segment) => encodeRow(this.table, segment));
		return {
			number: this.slots.checkpoint(),
			segment: this.segment,
			rows: Buffer.concat(rows),
			said: this.said.length,
		};
	}

	/** One copy of the head is written, over the older one. */
	checkpoint(): void {
		this.heads = [this.#checkpoint(), this.heads[0]];
		const [, older] = this.heads;
		for (const segment of this.table.rows.segments())
			if (segment < older.segment) this.table.forgetSummary(segment);
		this.slots.settle(older.number);
	}

	/** Opened again by one of the copies: dead pages that are not in it are told of again, as the lineage does. */
	reopen(head: Checkpoint): void {
		this.slots = new Slots();
		this.slots.grow(SLOTS);
		this.table = new SegmentTable(this.slots);
		this.cleaner = new Cleaner(this.table, this);
		atOnce(rowsIn(this.table, head.rows, SLOTS));
		for (const said of this.said.slice(head.said)) this.#hear(said);
		this.slot = this.table.isOpen(this.slot) ? this.slot : NO_SLOT;
		this.check();
		for (const said of this.said)
			if (said.kind === "page" && !this.live.has(said.position)) this.table.free(said.position, said.sectors);
		const opened = { ...head, number: 0 };
		this.heads = [opened, opened];
	}

	/** Every page that somebody reads is where the table says. */
	check(): void {
		for (const [position, sectors] of this.live) {
			const isThere = this.table.locate(position) && this.table.reach >= sectors;
			const { slot, sector } = this.table;
			const tags = this.storage[slot]!;
			if (!isThere || tags[sector] !== position || tags[sector + sectors - 1] !== position + sectors - 1)
				this.wrong.push(`the page at ${position} is not in slot ${slot} at ${sector}`);
		}
	}

	/** What lives is counted right, in all. After everything dead was told of. */
	checkCounts(): void {
		let pages = 0;
		for (const sectors of this.live.values()) pages += sectors;
		let counted = 0;
		for (let slot = 0; slot < SLOTS; slot++) counted += this.table.liveIn(slot);
		const { rows } = this.table;
		for (const segment of rows.segments()) counted -= rows.summaries[rows.of(segment)]!;
		if (counted !== pages) this.wrong.push(`${counted} sectors live, not ${pages}`);
	}

	allocate(byteLength: number): Memory {
		return heapMemory(byteLength);
	}

	takeSlot(): number {
		const slot = this.slots.take();
		if (slot !== NO_SLOT && this.#used.has(slot)) this.reused++;
		this.#used.add(slot);
		return slot;
	}

	async read(slot: number, sector: number, sectors: number, into: Memory): Promise<void> {
		if (this.fails) throw new Error("storage fails");
		for (let i = 0; i < sectors; i++)
			into.view.setFloat64(i * SECTOR_BYTES, this.storage[slot]![sector + i]!);
	}

	async write(slot: number, sector: number, sectors: number, from: Memory): Promise<void> {
		for (let i = 0; i < sectors; i++)
			this.storage[slot]![sector + i] = from.view.getFloat64(i * SECTOR_BYTES);
	}

	async sync(): Promise<void> {
		if (this.fails) throw new Error("storage fails");
	}

	/** While the cleaner copies, pages die and others are written. */
	async mayGoOn(): Promise<void> {
		if (this.isQuiet) return;
		if (this.random.chance(0.05)) this.append();
		const [position] = this.live.keys();
		if (position !== undefined && this.random.chance(0.05)) this.die(position);
	}

	async say(moves: readonly Move[]): Promise<void> {
		for (const move of moves) this.#say({ kind: "move", move: encodeMove(move) });
	}
}
