/**
 * Of pages that have died and that moments within their line's window may still read: how many sectors no point reads, and how many are only
 * waiting to be on an edge. Running sums, so that whoever asks what a volume takes up has no list to go through. Kept by `lineage.ts`.
 */

import { invariant } from "../../errors.js";
import type { Line, Point } from "./point.js";

/** Pages that are counted in one turn. */
const COUNTED_MAX = 16_384;

/** Where a dead page belongs when the window has passed it: filled again and again. */
export class Lot {
	/** The edge on which it died. */
	edge: Point | null = null;
	/** The first point that had it; null: none reads it. */
	first: Point | null = null;

	find(line: Line, birth: number, death: number): void {
		const at = line.countTo(death);
		const before = line.points[at - 1] ?? line.origin;
		this.edge = line.points[at] ?? line.head;
		this.first = before === null || birth >= before.position ? null : firstWith(before, birth);
	}
}

/** The first point that had what was born at `birth`, of those that lead to `before`, which had it. */
function firstWith(before: Point, birth: number): Point {
	let { line } = before;
	let origin = line.origin;
	while (origin !== null && birth < origin.position) {
		line = origin.line;
		origin = line.origin;
	}
	return line.points[line.countTo(birth)]!;
}

/** So many sectors of the window more, or less. */
export function count(line: Line, { edge, first }: Lot, sectors: number): void {
	invariant(edge !== null, "what is counted is somewhere");
	if (first === null) line.history += sectors;
	else addWindowed(edge, first, sectors);
}

/** Sectors that the edge to a point will have, and that `first` is the first to have had. */
export function addWindowed({ windowed }: Point, first: Point, sectors: number): void {
	const sum = (windowed.get(first) ?? 0) + sectors;
	if (sum === 0) windowed.delete(first);
	else windowed.set(first, sum);
}

/** A point was made on the edge to `next`. */
export function keptWindow(point: Point, next: Point): void {
	const { line, position } = point;
	if (position <= line.lastDeath) countAnew(line);
	else moveAll(next, point);
}

/** Of a line whose window is empty, or counted anew. */
export function forgetCounts(line: Line): void {
	line.history = 0;
	for (const edge of [...line.points, line.head]) edge.windowed.clear();
}

/** What is in memory is counted from the beginning; what is stored, or is too much for one turn, is in no sum until the window has passed it. */
export function countAnew(line: Line): void {
	const { window } = line;
	forgetCounts(line);
	line.uncounted = window.count;
	if (window.inMemory > COUNTED_MAX) return;
	line.uncounted -= window.inMemory;
	const lot = new Lot();
	window.visit((birth, sectors, death) => {
		lot.find(line, birth, death);
		count(line, lot, sectors);
		line.lastDeath = Math.max(line.lastDeath, death);
	});
}

function moveAll(from: Point, to: Point): void {
	for (const [first, sectors] of from.windowed) addWindowed(to, first, sectors);
	from.windowed.clear();
}

/** A point goes, which has one child: what it alone had is read by moments alone. */
export function collapsedWindow(point: Point, child: Point): void {
	for (const [first, sectors] of child.windowed) {
		if (first.present !== point) continue;
		child.line.history += sectors;
		child.windowed.delete(first);
	}
	moveAll(point, child);
}

/**
 * A point was made before one that there was. What has died on lines that began as that one or later ones may have been born before this one:
 * which of it was, nobody looks, so all of it is wanted by this one, too.
 */
export function keptBefore(point: Point, next: Point): void {
	const edges = [...next.children];
	for (let edge = edges.pop(); edge !== undefined; edge = edges.pop()) {
		edges.push(...edge.children);
		for (const [first, chain] of [...edge.died]) {
			if (first.present !== next) continue;
			edge.died.delete(first);
			edge.give(point, chain);
		}
		if (edge.line !== point.line) countAnew(edge.line);
	}
}
