/**
 * The past of a pool as a tree: points where lines are kept (snapshots, holds) and the heads where lines go on. On the edge that leads to a point
 * or head lie the pages that died on the way there and that the point before still reads, sorted by the first point that had them.
 * Used by `lib/pool/map/lineage.ts`, which has the rules.
 */

import { Chain } from "./chain.js";

/** What is the history of several lines, in sectors. */
export class HistorySum {
	sectors = 0;
}

export class Line {
	/** Kept, in order of position. */
	readonly points: Point[] = [];
	readonly head: Point;
	/** Dead pages that moments within the window may still read, about in order of death. */
	window = new Chain();
	/** Moments before this position are not offered any more. */
	windowAt = -0;
	#history = 0;
	#sum: HistorySum | null = null;
	/** Pages of the window, the first ones, that are in no sum. */
	uncounted = 0;
	/** Where the last page of it died that was told of. */
	lastDeath = -0;
	/** Deleted: its window is over, and when that is settled, so is its head. */
	isEnding = false;

	constructor(
		readonly number: number,
		/** What it began as; null: as nothing. */
		public origin: Point | null,
	) {
		this.head = new Point(this, Infinity);
		this.head.parent = origin;
		origin?.children.add(this.head);
	}

	/** Of the window: sectors that no point reads. */
	get history(): number {
		return this.#history;
	}

	set history(sectors: number) {
		if (this.#sum !== null) this.#sum.sectors += sectors - this.#history;
		this.#history = sectors;
	}

	/** Its history is part of this from now on; null: of nothing. */
	countIn(sum: HistorySum | null): void {
		if (this.#sum !== null) this.#sum.sectors -= this.#history;
		this.#sum = sum;
		if (sum !== null) sum.sectors += this.#history;
	}

	/** How many of its points are at `position` or before. */
	countTo(position: number): number {
		let low = 0;
		let high = this.points.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (this.points[middle]!.position <= position) low = middle + 1;
			else high = middle;
		}
		return low;
	}
}

export class Point {
	parent: Point | null = null;
	readonly children = new Set<Point>();
	/** Somebody wants it. One that nobody does stays as long as it has several children. */
	isWanted = true;
	/** Of a head whose line was deleted. */
	isDead = false;
	/** Where those that it alone had on an edge belong since it is gone. */
	heir: Point | null = null;
	/** By the first point that had them: what died between `parent` and here. */
	died = new Map<Point, Chain>();
	/** By the same: sectors of what will be there when the window has passed it. */
	readonly windowed = new Map<Point, number>();
	/** Sectors of all that it reads; undefined: not known. */
	sectors: number | undefined;

	constructor(
		readonly line: Line,
		readonly position: number,
	) {}

	/** The point that stands for this one now. */
	get present(): Point {
		let point: Point = this;
		while (point.heir !== null) point = point.heir;
		if (this.heir !== null) this.heir = point;
		return point;
	}

	/** Moves all lists of an edge to the one that leads here. (Those of the edge with fewer go to the other's: that may have thousands.) */
	takeDied(from: Point): void {
		if (from.died.size > this.died.size) [this.died, from.died] = [from.died, this.died];
		for (const [first, chain] of from.died) this.give(first, chain);
		from.died.clear();
	}

	/** Moves a list to the edge that leads here. */
	give(first: Point, chain: Chain): void {
		const mine = this.died.get(first);
		if (mine === undefined) this.died.set(first, chain);
		else mine.take(chain);
	}
}
