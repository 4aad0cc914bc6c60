/**
 * Who still wants what has died. The pool tells of lines (volumes, whatever they are called), of points at which a line is kept (snapshots,
 * holds, what a clone began as), of pages that die on a line, and how far its window of moments has moved; and is told which pages nobody
 * wants any more.
 *
 * A page that died after its line's last point, and was born after it, is free when the window has passed its death. One that a point
 * reads goes to the list of the edge behind that point. When a point is given up, what it alone had is free: of the list behind it, those
 * pages whose first point it was. The rest is wanted by points before, and joins what died before it. No page is looked at for that.
 *
 * A point with several children (clones, a rollback) stays until it has one; `isWanted` is false meanwhile. A point's position is
 * the log's end when it was made: what was born before is in it, what died from there on was alive.
 */

import { invariant } from "../../errors.js";
import { Chain } from "./chain.js";
import type { Dead, DeadSink } from "./dead.js";
import { Line, Point } from "./point.js";

export interface FreeSink {
	/** Nobody wants the page at this position any more. */
	free(position: number, sectors: number): void;
}

export class Lineage implements DeadSink {
	readonly #lines = new Map<number, Line>();
	/** What is free and was not told yet. */
	readonly #free = new Chain();
	readonly #sink: FreeSink;

	/** `lines`: as they were kept. */
	constructor(sink: FreeSink, lines: readonly Line[] = []) {
		this.#sink = sink;
		for (const line of lines) this.#lines.set(line.number, line);
	}

	/** Those that have not ended. */
	get lines(): readonly Line[] {
		return [...this.#lines.values()];
	}

	/** A line begins: as nothing, or as a point is. */
	addLine(number: number, origin: Point | null = null): void {
		invariant(!this.#lines.has(number), "a line begins once");
		this.#lines.set(number, new Line(number, origin));
		if (origin !== null) this.#dropDead(origin);
	}

	/** A line is kept as it was when the log ended at `position`: now, or within the window. */
	keep(number: number, position: number): Point {
		const line = this.#line(number);
		const isThere = position >= line.windowAt && position >= (line.origin?.position ?? 0);
		invariant(isThere, "what the window has passed is not kept any more");
		const at = line.countTo(position);
		const next = line.points[at] ?? line.head;
		const point = new Point(line, position);
		point.parent = next.parent;
		if (next.parent !== null) {
			next.parent.children.delete(next);
			next.parent.children.add(point);
		}
		next.parent = point;
		point.children.add(next);
		line.points.splice(at, 0, point);
		// All that is on the edge died before the window, and so before the point.
		for (const [first, chain] of next.died) point.died.set(first, chain);
		next.died.clear();
		return point;
	}

	/** Nobody wants this point any more, as such. */
	giveUp(point: Point): void {
		point.isWanted = false;
		this.#collapse(point);
	}

	/** A page of this line is not read by its head any more. */
	died({ volume, birth, sectors, death }: Dead): void {
		this.#line(volume).window.add(birth, sectors, death);
	}

	/** Moments before `position` are not offered any more. What that frees, `step` finds. */
	moveWindow(number: number, position: number): void {
		const line = this.#line(number);
		line.windowAt = Math.max(line.windowAt, position);
	}

	/** The line was deleted, or its volume has gone back to a point of it: all its pages were told of as dead. */
	end(number: number): void {
		const line = this.#line(number);
		line.windowAt = Infinity;
		line.isEnding = true;
	}

	/** Goes on with what is to be done in the background, for about so many pages; true when nothing is left. */
	step(steps: number): boolean {
		let left = steps;
		for (const line of this.#lines.values()) {
			for (; left > 0 && line.window.show() && line.window.death < line.windowAt; left--) this.#settle(line);
			if (left > 0 && line.isEnding) this.#ended(line);
		}
		for (; left > 0 && this.#free.show(); left--) {
			this.#sink.free(this.#free.birth, this.#free.sectors);
			this.#free.drop();
		}
		return left > 0;
	}

	/** Sectors that giving up this point would free. */
	uniqueSectors(point: Point): number {
		const [child, other] = point.children;
		if (child === undefined || other !== undefined) return 0;
		let sectors = 0;
		for (const [first, chain] of child.died) if (first.present === point) sectors += chain.sectorsInAll;
		return sectors;
	}

	/** Sectors that only moments within a line's window read, or perhaps a point. */
	windowSectors(number: number): number {
		return this.#line(number).window.sectorsInAll;
	}

	/** Moments of a line before this position are not offered any more. */
	windowAt(number: number): number {
		return this.#line(number).windowAt;
	}

	/** Whether a line was begun and has not ended. */
	hasLine(number: number): boolean {
		return this.#lines.has(number);
	}

	#line(number: number): Line {
		const line = this.#lines.get(number);
		invariant(line !== undefined, "a line that is not there");
		return line;
	}

	/** The window has passed the death of the first page in it. */
	#settle(line: Line): void {
		const { window } = line;
		const { birth, sectors, death } = window;
		const at = line.countTo(death);
		const before = line.points[at - 1] ?? line.origin;
		if (before === null || birth >= before.position) this.#free.add(birth, sectors, death);
		else {
			const edge = line.points[at] ?? line.head;
			const first = firstWith(before, birth);
			let chain = edge.died.get(first);
			if (chain === undefined) {
				chain = new Chain();
				edge.died.set(first, chain);
			}
			chain.add(birth, sectors, death);
		}
		window.drop();
	}

	/** Of a line that has ended nothing is in the window any more: its head goes, unless its point before needs what lies on the edge. */
	#ended(line: Line): void {
		const { head } = line;
		line.isEnding = false;
		head.isDead = true;
		this.#lines.delete(line.number);
		if (head.parent === null) this.#release(head);
		else {
			this.#dropDead(head.parent);
			this.#collapse(head.parent);
		}
	}

	/** Ends of deleted lines are not needed behind a point that has other children: what is on their edges dies there, too. */
	#dropDead(point: Point): void {
		for (const child of point.children)
			if (child.isDead && point.children.size > 1) point.children.delete(child);
	}

	/** What is on this edge is read by nobody. */
	#release(edge: Point): void {
		for (const chain of edge.died.values()) this.#free.take(chain);
		edge.died.clear();
	}

	/** Takes a point out that nobody wants and that has one child; and so on with those before it. */
	#collapse(point: Point): void {
		const [child, other] = point.children;
		if (point.isWanted || child === undefined || other !== undefined) return;
		const before = point.parent;
		for (const [first, chain] of [...child.died]) {
			if (first.present !== point) continue;
			this.#free.take(chain);
			child.died.delete(first);
		}
		for (const [first, chain] of point.died) child.give(first, chain);
		point.died.clear();
		point.heir = child;
		point.line.points.splice(point.line.points.indexOf(point), 1);
		if (child.line.origin === point) child.line.origin = before;
		child.parent = before;
		if (before === null) {
			if (child.isDead) this.#release(child);
			return;
		}
		before.children.delete(point);
		before.children.add(child);
		if (!child.isDead) return;
		this.#dropDead(before);
		this.#collapse(before);
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
