/**
 * The lineage as bytes, as a checkpoint has it: lines, points and heads, and the lists of dead pages between them: where their parts are
 * stored, and what is in memory. Made in pieces, so that whoever is served has a turn in between; nothing of the lineage may change
 * meanwhile. Stored bytes may be anybody's: nothing in them is believed.
 */

import { OperatorError } from "../../errors.js";
import { SEGMENT_BYTES, SEGMENT_SECTORS } from "../format.js";
import { areGood, Chain, type IsGood } from "./chain.js";
import { type FreeSink, Lineage } from "./lineage.js";
import { Census, originOf, parentOf } from "./lineage-census.js";
import { DEAD_BYTES, PART_PAGES, type StoredPart } from "./part.js";
import { Line, Point } from "./point.js";
import { addWindowed, countAnew } from "./window-sums.js";

/** "VLBL" and a number for the format. Of the first one lists had no parts, and nothing waited that was free. */
const MAGIC = 0x4c424c56;
const FORMAT = 2;
/** It had neither parts nor sums: of lines and points the first five numbers. */
const FORMAT_FIRST = 1;
/**
 * Numbers of a line: its own, where its window begins, flags, origin, head, sectors of its history, where the last page died, and how many
 * pages of its window are in no sum. Of a point: line, position, flags, parent, place on its line, sectors that it reads and one more (0: not known).
 */
const LINE_NUMBERS = 8;
const POINT_NUMBERS = 6;
const NUMBERS_AT_FIRST = 5;
/** Of a part: its place, checksum, pages, sectors, and where its first page died. */
const PART_NUMBERS = 5;
const SECTORS_MAX = 512;
/** Parts that are made bytes of at once. */
const PARTS_PER_PIECE = 512;

const Flag = { listed: 1, ending: 2, wanted: 4, dead: 8 } as const;

/** All pieces, one after the other. `kept`: points that somebody has, some perhaps of lines that have ended. */
export function* encodeLineage(lineage: Lineage, kept: Iterable<Point>): Generator<Uint8Array> {
	const census = new Census(lineage, kept);
	const listed = new Set(lineage.lines);
	const lines = census.lines.flatMap((line) => [
		line.number,
		line.windowAt === Infinity ? 0 : line.windowAt,
		(listed.has(line) ? Flag.listed : 0) | (line.isEnding ? Flag.ending : 0),
		census.numberOf(originOf(line)),
		census.numberOf(line.head),
		line.history,
		line.lastDeath,
		line.uncounted,
	]);
	const places = new Map(census.lines.flatMap(({ points }) => points.map((point, i) => [point, i + 1])));
	const points = census.points.flatMap((point) => [
		census.lineNumberOf(point.line),
		point.position === Infinity ? 0 : point.position,
		(point.isWanted ? Flag.wanted : 0) | (point.isDead ? Flag.dead : 0),
		census.numberOf(parentOf(point)),
		places.get(point) ?? 0,
		point.sectors === undefined ? 0 : point.sectors + 1,
	]);
	yield numbers([MAGIC, FORMAT, census.lines.length, census.points.length, ...lines, ...points]);
	for (const line of census.lines) yield* encodeChain(line.window);
	for (const point of census.points) {
		yield numbers([point.died.size]);
		for (const [first, chain] of point.died) {
			yield numbers([census.numberOf(first)]);
			yield* encodeChain(chain);
		}
		const windowed = windowedOf(point, census);
		yield numbers([windowed.size, ...[...windowed].flat()]);
	}
	const { free } = lineage;
	yield numbers([free.length]);
	for (const chain of free) yield* encodeChain(chain);
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

function* encodeChain(chain: Chain): Generator<Uint8Array> {
	const parts = [...chain.parts()];
	yield numbers([parts.length, ...(parts.length > 0 ? chain.gone : []), chain.inMemory]);
	for (let from = 0; from < parts.length; from += PARTS_PER_PIECE) {
		const some = parts.slice(from, from + PARTS_PER_PIECE);
		yield numbers(
			some.flatMap(({ place, crc, count, sectors, firstDeath }) => [place, crc, count, sectors, firstDeath]),
		);
	}
	for (const words of chain.pieces()) yield new Uint8Array(words.slice().buffer);
}

function numbers(values: readonly number[]): Uint8Array {
	return new Uint8Array(Float64Array.from(values).buffer);
}

/** Takes what was encoded apart. Whatever makes no sense ends it. */
class Reader {
	#at = 0;

	constructor(
		readonly bytes: Uint8Array,
		readonly isGood: IsGood,
	) {}

	get isAtEnd(): boolean {
		return this.#at === this.bytes.length;
	}

	/** So many bytes, copied. */
	#take(length: number): ArrayBuffer {
		check(this.#at + length <= this.bytes.length, "it ends too early");
		this.#at += length;
		return new Uint8Array(this.bytes.subarray(this.#at - length, this.#at)).buffer;
	}

	/** A whole number, up to `max`. */
	number(max: number = Number.MAX_SAFE_INTEGER): number {
		const [value = Number.NaN] = new Float64Array(this.#take(8));
		check(Number.isSafeInteger(value) && value >= 0 && value <= max, "a number is none");
		return value;
	}

	rows(count: number, length: number): number[][] {
		check(count * length * 8 <= this.bytes.length, "it ends too early");
		return Array.from({ length: count }, () => Array.from({ length }, () => this.number()));
	}

	/** One of those that there are. */
	point(points: readonly Point[]): Point {
		const point = points[this.number(points.length) - 1];
		check(point !== undefined, "a list is of no point");
		return point;
	}

	chain(hasParts: boolean): Chain {
		const partCount = hasParts ? this.number(this.bytes.length) : 0;
		const gone: Chain["gone"] = partCount > 0 ? [this.number(), this.number()] : [0, 0];
		const count = this.number(this.bytes.length);
		const parts = this.rows(partCount, PART_NUMBERS).map(partOf);
		check(partCount === 0 || gone[0] < parts[0]!.count, "what is gone of a list is more than it had");
		const words = new Int32Array(this.#take(count * DEAD_BYTES));
		check(areGood(words, this.isGood), "a dead page is none");
		return Chain.of(parts, gone, words);
	}
}

function partOf([place = 0, crc = 0, count = 0, sectors = 0, firstDeath = 0]: readonly number[]): StoredPart {
	const isThere = place > 0 && (place % SEGMENT_BYTES) + count * DEAD_BYTES <= SEGMENT_BYTES;
	check(isThere && count > 0 && count <= PART_PAGES && sectors >= count, "a part of a list is none");
	return { place, crc, count, sectors, firstDeath };
}

export function isPage(position: number, sectors: number): boolean {
	return sectors <= SECTORS_MAX && (position % SEGMENT_SECTORS) + sectors <= SEGMENT_SECTORS;
}

export function isNode(place: number, bytes: number): boolean {
	return (place % SEGMENT_BYTES) + bytes <= SEGMENT_BYTES;
}

function check(condition: boolean, what: string): asserts condition {
	if (!condition) throw new OperatorError(`what the pool's checkpoint says of its past is damaged: ${what}`);
}

/** What was encoded. */
export interface DecodedLineage {
	readonly lineage: Lineage;
	/** Points, and heads. */
	readonly points: readonly Point[];
}

/** All pieces, joined, taken apart. `isGood`: what died can have been so. Throws an OperatorError. */
export function decodeLineage(bytes: Uint8Array, sink: FreeSink, isGood: IsGood = isPage): DecodedLineage {
	const reader = new Reader(bytes, isGood);
	const isFirst = readFormat(reader) === FORMAT_FIRST;
	const [lineCount, pointCount] = [reader.number(), reader.number()];
	const lineRows = reader.rows(lineCount, isFirst ? NUMBERS_AT_FIRST : LINE_NUMBERS);
	const pointRows = reader.rows(pointCount, isFirst ? NUMBERS_AT_FIRST : POINT_NUMBERS);
	const lines = lineRows.map(([number = 0]) => new Line(number, null));
	const heads = new Map(lineRows.map(([, , , , head = 0], i) => [head, lines[i]!]));
	const points = pointRows.map(([lineNumber = 0, position = 0, flags = 0, , , reads = 0], i) => {
		const line = lines[lineNumber];
		check(line !== undefined, "a point is of no line");
		const point = heads.get(i + 1) === line ? line.head : new Point(line, position);
		point.isWanted = (flags & Flag.wanted) !== 0;
		point.isDead = (flags & Flag.dead) !== 0;
		if (reads > 0) point.sectors = reads - 1;
		return point;
	});
	connect(points, pointRows);
	const listed = lines.filter((line, i) => fillLine(line, lineRows[i]!, points));
	for (const line of lines) line.window = reader.chain(!isFirst);
	for (const point of points) {
		// (A point may stand for several that are gone.)
		for (let left = reader.number(bytes.length); left > 0; left--)
			point.give(reader.point(points), reader.chain(!isFirst));
		if (!isFirst)
			for (let left = reader.number(bytes.length); left > 0; left--)
				addWindowed(point, reader.point(points), reader.number());
	}
	const free = Array.from({ length: isFirst ? 0 : reader.number(bytes.length) }, () => reader.chain(true));
	check(reader.isAtEnd, "it goes on behind its end");
	for (const [i, line] of lines.entries()) fillCounts(line, lineRows[i]!, isFirst);
	return { lineage: new Lineage(sink, listed, free), points };
}

function readFormat(reader: Reader): number {
	check(reader.number() === MAGIC, "this version does not know it");
	const format = reader.number();
	check(format === FORMAT || format === FORMAT_FIRST, "this version does not know it");
	return format;
}

/** The sums of its window, as they were; at first there were none. */
function fillCounts(line: Line, row: readonly number[], isFirst: boolean): void {
	const [, , , , , history = 0, lastDeath = 0, uncounted = 0] = row;
	line.history = history;
	line.lastDeath = lastDeath;
	line.uncounted = uncounted;
	check(uncounted <= line.window.count, "a sum is of more than there is");
	if (isFirst) countAnew(line);
}

/** Parents, children, and the points of each line in order. */
function connect(points: readonly Point[], rows: readonly number[][]): void {
	for (const [i, point] of points.entries()) {
		const [, , , parent = 0, place = 0] = rows[i]!;
		point.parent = points[parent - 1] ?? null;
		point.parent?.children.add(point);
		check(point.parent !== point.parent?.line.head || parent === 0, "something goes on from a head");
		if (point === point.line.head) continue;
		check(place > 0 && place <= points.length, "a point is nowhere on its line");
		check(point.line.points[place - 1] === undefined, "two points are one");
		point.line.points[place - 1] = point;
	}
	for (const point of points) {
		let steps = 0;
		for (let at = point.parent; at !== null; at = at.parent) check(++steps <= points.length, "it goes round");
	}
}

/** Points of a line are in order, and none is missing. */
function checkLine({ points }: Line): void {
	for (const [i, point] of points.entries())
		check(
			point !== undefined && (i === 0 || points[i - 1]!.position <= point.position),
			"a line is not in order",
		);
}

/** Whether the line goes on. */
function fillLine(line: Line, row: readonly number[], points: readonly Point[]): boolean {
	const [, windowAt = 0, flags = 0, origin = 0] = row;
	checkLine(line);
	line.origin = points[origin - 1] ?? null;
	check(line.origin !== line.origin?.line.head || origin === 0, "a line goes on from a head");
	line.isEnding = (flags & Flag.ending) !== 0;
	line.windowAt = line.isEnding ? Infinity : windowAt;
	return (flags & Flag.listed) !== 0;
}
