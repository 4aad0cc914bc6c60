/**
 * Takes apart what `lineage-form.ts` has made bytes of, step by step. Stored bytes may be anybody's: nothing in them is believed. Used when a
 * pool is opened, or examined.
 */

import { OperatorError } from "../../errors.js";
import { SEGMENT_BYTES, SEGMENT_SECTORS } from "../format.js";
import { Chain } from "./chain.js";
import { areGood, type IsGood } from "./dead-words.js";
import { type FreeSink, Lineage } from "./lineage.js";
import { Flag, FORMAT, LINE_NUMBERS, MAGIC, PART_NUMBERS, POINT_NUMBERS } from "./lineage-form.js";
import { DEAD_BYTES, DEAD_WORDS, PART_PAGES, type StoredPart } from "./part.js";
import { Line, Point } from "./point.js";
import type { Steps } from "./turns.js";
import { addWindowed, countAnew } from "./window-sums.js";

/** The first format had neither parts nor sums, and nothing waited that was free: of lines and points it had the first five numbers. */
const FORMAT_FIRST = 1;
const NUMBERS_AT_FIRST = 5;
const SECTORS_MAX = 512;

/** So many pages of a list are looked at in one step. */
const PAGES_PER_STEP = 128;

/** Takes what was encoded apart. Whatever makes no sense ends it. */
class Reader {
	readonly #view: DataView;
	#at = 0;

	constructor(
		readonly bytes: Uint8Array,
		readonly isGood: IsGood,
	) {
		this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	}

	get isAtEnd(): boolean {
		return this.#at === this.bytes.length;
	}

	/** Where something so long begins, which is passed. */
	#take(length: number): number {
		const at = this.#at;
		check(at + length <= this.bytes.length, "it ends too early");
		this.#at += length;
		return at;
	}

	/** A whole number, up to `max`. */
	number(max: number = Number.MAX_SAFE_INTEGER): number {
		const value = this.#view.getFloat64(this.#take(8), true);
		check(Number.isSafeInteger(value) && value >= 0 && value <= max, "a number is none");
		return value;
	}

	*rows(count: number, length: number): Steps<number[][]> {
		check(count * length * 8 <= this.bytes.length, "it ends too early");
		const rows: number[][] = [];
		while (rows.length < count) {
			const row: number[] = [];
			while (row.length < length) row.push(this.number());
			rows.push(row);
			yield;
		}
		return rows;
	}

	/** One of those that there are. */
	point(points: readonly Point[]): Point {
		const point = points[this.number(points.length) - 1];
		check(point !== undefined, "a list is of no point");
		return point;
	}

	*chain(hasParts: boolean): Steps<Chain> {
		const partCount = hasParts ? this.number(this.bytes.length) : 0;
		const gone: Chain["gone"] = partCount > 0 ? [this.number(), this.number()] : [0, 0];
		const count = this.number(this.bytes.length);
		const parts = partCount === 0 ? [] : (yield* this.rows(partCount, PART_NUMBERS)).map(partOf);
		check(partCount === 0 || gone[0] < parts[0]!.count, "what is gone of a list is more than it had");
		const at = this.#take(count * DEAD_BYTES);
		const words = new Int32Array(new Uint8Array(this.bytes.subarray(at, at + count * DEAD_BYTES)).buffer);
		for (let from = 0; from < words.length; from += PAGES_PER_STEP * DEAD_WORDS) {
			const some = words.subarray(from, from + PAGES_PER_STEP * DEAD_WORDS);
			check(areGood(some, this.isGood), "a dead page is none");
			yield;
		}
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

/**
 * All pieces, joined, taken apart step by step. `isGood`: what died can have been so; `end`: nothing is known of what comes behind. Throws an
 * OperatorError.
 */
export function* lineageIn(
	bytes: Uint8Array,
	sink: FreeSink,
	isGood: IsGood = isPage,
	end = Number.MAX_SAFE_INTEGER,
): Steps<DecodedLineage> {
	const reader = new Reader(bytes, isGood);
	const isFirst = readFormat(reader) === FORMAT_FIRST;
	const [lineCount, pointCount] = [reader.number(), reader.number()];
	const lineRows = yield* reader.rows(lineCount, isFirst ? NUMBERS_AT_FIRST : LINE_NUMBERS);
	const pointRows = yield* reader.rows(pointCount, isFirst ? NUMBERS_AT_FIRST : POINT_NUMBERS);
	const lines = yield* linesOf(lineRows);
	const points = yield* pointsOf(lines, lineRows, pointRows);
	yield* connect(points, pointRows);
	const listed: Line[] = [];
	for (const [i, line] of lines.entries()) {
		if (fillLine(line, lineRows[i]!, points)) listed.push(line);
		check(line.windowAt <= end || line.windowAt === Infinity, "a window is behind the end");
		yield;
	}
	for (const { position } of points) {
		check(position <= end || position === Infinity, "a point is behind the end");
		yield;
	}
	for (const line of lines) {
		line.window = yield* reader.chain(!isFirst);
		yield;
	}
	for (const point of points) {
		yield;
		// (A point may stand for several that are gone.)
		for (let left = reader.number(bytes.length); left > 0; left--) {
			point.give(reader.point(points), yield* reader.chain(!isFirst));
			yield;
		}
		for (let left = isFirst ? 0 : reader.number(bytes.length); left > 0; left--) {
			addWindowed(point, reader.point(points), reader.number());
			yield;
		}
	}
	const free: Chain[] = [];
	for (let left = isFirst ? 0 : reader.number(bytes.length); left > 0; left--)
		free.push(yield* freeChain(reader));
	check(reader.isAtEnd, "it goes on behind its end");
	for (const [i, line] of lines.entries()) {
		fillCounts(line, lineRows[i]!, isFirst);
		yield 1 + (isFirst ? line.window.inMemory : 0);
	}
	return { lineage: new Lineage(sink, listed, free), points };
}

function* freeChain(reader: Reader): Steps<Chain> {
	yield;
	return yield* reader.chain(true);
}

/** Without points. */
function* linesOf(rows: readonly number[][]): Steps<Line[]> {
	const lines: Line[] = [];
	const numbers = new Set<number>();
	for (const [number = 0] of rows) {
		check(!numbers.has(number), "a line is there twice");
		numbers.add(number);
		lines.push(new Line(number, null));
		yield;
	}
	return lines;
}

/** Points, and heads: none is connected yet. */
function* pointsOf(
	lines: readonly Line[],
	lineRows: readonly number[][],
	pointRows: readonly number[][],
): Steps<Point[]> {
	const heads = new Map<number, Line>();
	for (const [i, [, , , , head = 0]] of lineRows.entries()) {
		heads.set(head, lines[i]!);
		yield;
	}
	const points: Point[] = [];
	for (const [lineNumber = 0, position = 0, flags = 0, , , reads = 0] of pointRows) {
		const line = lines[lineNumber];
		check(line !== undefined, "a point is of no line");
		const point = heads.get(points.length + 1) === line ? line.head : new Point(line, position);
		point.isWanted = (flags & Flag.wanted) !== 0;
		point.isDead = (flags & Flag.dead) !== 0;
		if (reads > 0) point.sectors = reads - 1;
		points.push(point);
		yield;
	}
	return points;
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
function* connect(points: readonly Point[], rows: readonly number[][]): Steps {
	const places = new Map<Point, number>();
	const kept = new Map<Line, Point[]>();
	for (const [i, point] of points.entries()) {
		const [, , , parent = 0, place = 0] = rows[i]!;
		yield;
		point.parent = points[parent - 1] ?? null;
		point.parent?.children.add(point);
		check(point.parent !== point.parent?.line.head || parent === 0, "something goes on from a head");
		if (point === point.line.head) continue;
		places.set(point, place);
		const others = kept.get(point.line);
		if (others === undefined) kept.set(point.line, [point]);
		else others.push(point);
	}
	for (const [{ points: inOrder }, some] of kept) {
		some.sort((a, b) => places.get(a)! - places.get(b)!);
		for (const point of some) {
			check(places.get(point) === inOrder.push(point), "the points of a line are not one behind the other");
			check((inOrder.at(-2)?.position ?? 0) <= point.position, "a line is not in order");
			yield;
		}
	}
	yield* checkWays(points);
}

/** Whoever goes from parent to parent comes to an end. */
function* checkWays(points: readonly Point[]): Steps {
	const good = new Set<Point>();
	for (const point of points) {
		const way = new Set<Point>();
		for (let at: Point | null = point; at !== null && !good.has(at); at = at.parent) {
			check(!way.has(at), "it goes round");
			way.add(at);
			yield;
		}
		for (const each of way) {
			good.add(each);
			yield;
		}
	}
}

/** Whether the line goes on. */
function fillLine(line: Line, row: readonly number[], points: readonly Point[]): boolean {
	const [, windowAt = 0, flags = 0, origin = 0] = row;
	line.origin = points[origin - 1] ?? null;
	check(line.origin !== line.origin?.line.head || origin === 0, "a line goes on from a head");
	line.isEnding = (flags & Flag.ending) !== 0;
	line.windowAt = line.isEnding ? Infinity : windowAt;
	return (flags & Flag.listed) !== 0;
}
