/**
 * A segment of nodes as bytes, as a checkpoint has it: a row. Whoever wrote it, nothing in it is believed. Used by `checkpoint-store.ts`
 * and `checkpoint-read.ts`.
 *
 * A row: segment 6, kind 2 (1 it lies where it was written, 2 it was moved, 3 it is of an older format), slot 4, bytes of the slot before it 4, bytes
 * that live 4, how many pairs 4; of each run that was moved a pair, its first granule 4 and how many granules there are before it 4, and at last one with
 * how many a segment has and how many there are; then of the granules that there are how many in a row are dead, live, dead and so on, 2 bytes
 * each, where 65535 and 0 go on; or, where that is no shorter, a bit for each.
 */

import { OperatorError } from "../errors.js";
import { putU48, SEGMENT_BYTES, takeU48 } from "./format.js";
import { PLACES_MAX } from "./map/ref.js";
import { GRANULE_BYTES, GRANULES, NodeSegment, wordsFor } from "./node-segment.js";
import { countIn, nextBit, putBits } from "./space/bitmaps.js";

const Kind = { whole: 1, moved: 2, older: 3 } as const;
const AT = { segment: 0, kind: 6, slot: 8, at: 12, live: 16, runs: 20 } as const;
const ROW_BYTES = 24;
const PAIR_BYTES = 8;
const COUNT_MAX = 0xffff;
const COUNT_BYTES = 2;
const WORD_BITS = 32;

export function encodeNodeRow(segment: NodeSegment): Uint8Array {
	const { runs, live } = segment;
	const bits = live === null ? new Uint8Array(0) : packed(live, segment.granules);
	const pairs = runs === null ? 0 : runs.length / 2;
	const bytes = new Uint8Array(ROW_BYTES + pairs * PAIR_BYTES + bits.length);
	const view = new DataView(bytes.buffer);
	putU48(view, AT.segment, segment.number);
	view.setUint16(AT.kind, live === null ? Kind.older : runs === null ? Kind.whole : Kind.moved, true);
	view.setUint32(AT.slot, segment.slot, true);
	view.setUint32(AT.at, segment.at, true);
	view.setUint32(AT.live, segment.liveBytes, true);
	view.setUint32(AT.runs, pairs, true);
	for (let i = 0; i < 2 * pairs; i++) view.setUint32(ROW_BYTES + 4 * i, runs![i]!, true);
	bytes.set(bits, ROW_BYTES + pairs * PAIR_BYTES);
	return bytes;
}

/** Counts of what is not set and what is, in turns; or the bits. */
function packed(words: Int32Array, bits: number): Uint8Array {
	const raw = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
	const counts = new Uint16Array(words.length * 2);
	let used = 0;
	let isSet = false;
	for (let from = 0; from < bits; isSet = !isSet) {
		const to = nextBit(words, 0, from, bits, !isSet);
		// (What is dead at the end need not be told.)
		if (to === bits && !isSet) break;
		for (let left = to - from; ; left -= COUNT_MAX) {
			if (used + 2 > counts.length) return raw.slice();
			counts[used++] = Math.min(left, COUNT_MAX);
			if (left <= COUNT_MAX) break;
			counts[used++] = 0;
		}
		from = to;
	}
	return used < counts.length ? new Uint8Array(counts.buffer, 0, used * 2) : raw.slice();
}

/** Undefined if they are none of so many bits. */
function unpacked(bytes: Uint8Array, bits: number): Int32Array | undefined {
	const words = new Int32Array(wordsFor(bits));
	if (bytes.length === words.byteLength) {
		new Uint8Array(words.buffer).set(bytes);
		const limit = words.length * WORD_BITS;
		return nextBit(words, 0, bits, limit, true) < limit ? undefined : words;
	}
	if (bytes.length > words.byteLength || bytes.length % COUNT_BYTES !== 0) return undefined;
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	let at = 0;
	for (let i = 0; i * COUNT_BYTES < bytes.length; i++) {
		const count = view.getUint16(i * COUNT_BYTES, true);
		if (at + count > bits) return undefined;
		if (i % 2 === 1) putBits(words, 0, at, count, true);
		at += count;
	}
	return words;
}

/** The segment, whose slot is below `slotCount`. Throws an OperatorError that begins with `where` for what is no row. */
export function decodeNodeRow(bytes: Uint8Array, slotCount: number, where: string): NodeSegment {
	const segment = bytes.length < ROW_BYTES ? undefined : segmentOf(bytes, slotCount);
	if (segment === undefined) throw new OperatorError(`${where}: a row of the segments of nodes is damaged`);
	return segment;
}

function segmentOf(bytes: Uint8Array, slotCount: number): NodeSegment | undefined {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	const [number, kind] = [takeU48(view, AT.segment), view.getUint16(AT.kind, true)];
	const [slot, at, live] = [AT.slot, AT.at, AT.live].map((field) => view.getUint32(field, true));
	const pairs = view.getUint32(AT.runs, true);
	const isPlaced = number < PLACES_MAX / SEGMENT_BYTES && slot! < slotCount;
	if (!isPlaced || pairs > GRANULES || ROW_BYTES + pairs * PAIR_BYTES > bytes.length) return undefined;
	if (kind === Kind.older) return pairs > 0 ? undefined : new NodeSegment(number, slot!, live);
	const segment = new NodeSegment(number, slot!);
	const rest = bytes.subarray(ROW_BYTES + pairs * PAIR_BYTES);
	if (kind === Kind.moved) {
		segment.at = at!;
		segment.runs = Int32Array.from({ length: 2 * pairs }, (_, i) => view.getInt32(ROW_BYTES + 4 * i, true));
		if (!areRuns(segment.runs, at!)) return undefined;
	} else if (kind !== Kind.whole || pairs > 0) return undefined;
	const bits = unpacked(rest, segment.granules);
	if (bits === undefined || countIn(bits, 0, bits.length) * GRANULE_BYTES !== live) return undefined;
	segment.live = bits;
	segment.liveBytes = live;
	return segment;
}

/** Whether they follow each other, and fit behind so many bytes of a slot. */
function areRuns(runs: Int32Array, at: number): boolean {
	const end = runs.length - 2;
	if (end < 2 || runs[0]! < 0 || runs[1] !== 0 || runs[end] !== GRANULES) return false;
	for (let i = 0; i < end; i += 2) {
		const length = runs[i + 3]! - runs[i + 1]!;
		if (length <= 0 || length > GRANULES || runs[i]! + length > runs[i + 2]!) return false;
	}
	return at % GRANULE_BYTES === 0 && at + runs[end + 1]! * GRANULE_BYTES <= SEGMENT_BYTES;
}
