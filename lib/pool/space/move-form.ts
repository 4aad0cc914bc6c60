/**
 * Where a segment was moved to, as text, as the log says it in a note. Whoever wrote it, nothing in it is believed. Written when the cleaner
 * has moved something, read when a record is taken in.
 */

import { putU48, SEGMENT_SECTORS, takeU48 } from "../format.js";
import { countIn } from "./bitmaps.js";
import { RowState } from "./rows.js";
import { COARSE_WORDS, FINE_WORDS, type Move, type SegmentTable, unitOf } from "./table.js";

const AT = { segment: 0, slot: 6, nextSlot: 10, at: 14, cut: 16, bits: 18 } as const;

export function encodeMove({ segment, slot, nextSlot, at, cut, bits }: Move): string {
	const bytes = Buffer.alloc(AT.bits + bits.byteLength);
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	putU48(view, AT.segment, segment);
	view.setUint32(AT.slot, slot, true);
	view.setUint32(AT.nextSlot, nextSlot, true);
	view.setUint16(AT.at, at, true);
	view.setUint16(AT.cut, cut, true);
	bytes.set(new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength), AT.bits);
	return bytes.toString("base64");
}

/** Undefined if no segment can be moved so. */
export function decodeMove(text: string): Move | undefined {
	const bytes = new Uint8Array(Buffer.from(text, "base64"));
	const words = (bytes.length - AT.bits) / 4;
	if (words !== COARSE_WORDS && words !== FINE_WORDS) return undefined;
	const view = new DataView(bytes.buffer);
	const bits = new Int32Array(bytes.slice(AT.bits).buffer);
	const [at, cut] = [view.getUint16(AT.at, true), view.getUint16(AT.cut, true)];
	const total = countIn(bits, 0, words) * unitOf(words);
	const fits =
		cut % unitOf(words) === 0 && cut <= SEGMENT_SECTORS && at + Math.min(cut, total) <= SEGMENT_SECTORS;
	if (!fits) return undefined;
	const [slot, nextSlot] = [view.getUint32(AT.slot, true), view.getUint32(AT.nextSlot, true)];
	return { segment: takeU48(view, AT.segment), slot, nextSlot, at, cut, bits };
}

/** Whether the table can take it in: the segment is full, and its pages are as small. One that is gone needs no move. */
export function isMoveOf(table: SegmentTable, { segment, bits }: Move): boolean {
	const { rows } = table;
	const row = rows.of(segment);
	return row < 0 || (rows.states[row] !== RowState.open && table.mapsOf(row).words === bits.length);
}
