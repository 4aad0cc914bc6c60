/**
 * Finds the latest requests under way that a new one overlaps, in less time than looking at each would take. Used by
 * `ordering.ts` when there are many.
 *
 * Two trees of spans (stretches of blocks) ordered by where they begin: those that are being changed, and those that are being
 * read. A change cuts what it covers out of both, for whatever comes after it and overlaps that waits for the change, which
 * itself waits for what was cut. So the spans of changes never overlap, and each arrival pays for what it finds with what it
 * removes: n changes over each other find n earlier ones together, not n each.
 *
 * The trees are treaps: chance keeps them balanced, a new one in each process, so that nobody can choose addresses that don't.
 */

import { Random } from "../random.js";

/** Whoever has spans: those that nobody has cut. */
export interface SpanOwner<T> {
	spans: Span<T> | null;
}

/** From `start` up to, not including, `end`. Pooled. */
export class Span<T> {
	start = 0;
	end = 0;
	owner: T | null = null;
	/** Neighbours in the list of the owner's spans. */
	before: Span<T> | null = null;
	after: Span<T> | null = null;
	/** The next one that a search has found, or that is not used. */
	next: Span<T> | null = null;

	tree: SpanTree<T> | null = null;
	left: Span<T> | null = null;
	right: Span<T> | null = null;
	priority = 0;
	/** The greatest `end` of this one and all below it. */
	reach = 0;

	/** `id`: another for each, to tell those apart that begin alike. */
	constructor(readonly id: number) {}
}

export class OverlapIndex<T extends SpanOwner<T>> {
	readonly #changes = new SpanTree<T>();
	readonly #reads = new SpanTree<T>();
	readonly #random = new Random();
	#unused: Span<T> | null = null;
	#made = 0;

	/** Spans looked at since this was made. */
	get steps(): number {
		return (this.#changes.steps + this.#reads.steps) | 0;
	}

	/** The spans that a request conflicts with, linked by `next`. Holds until the next call. */
	conflicts(start: number, end: number, changes: boolean): Span<T> | null {
		const found = this.#changes.search(start, end, null);
		return changes ? this.#reads.search(start, end, found) : found;
	}

	/** Adds blocks of `owner`, the latest arrival. */
	add(owner: T, start: number, end: number, changes: boolean): void {
		if (changes) this.#cut(start, end);
		this.#insert(changes ? this.#changes : this.#reads, owner, start, end);
	}

	/** Everything of `owner` goes. */
	remove(owner: T): void {
		for (let span = owner.spans; span !== null; span = owner.spans) this.#take(span);
	}

	#cut(start: number, end: number): void {
		for (let span = this.conflicts(start, end, true); span !== null; ) {
			const { next, tree, owner, start: from, end: to } = span;
			this.#take(span);
			if (tree !== null && owner !== null) {
				if (from < start) this.#insert(tree, owner, from, start);
				if (to > end) this.#insert(tree, owner, end, to);
			}
			span = next;
		}
	}

	#insert(tree: SpanTree<T>, owner: T, start: number, end: number): void {
		const span = this.#unused ?? new Span<T>(this.#made++);
		this.#unused = span.next;
		span.next = null;
		span.start = start;
		span.end = end;
		span.owner = owner;
		span.priority = this.#random.next();
		span.before = null;
		span.after = owner.spans;
		if (owner.spans !== null) owner.spans.before = span;
		owner.spans = span;
		tree.insert(span);
	}

	#take(span: Span<T>): void {
		const { owner, before, after } = span;
		span.tree?.remove(span);
		if (after !== null) after.before = before;
		if (before !== null) before.after = after;
		else if (owner !== null) owner.spans = after;
		span.owner = null;
		span.next = this.#unused;
		this.#unused = span;
	}
}

class SpanTree<T> {
	/** Wraps, as all steps do that only differences are made of: so it stays an integer, which costs nothing to hand on. */
	#steps = 0;
	#root: Span<T> | null = null;
	/** What `#split` has made. */
	#lower: Span<T> | null = null;
	#upper: Span<T> | null = null;

	get steps(): number {
		return this.#steps;
	}

	/** Adds the spans that overlap to the list `found`. */
	search(start: number, end: number, found: Span<T> | null): Span<T> | null {
		return this.#search(this.#root, start, end, found);
	}

	#search(node: Span<T> | null, start: number, end: number, found: Span<T> | null): Span<T> | null {
		if (node === null || node.reach <= start) return found;
		this.#steps = (this.#steps + 1) | 0;
		let list = found;
		if (node.start < end) {
			list = this.#search(node.right, start, end, list);
			if (node.end > start) {
				node.next = list;
				list = node;
			}
		}
		return this.#search(node.left, start, end, list);
	}

	insert(span: Span<T>): void {
		span.tree = this;
		this.#root = this.#insert(this.#root, span);
	}

	#insert(node: Span<T> | null, span: Span<T>): Span<T> {
		this.#steps = (this.#steps + 1) | 0;
		if (node === null || span.priority > node.priority) {
			this.#split(node, span);
			span.left = this.#lower;
			span.right = this.#upper;
			return measured(span);
		}
		if (isBefore(span, node)) node.left = this.#insert(node.left, span);
		else node.right = this.#insert(node.right, span);
		return measured(node);
	}

	/** Parts what is below `node` into those before `span` and those behind it. */
	#split(node: Span<T> | null, span: Span<T>): void {
		this.#steps = (this.#steps + 1) | 0;
		if (node === null) {
			this.#lower = null;
			this.#upper = null;
		} else if (isBefore(node, span)) {
			this.#split(node.right, span);
			node.right = this.#lower;
			this.#lower = measured(node);
		} else {
			this.#split(node.left, span);
			node.left = this.#upper;
			this.#upper = measured(node);
		}
	}

	remove(span: Span<T>): void {
		this.#root = this.#remove(this.#root, span);
		span.left = null;
		span.right = null;
		span.tree = null;
	}

	#remove(node: Span<T> | null, span: Span<T>): Span<T> | null {
		this.#steps = (this.#steps + 1) | 0;
		if (node === null) return null;
		if (node === span) return this.#join(node.left, node.right);
		if (isBefore(span, node)) node.left = this.#remove(node.left, span);
		else node.right = this.#remove(node.right, span);
		return measured(node);
	}

	/** Makes one tree of two, of which all of `lower` is before all of `upper`. */
	#join(lower: Span<T> | null, upper: Span<T> | null): Span<T> | null {
		if (lower === null) return upper;
		if (upper === null) return lower;
		this.#steps = (this.#steps + 1) | 0;
		if (lower.priority > upper.priority) {
			lower.right = this.#join(lower.right, upper);
			return measured(lower);
		}
		upper.left = this.#join(lower, upper.left);
		return measured(upper);
	}
}

function isBefore<T>(span: Span<T>, other: Span<T>): boolean {
	return span.start < other.start || (span.start === other.start && span.id < other.id);
}

/** `reach` follows from what is below now. */
function measured<T>(node: Span<T>): Span<T> {
	let { end } = node;
	if (node.left !== null && node.left.reach > end) end = node.left.reach;
	if (node.right !== null && node.right.reach > end) end = node.right.reach;
	node.reach = end;
	return node;
}
