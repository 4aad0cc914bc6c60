/**
 * The table of segments as bytes, as a checkpoint has it: of each segment a row of 24 bytes, its bitmap of what lives, and, if it was
 * moved, that of what was. In as many pieces as whoever stores them likes. Stored bytes may be anybody's: nothing in them is believed.
 *
 * A row: segment 6, slot 4, slot of the rest 4, sectors of the slot before it 2, how many of its sectors are there 2, sectors that live 2,
 * of its summary 2; and in 2 the sectors of its longest page (bits 0 to 9), whether bitmaps have a bit for each sector instead of each block (10),
 * and whether it is being written (1), where it was written (2) or was moved (3) (bits 11 and 12).
 */

import { OperatorError } from "../../errors.js";
import type { BlobRef } from "../blob-ref.js";
import { putU48, SEGMENT_SECTORS, takeU48 } from "../format.js";
import { POSITIONS_MAX } from "../map/entry.js";
import type { Steps } from "../map/turns.js";
import { type Bitmaps, countIn, putBits } from "./bitmaps.js";
import { GROUP_ROWS, RowState } from "./rows.js";
import { COARSE_WORDS, FINE_WORDS, type SegmentTable, unitOf } from "./table.js";

const ROW_BYTES = 24;
const AT = {
	segment: 0,
	slot: 6,
	nextSlot: 10,
	at: 14,
	cut: 16,
	live: 18,
	summary: 20,
	longest: 22,
} as const;
/** Bits of the last two bytes: the longest page's sectors, up to 512, then these. */
const LONGEST = 0x3ff;
const FINE = 0x400;
const STATE_AT = 11;

/** Positions have 50 bits. */
const SEGMENTS_MAX = POSITIONS_MAX / SEGMENT_SECTORS;

/** A group begins with how many rows it has. */
const COUNT_BYTES = 4;

/** The row of a segment. */
export function encodeRow(table: SegmentTable, segment: number): Uint8Array {
	const row = table.rows.of(segment);
	const bytes = new Uint8Array(bytesOf(table, row));
	putRow(table, row, bytes, 0);
	return bytes;
}

/** The row of the segment that was being filled when the log ended at a position. */
export function encodeOpenRow(table: SegmentTable, segment: number, end: number): Uint8Array {
	const { rows } = table;
	const bytes = encodeRow(table, segment);
	const words = wordsAt(bytes, ROW_BYTES, table.mapsOf(rows.of(segment)).words);
	const bits = words.length * 32;
	const from = (end - segment * SEGMENT_SECTORS) / unitOf(words.length);
	putBits(words, 0, from, bits - from, false);
	bytes.set(new Uint8Array(words.buffer), ROW_BYTES);
	const view = new DataView(bytes.buffer);
	view.setUint16(AT.live, countIn(words, 0, words.length) * unitOf(words.length), true);
	view.setUint16(AT.summary, 0, true);
	const flags = view.getUint16(AT.longest, true) & (LONGEST | FINE);
	view.setUint16(AT.longest, flags | (RowState.open << STATE_AT), true);
	return bytes;
}

/** Those of a group whose segments are before one; `isWhole`: there are no others. */
export function encodeGroup(
	table: SegmentTable,
	group: number,
	before: number,
): { readonly bytes: Uint8Array; readonly isWhole: boolean } {
	const { rows } = table;
	const first = group * GROUP_ROWS;
	const told: number[] = [];
	let length = COUNT_BYTES;
	let isWhole = true;
	for (let row = first; row < Math.min(rows.end, first + GROUP_ROWS); row++) {
		if (rows.states[row] === RowState.none) continue;
		if (rows.segmentOf(row) >= before) isWhole = false;
		else {
			told.push(row);
			length += bytesOf(table, row);
		}
	}
	const bytes = new Uint8Array(length);
	new DataView(bytes.buffer).setUint32(0, told.length, true);
	let at = COUNT_BYTES;
	for (const row of told) at = putRow(table, row, bytes, at);
	return { bytes, isWhole };
}

function bytesOf(table: SegmentTable, row: number): number {
	const maps = table.rows.states[row] === RowState.moved ? 2 : 1;
	return ROW_BYTES + maps * table.mapsOf(row).words * 4;
}

/** Returns where it ends. */
function putRow(table: SegmentTable, row: number, bytes: Uint8Array, at: number): number {
	const { rows } = table;
	const view = new DataView(bytes.buffer, bytes.byteOffset + at, ROW_BYTES);
	const isMoved = rows.states[row] === RowState.moved;
	putU48(view, AT.segment, rows.segmentOf(row));
	view.setUint32(AT.slot, rows.slots[row]!, true);
	view.setUint32(AT.nextSlot, isMoved ? rows.nextSlots[row]! : 0, true);
	view.setUint16(AT.at, isMoved ? rows.ats[row]! : 0, true);
	view.setUint16(AT.cut, isMoved ? rows.cuts[row]! : 0, true);
	view.setUint16(AT.live, rows.live[row]!, true);
	view.setUint16(AT.summary, rows.summaries[row]!, true);
	const flags = (rows.isFine(row) ? FINE : 0) | (rows.states[row]! << STATE_AT);
	view.setUint16(AT.longest, rows.longest(row) | flags, true);
	const end = putBitmap(table.mapsOf(row), rows.liveBits[row]!, bytes, at + ROW_BYTES);
	return isMoved ? putBitmap(table.mapsOf(row), rows.movedBits[row]!, bytes, end) : end;
}

function putBitmap(maps: Bitmaps, number: number, bytes: Uint8Array, at: number): number {
	const [words, from] = [maps.slabOf(number), maps.at(number)];
	bytes.set(new Uint8Array(words.buffer, from * 4, maps.words * 4), at);
	return at + maps.words * 4;
}

/** To look at a row takes as long as so many steps. */
const STEPS_PER_ROW = 4;

/**
 * Puts all rows in `bytes` into the table, whose slots are below `slotCount`, step by step. Throws an OperatorError for what is no such table.
 */
export function* rowsIn(table: SegmentTable, bytes: Uint8Array, slotCount: number): Steps {
	for (let at = 0; at < bytes.length; ) {
		const end = decodeRow(table, bytes, at, slotCount);
		if (end === undefined) throw new OperatorError(`the table of segments is damaged at byte ${at}`);
		at = end;
		yield STEPS_PER_ROW;
	}
}

/** The next group, as it is stored at `ref`, likewise. Throws an OperatorError. */
export function* groupIn(
	table: SegmentTable,
	group: number,
	{ ref, bytes }: { readonly ref: BlobRef; readonly bytes: Uint8Array },
	slotCount: number,
): Steps {
	const { size } = table.rows;
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	const count = bytes.length < COUNT_BYTES ? -1 : view.getUint32(0, true);
	if (count < 0 || count > GROUP_ROWS) throw new OperatorError("the table of segments is damaged");
	yield* rowsIn(table, bytes.subarray(COUNT_BYTES), slotCount);
	if (table.rows.size !== size + count) throw new OperatorError("the table of segments is damaged");
	table.rows.endGroup(group, ref);
}

function decodeRow(
	table: SegmentTable,
	bytes: Uint8Array,
	at: number,
	slotCount: number,
): number | undefined {
	if (at + ROW_BYTES > bytes.length) return undefined;
	const view = new DataView(bytes.buffer, bytes.byteOffset + at, ROW_BYTES);
	const flags = view.getUint16(AT.longest, true);
	const state = flags >>> STATE_AT;
	const isMoved = state === RowState.moved;
	const words = flags & FINE ? FINE_WORDS : COARSE_WORDS;
	const end = at + ROW_BYTES + (isMoved ? 2 : 1) * words * 4;
	if (end > bytes.length || state < RowState.open || state > RowState.moved) return undefined;
	const live = wordsAt(bytes, at + ROW_BYTES, words);
	const moved = isMoved ? wordsAt(bytes, at + ROW_BYTES + words * 4, words) : undefined;
	if (!isSound(view, live, moved, slotCount) || table.rows.of(takeU48(view, AT.segment)) >= 0)
		return undefined;
	restore(table, view, live, moved);
	return end;
}

function wordsAt(bytes: Uint8Array, at: number, words: number): Int32Array {
	return new Int32Array(new Uint8Array(bytes.subarray(at, at + words * 4)).buffer);
}

/** Whether numbers and bitmaps of a row agree. */
function isSound(
	view: DataView,
	live: Int32Array,
	moved: Int32Array | undefined,
	slotCount: number,
): boolean {
	const unit = unitOf(live.length);
	const sectors = countIn(live, 0, live.length) * unit;
	const [at, cut] = [view.getUint16(AT.at, true), view.getUint16(AT.cut, true)];
	const isOpen = view.getUint16(AT.longest, true) >>> STATE_AT === RowState.open;
	const isPlaced =
		takeU48(view, AT.segment) < SEGMENTS_MAX &&
		(sectors > 0 || isOpen) &&
		view.getUint32(AT.slot, true) < slotCount &&
		view.getUint32(AT.nextSlot, true) < slotCount &&
		view.getUint16(AT.live, true) === sectors &&
		view.getUint16(AT.summary, true) <= SEGMENT_SECTORS &&
		(view.getUint16(AT.longest, true) & LONGEST) <= 512;
	if (moved === undefined || !isPlaced) return isPlaced;
	const total = countIn(moved, 0, moved.length) * unit;
	const fits = cut % unit === 0 && at + Math.min(cut, total) <= SEGMENT_SECTORS && cut <= SEGMENT_SECTORS;
	return fits && live.every((word, i) => (word & ~moved[i]!) === 0);
}

function restore(table: SegmentTable, view: DataView, live: Int32Array, moved: Int32Array | undefined): void {
	const { rows } = table;
	const flags = view.getUint16(AT.longest, true);
	const row = rows.add(takeU48(view, AT.segment));
	if (flags & FINE) rows.setFine(row);
	rows.setLongest(row, flags & LONGEST);
	rows.states[row] = flags >>> STATE_AT;
	rows.slots[row] = view.getUint32(AT.slot, true);
	rows.nextSlots[row] = view.getUint32(AT.nextSlot, true);
	rows.ats[row] = view.getUint16(AT.at, true);
	rows.cuts[row] = view.getUint16(AT.cut, true);
	rows.live[row] = view.getUint16(AT.live, true);
	rows.summaries[row] = view.getUint16(AT.summary, true);
	const maps = table.mapsOf(row);
	rows.liveBits[row] = taken(maps, live);
	if (moved !== undefined) rows.movedBits[row] = taken(maps, moved);
	table.restored(row);
}

function taken(maps: Bitmaps, words: Int32Array): number {
	const number = maps.take();
	maps.slabOf(number).set(words, maps.at(number));
	return number;
}
