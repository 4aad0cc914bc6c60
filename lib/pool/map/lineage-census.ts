/** All of a lineage that can be reached: lines, points, and the lists between them. Used where it is stored, and where its lists are. */

import type { Chain } from "./chain.js";
import type { Lineage } from "./lineage.js";
import { Line, type Point } from "./point.js";

/** Everything that can be reached, each with a number. */
export class Census {
	readonly points: Point[] = [];
	readonly lines: Line[] = [];
	readonly #points = new Map<Point, number>();
	readonly #lines = new Map<Line, number>();
	/** Of points that are kept: the how many of its line each is. */
	readonly #places = new Map<Point, number>();

	/** Finds it, step by step: each when it has its number; null for a step that has found nothing new. */
	*take(lineage: Lineage, kept: Iterable<Point>): Generator<Line | Point | null> {
		for (const line of lineage.lines) yield* this.#line(line);
		for (const point of kept) yield this.#point(point);
		for (let i = 0; i < this.points.length; i++) {
			const point = this.points[i]!;
			yield* this.#line(point.line);
			yield this.#point(parentOf(point));
			for (const child of point.children) yield this.#point(child);
			for (const first of point.died.keys()) yield this.#point(first);
			for (const first of point.windowed.keys()) yield this.#point(first);
		}
	}

	*#line(line: Line): Generator<Line | Point | null> {
		if (this.#lines.has(line)) return;
		this.#lines.set(line, this.lines.push(line) - 1);
		yield line;
		yield this.#point(originOf(line));
		yield this.#point(line.head);
		let place = 0;
		for (const point of line.points) {
			this.#places.set(point, ++place);
			yield this.#point(point);
		}
	}

	/** Null if it has its number already. */
	#point(any: Point | null): Point | null {
		const point = any?.present ?? null;
		if (point === null || this.#points.has(point)) return null;
		this.#points.set(point, this.points.push(point) - 1);
		return point;
	}

	/** 0: none. */
	numberOf(point: Point | null): number {
		return point === null ? 0 : this.#points.get(point.present)! + 1;
	}

	lineNumberOf(line: Line): number {
		return this.#lines.get(line)!;
	}

	/** The how many of its line it is; 0: it is a head, or none of its line any more. */
	placeOf(point: Point): number {
		return this.#places.get(point) ?? 0;
	}
}

/** All lists of a lineage. (Where it changes in between, one may be missed.) */
export function* chainsOf(lineage: Lineage, kept: Iterable<Point>): Generator<Chain> {
	for (const found of new Census().take(lineage, kept)) {
		if (found instanceof Line) yield found.window;
		else if (found !== null) yield* found.died.values();
	}
	yield* lineage.free;
}

/** A head that nobody needs any more is no child of its parent, which may be gone itself. */
export function parentOf(point: Point): Point | null {
	return point.parent?.children.has(point) ? point.parent : null;
}

export function originOf({ origin, head, points }: Line): Point | null {
	return points.length > 0 || parentOf(head) !== null ? origin : null;
}
