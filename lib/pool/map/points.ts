/**
 * Points of a lineage that somebody wants: one for each position of a line, however many want it. Used by `descent.ts`, for pages and for nodes.
 */

import type { Lineage } from "./lineage.js";
import type { Point } from "./point.js";
import type { Steps } from "./turns.js";

export class Points {
	readonly #lineage: Lineage;
	readonly #byKey = new Map<string, Point>();
	readonly #users = new Map<Point, number>();

	constructor(lineage: Lineage) {
		this.#lineage = lineage;
	}

	/** `points`: as a checkpoint has them, heads among them; whoever wants one has to say so. */
	*restoring(points: readonly Point[]): Steps {
		for (const point of points) {
			if (point.isWanted && point !== point.line.head)
				this.#byKey.set(keyOf(point.line.number, point.position), point);
			yield;
		}
	}

	get all(): Point[] {
		return [...this.#byKey.values()];
	}

	/** One more wants it; it may be new. */
	keep(line: number, position: number): Point {
		const point = this.#byKey.get(keyOf(line, position)) ?? this.#lineage.keep(line, position);
		this.#byKey.set(keyOf(line, position), point);
		this.#users.set(point, (this.#users.get(point) ?? 0) + 1);
		return point;
	}

	has(line: number, position: number): boolean {
		return this.#byKey.has(keyOf(line, position));
	}

	/** One less wants it. */
	giveUp(point: Point): void {
		const left = this.#users.get(point)! - 1;
		this.#users.set(point, left);
		if (left === 0) this.#forget(point);
	}

	/** Those that were wanted by somebody who is gone. */
	*givingUpOthers(): Steps {
		for (const point of this.#byKey.values()) {
			if (!this.#users.has(point)) this.#forget(point);
			yield;
		}
	}

	#forget(point: Point): void {
		this.#users.delete(point);
		this.#byKey.delete(keyOf(point.line.number, point.position));
		this.#lineage.giveUp(point);
	}
}

function keyOf(line: number, position: number): string {
	return `${line}@${position}`;
}
