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
 *
 * Lists are stored but for their ends (`chain.ts`): where the next page of one is away, `away` says so, and whoever has storage reads it.
 */

import { invariant } from "../../errors.js";
import { Chain } from "./chain.js";
import type { Dead, DeadSink } from "./dead.js";
import type { StoredPart } from "./part.js";
import { HistorySum, Line, Point } from "./point.js";
import { collapsedWindow, count, forgetCounts, keptBefore, keptWindow, Lot } from "./window-sums.js";

export interface FreeSink {
	/** Nobody wants the page at this position any more. */
	free(position: number, sectors: number): void;
	/** Nobody reads this part of a list any more. */
	freePart(part: StoredPart): void;
}

export class Lineage implements DeadSink {
	/** A list whose next page is wanted, and has to be read before. */
	away: Chain | null = null;
	/** Pages that were added to lists since this was last set to 0. */
	added = 0;
	/** Of all lines whose moments are offered. */
	readonly history = new HistorySum();
	readonly #lines = new Map<number, Line>();
	/** Those of which something may have to be done in the background. */
	readonly #moving: Set<Line>;
	/** What is free and was not told yet: page by page, and whole lists. */
	readonly #free = new Chain();
	#freeLists: Chain[];
	readonly #sink: FreeSink;
	readonly #lot = new Lot();

	/** `lines`: as they were kept; `free`: what was free and had not been told. */
	constructor(sink: FreeSink, lines: readonly Line[] = [], free: readonly Chain[] = []) {
		this.#sink = sink;
		for (const line of lines) {
			this.#lines.set(line.number, line);
			if (!line.isEnding) line.countIn(this.history);
		}
		this.#moving = new Set(lines);
		this.#freeLists = [...free];
	}

	/** Those that have not ended. */
	get lines(): readonly Line[] {
		return [...this.#lines.values()];
	}

	/** A line begins: as nothing, or as a point is. */
	addLine(number: number, origin: Point | null = null): void {
		invariant(!this.#lines.has(number), "a line begins once");
		const line = new Line(number, origin);
		line.countIn(this.history);
		this.#lines.set(number, line);
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
		keptWindow(point, next);
		if (next !== line.head) keptBefore(point, next);
		return point;
	}

	/** Nobody wants this point any more, as such. */
	giveUp(point: Point): void {
		point.isWanted = false;
		this.#collapse(point);
	}

	/** A page of this line is not read by its head any more. */
	died({ volume, birth, sectors, death }: Dead): void {
		const line = this.#line(volume);
		if (death < line.windowAt) this.#settle(line, birth, sectors, death);
		else {
			this.#lot.find(line, birth, death);
			count(line, this.#lot, sectors);
			line.window.add(birth, sectors, death);
			line.lastDeath = Math.max(line.lastDeath, death);
			this.added++;
		}
	}

	/** Moments before `position` are not offered any more. What that frees, `step` finds. */
	moveWindow(number: number, position: number): void {
		const line = this.#line(number);
		line.windowAt = Math.max(line.windowAt, position);
		this.#moving.add(line);
	}

	/** No moment of a line is offered any more, though its window may not be over yet. */
	lapse(number: number): void {
		this.#lines.get(number)?.countIn(null);
	}

	/** The line was deleted, or its volume has gone back to a point of it: all its pages were told of as dead. */
	end(number: number): void {
		const line = this.#line(number);
		line.windowAt = Infinity;
		line.isEnding = true;
		this.#moving.add(line);
	}

	/** Goes on with what is to be done in the background, for about so many pages; true when nothing is left but what is away. */
	step(steps: number): boolean {
		this.away = null;
		let left = this.#tell(steps);
		for (const line of this.#moving) {
			if (left <= 0) return false;
			left = this.#moveOn(line, left);
		}
		// (Some of it may have become free just now.)
		for (const chain of this.free) this.#want(chain);
		return left > 0 && this.free.every(({ away }) => away !== null);
	}

	/** What is free and was not told. */
	get free(): readonly Chain[] {
		return [this.#free, ...this.#freeLists].filter(({ count }) => count > 0);
	}

	/** Tells of what is free; returns the steps that are left. */
	#tell(steps: number): number {
		let left = steps;
		for (const chain of [this.#free, ...this.#freeLists]) {
			for (; left > 0 && chain.show(); left--) {
				this.#sink.free(chain.birth, chain.sectors);
				this.#drop(chain);
			}
			if (left > 0) this.#want(chain);
		}
		if (left > 0) this.#freeLists = this.#freeLists.filter(({ count }) => count > 0);
		return left;
	}

	/** Takes the first page of a list away. */
	#drop(chain: Chain): void {
		const part = chain.drop();
		if (part !== null) this.#sink.freePart(part);
	}

	/** Its next page is wanted. */
	#want(chain: Chain): void {
		if (chain.away !== null && !chain.isStuck) this.away ??= chain;
	}

	/** The window of a line moves on; returns the steps that are left. */
	#moveOn(line: Line, steps: number): number {
		const { window } = line;
		let left = steps;
		for (; left > 0 && window.show() && window.death < line.windowAt; left--) {
			this.#settle(line, window.birth, window.sectors, window.death);
			if (line.uncounted > 0) line.uncounted--;
			else count(line, this.#lot, -window.sectors);
			this.#drop(window);
		}
		if (left <= 0) return left;
		if (window.away !== null && window.awayDeath < line.windowAt) {
			this.#want(window);
			return left;
		}
		window.rest();
		this.#moving.delete(line);
		if (line.isEnding) this.#ended(line);
		return left;
	}

	/** What a line takes up is known by these, and by its points: see `takings.ts`. */
	line(number: number): Line | undefined {
		return this.#lines.get(number);
	}

	/** Moments of a line before this position are not offered any more. */
	windowAt(number: number): number {
		return this.#line(number).windowAt;
	}

	/** What was born before this position is not its own alone: it has that from what it began as. */
	originAt(number: number): number {
		return this.#lines.get(number)?.origin?.position ?? 0;
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

	/** The window has passed the death of a page. */
	#settle(line: Line, birth: number, sectors: number, death: number): void {
		this.#lot.find(line, birth, death);
		const { edge, first } = this.#lot;
		if (first === null) {
			this.#free.add(birth, sectors, death);
			return;
		}
		let chain = edge!.died.get(first);
		if (chain === undefined) {
			chain = new Chain();
			edge!.died.set(first, chain);
		}
		chain.add(birth, sectors, death);
		this.added++;
	}

	/** Of a line that has ended nothing is in the window any more: its head goes, unless its point before needs what lies on the edge. */
	#ended(line: Line): void {
		const { head } = line;
		line.isEnding = false;
		head.isDead = true;
		this.#lines.delete(line.number);
		forgetCounts(line);
		if (head.parent === null) this.#release(head);
		else {
			this.#dropDead(head.parent);
			this.#collapse(head.parent);
		}
	}

	/** Ends of deleted lines are not needed behind a point that has other children: what is on their edges dies there, too. */
	#dropDead(point: Point): void {
		for (const child of point.children) {
			if (!child.isDead || point.children.size === 1) continue;
			point.children.delete(child);
			for (const chain of child.died.values()) for (const part of chain.parts()) this.#sink.freePart(part);
			child.died.clear();
		}
	}

	/** What is on this edge is read by nobody. */
	#release(edge: Point): void {
		this.#freeLists.push(...edge.died.values());
		edge.died.clear();
	}

	/** Takes a point out that nobody wants and that has one child; and so on with those before it. */
	#collapse(point: Point): void {
		const [child, other] = point.children;
		if (point.isWanted || child === undefined || other !== undefined) return;
		const before = point.parent;
		for (const [first, chain] of [...child.died]) {
			if (first.present !== point) continue;
			this.#freeLists.push(chain);
			child.died.delete(first);
		}
		child.takeDied(point);
		collapsedWindow(point, child);
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
