/** All of a lineage that can be reached: lines, points, and the lists between them. Used where it is stored, and where its lists are. */

import type { Chain } from "./chain.js";
import type { Lineage } from "./lineage.js";
import type { Line, Point } from "./point.js";

/** Everything that can be reached, each with a number. */
export class Census {
	readonly points: Point[] = [];
	readonly lines: Line[] = [];
	readonly #points = new Map<Point, number>();
	readonly #lines = new Map<Line, number>();

	constructor(lineage: Lineage, kept: Iterable<Point>) {
		for (const line of lineage.lines) this.#addLine(line);
		for (const point of kept) this.#addPoint(point.present);
		for (let i = 0; i < this.points.length; i++) {
			const point = this.points[i]!;
			this.#addLine(point.line);
			this.#addPoint(parentOf(point));
			for (const other of [...point.children, ...point.died.keys(), ...point.windowed.keys()])
				this.#addPoint(other.present);
		}
	}

	#addLine(line: Line): void {
		if (this.#lines.has(line)) return;
		this.#lines.set(line, this.lines.push(line) - 1);
		for (const point of [originOf(line), line.head, ...line.points]) this.#addPoint(point);
	}

	#addPoint(point: Point | null): void {
		if (point !== null && !this.#points.has(point)) this.#points.set(point, this.points.push(point) - 1);
	}

	/** 0: none. */
	numberOf(point: Point | null): number {
		return point === null ? 0 : this.#points.get(point.present)! + 1;
	}

	lineNumberOf(line: Line): number {
		return this.#lines.get(line)!;
	}
}

/** All lists of a lineage. */
export function* chainsOf(lineage: Lineage, kept: Iterable<Point>): Generator<Chain> {
	const { lines, points } = new Census(lineage, kept);
	for (const { window } of lines) yield window;
	for (const { died } of points) yield* died.values();
	yield* lineage.free;
}

/** A head that nobody needs any more is no child of its parent, which may be gone itself. */
export function parentOf(point: Point): Point | null {
	return point.parent?.children.has(point) ? point.parent : null;
}

export function originOf({ origin, head, points }: Line): Point | null {
	return points.length > 0 || parentOf(head) !== null ? origin : null;
}
