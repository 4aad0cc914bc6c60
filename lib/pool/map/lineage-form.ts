/**
 * The lineage as bytes, as a checkpoint has it: lines, points and heads, and the lists of dead pages between them: where their parts are
 * stored, and what is in memory. Made step by step, so that whoever is served has a turn in between; nothing of the lineage may change
 * meanwhile. Used by `checkpoint-store.ts`; `lineage-read.ts` takes it apart again.
 */

import { invariant } from "../../errors.js";
import type { Chain } from "./chain.js";
import type { Lineage } from "./lineage.js";
import { Census, originOf, parentOf } from "./lineage-census.js";
import type { Line, Point } from "./point.js";

/** "VLBL" and a number for the format. */
export const MAGIC = 0x4c424c56;
export const FORMAT = 2;
/**
 * Numbers of a line: its own, where its window begins, flags, origin, head, sectors of its history, where the last page died, and how many
 * pages of its window are in no sum. Of a point: line, position, flags, parent, place on its line, sectors that it reads and one more (0: not known).
 */
export const LINE_NUMBERS = 8;
export const POINT_NUMBERS = 6;
/** Of a part: its place, checksum, pages, sectors, and where its first page died. */
export const PART_NUMBERS = 5;

export const Flag = { listed: 1, ending: 2, wanted: 4, dead: 8 } as const;

/** Numbers of one piece; the last ones are for what is put before it is asked whether it is full. */
const SHEET_NUMBERS = 2048;
const SHEET_REST = 16;
const SHEET_FULL = SHEET_NUMBERS - SHEET_REST;
/** So many steps are done until a piece has no bytes. */
const STEPS_PER_PIECE = 256;

/** Numbers and words one behind the other, until they are a piece. */
class Sheet {
	readonly #numbers = new Float64Array(SHEET_NUMBERS);
	readonly #bytes = new Uint8Array(this.#numbers.buffer);
	#count = 0;

	get isFull(): boolean {
		return this.#count >= SHEET_FULL;
	}

	put(number: number): void {
		// (An array drops what is put behind its end, and says nothing.)
		invariant(this.#count < SHEET_NUMBERS, "a number has a place");
		this.#numbers[this.#count++] = number;
	}

	/** Puts words of dead pages, from `from` on, until it is full; returns how far that is. */
	putWords(words: Int32Array, from: number): number {
		const end = Math.min(words.length, from + 2 * (SHEET_FULL - this.#count));
		const some = words.subarray(from, end);
		this.#bytes.set(new Uint8Array(some.buffer, some.byteOffset, some.byteLength), 8 * this.#count);
		this.#count += some.length / 2;
		return end;
	}

	/** What was put since. */
	take(): Uint8Array {
		const bytes = this.#bytes.slice(0, 8 * this.#count);
		this.#count = 0;
		return bytes;
	}
}

/**
 * All pieces, one after the other; an empty one says that something was done, and nothing is to be stored. `kept`: points that somebody has, some
 * perhaps of lines that have ended.
 */
export function* encodeLineage(lineage: Lineage, kept: Iterable<Point>): Generator<Uint8Array> {
	const sheet = new Sheet();
	const census = new Census();
	let steps = 0;
	for (const _ of census.take(lineage, kept)) if (++steps % STEPS_PER_PIECE === 0) yield sheet.take();
	const { lines, points } = census;
	for (const number of [MAGIC, FORMAT, lines.length, points.length]) sheet.put(number);
	const listed = new Set(lineage.lines);
	for (const line of lines) {
		putLine(sheet, census, line, listed.has(line));
		if (sheet.isFull) yield sheet.take();
	}
	for (const point of points) {
		putPoint(sheet, census, point);
		if (sheet.isFull) yield sheet.take();
	}
	for (const line of lines) yield* encodeChain(sheet, line.window);
	for (const point of points) yield* encodeLists(sheet, census, point);
	const { free } = lineage;
	sheet.put(free.length);
	for (const chain of free) yield* encodeChain(sheet, chain);
	yield sheet.take();
}

function putLine(sheet: Sheet, census: Census, line: Line, isListed: boolean): void {
	sheet.put(line.number);
	sheet.put(line.windowAt === Infinity ? 0 : line.windowAt);
	sheet.put((isListed ? Flag.listed : 0) | (line.isEnding ? Flag.ending : 0));
	sheet.put(census.numberOf(originOf(line)));
	sheet.put(census.numberOf(line.head));
	sheet.put(line.history);
	sheet.put(line.lastDeath);
	sheet.put(line.uncounted);
}

function putPoint(sheet: Sheet, census: Census, point: Point): void {
	sheet.put(census.lineNumberOf(point.line));
	sheet.put(point.position === Infinity ? 0 : point.position);
	sheet.put((point.isWanted ? Flag.wanted : 0) | (point.isDead ? Flag.dead : 0));
	sheet.put(census.numberOf(parentOf(point)));
	sheet.put(census.placeOf(point));
	sheet.put(point.sectors === undefined ? 0 : point.sectors + 1);
}

/** What lies on the edge to a point. */
function* encodeLists(sheet: Sheet, census: Census, point: Point): Generator<Uint8Array> {
	sheet.put(point.died.size);
	for (const [first, chain] of point.died) {
		sheet.put(census.numberOf(first));
		yield* encodeChain(sheet, chain);
	}
	const windowed = windowedOf(point, census);
	sheet.put(windowed.size);
	for (const [first, sectors] of windowed) {
		if (sheet.isFull) yield sheet.take();
		sheet.put(first);
		sheet.put(sectors);
	}
	if (sheet.isFull) yield sheet.take();
}

/** By the number of the point: sectors that it was the first to have. (What points had that it stands for now is its own.) */
function windowedOf({ windowed }: Point, census: Census): Map<number, number> {
	const sums = new Map<number, number>();
	for (const [first, sectors] of windowed) {
		const number = census.numberOf(first);
		sums.set(number, (sums.get(number) ?? 0) + sectors);
	}
	return sums;
}

function* encodeChain(sheet: Sheet, chain: Chain): Generator<Uint8Array> {
	if (sheet.isFull) yield sheet.take();
	sheet.put(chain.partCount);
	if (chain.partCount > 0) for (const number of chain.gone) sheet.put(number);
	sheet.put(chain.inMemory);
	for (let part = chain.firstPart; part !== null; part = part.next) {
		if (sheet.isFull) yield sheet.take();
		sheet.put(part.place);
		sheet.put(part.crc);
		sheet.put(part.count);
		sheet.put(part.sectors);
		sheet.put(part.firstDeath);
	}
	for (const words of chain.pieces())
		for (let at = 0; at < words.length; ) {
			if (sheet.isFull) yield sheet.take();
			at = sheet.putWords(words, at);
		}
}
