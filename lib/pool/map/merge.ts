/**
 * Merges what a frozen overlay has of one volume into the volume's tree, for a checkpoint: makes another root, and leaves the old one's nodes
 * as they are. Goes through pages in order, so each node on the way is read once and stored at most once. In slices, since serving
 * waits meanwhile; whoever calls counts how long they are in steps of some 20 ns.
 *
 * On the way it learns what died: pages that were overwritten or trimmed, the nodes that had them, and, without looking below, whole
 * subtrees that a trim covers. What nothing was written to and nothing trimmed of is not looked at.
 */

import type { LeftSink } from "./dead.js";
import { Found } from "./entry.js";
import { MergeLeaf } from "./merge-leaf.js";
import { NODE_BYTES_MIN } from "./node.js";
import type { OverlayOrder } from "./order.js";
import type { Overlay } from "./overlay.js";
import { Path } from "./path.js";
import {
	childOf,
	EMPTY_ROOT,
	firstPage,
	isNone,
	LEVELS_MAX,
	levelFor,
	placeOf,
	putNone,
	REF_WORDS,
	Root,
	SPAN,
} from "./ref.js";
import type { NodeWaiter } from "./store.js";
import type { Tree } from "./tree.js";
import { NodeWriter } from "./writer.js";

/** Where a merge is: goes on when called again; when the waiter is told; is over; or can't, and `fault` of the tree says why. */
export type Progress = "more" | "waiting" | "done" | "failed";

/** Steps that take about 200 us. */
export const SLICE_STEPS = 4_096;

/** What entering a node costs, and what leaving it does if it is stored. */
const NODE_STEPS = 64;

/** What an entry costs: it lies anywhere in the overlay. */
const ENTRY_STEPS = 4;

/** Entries ahead whose leaves are being read meanwhile, if they are not here. */
const AHEAD = 64;

export class Merge {
	/** What the volume has from now on, when it is done. */
	root: Root;
	readonly writer: NodeWriter;
	readonly #path: Path;
	#top: number;
	#isBegun = false;
	#isDone = false;
	/** Places in the order of the volume's next entry, of the first one behind, and of the next whose leaf is to be read. */
	#next: number;
	readonly #end: number;
	#ahead: number;
	/** All before this page is done. */
	#page = -0;
	/** What is written before this page, and not merged yet, dies: see `pass`. */
	#passedTo = -0;
	/** The first page of that node. */
	#passedFrom = -0;
	#steps = 0;
	/** The page on whose way it is. */
	#wanted = -0;
	readonly #leaf: MergeLeaf;
	/** Nodes that were stored between the old root and the new top: a reference each. */
	readonly #between: Int32Array[] = [];

	constructor(
		readonly tree: Tree,
		readonly before: Root,
		readonly volume: number,
		readonly overlay: Overlay,
		readonly order: OverlayOrder,
		readonly sink: LeftSink,
	) {
		this.root = before;
		this.writer = new NodeWriter(tree);
		this.#path = new Path(tree);
		this.#next = order.startOf(volume);
		this.#end = order.startOf(volume + 1);
		this.#ahead = this.#next;
		const highest = this.#next < this.#end ? levelFor(overlay.pageOf(order.at(this.#end - 1))) : 0;
		this.#top = Math.max(1, before.level, highest);
		this.#leaf = new MergeLeaf(this.#path, volume, overlay, order, sink);
	}

	/** Goes on for about `steps`. */
	step(steps: number, waiter: NodeWaiter | null): Progress {
		this.#steps = steps;
		this.#warm();
		while (this.#steps > 0) {
			if (this.#isDone) return "done";
			const progress = this.#isBegun ? this.#advance(waiter) : this.#begin(waiter);
			if (progress !== "more") return progress;
		}
		return "more";
	}

	/**
	 * The node that it came to can't be had, and nobody will ever look at the volume: what was written there dies, and the node stays in the tree,
	 * to be walked with it. It goes on behind it; false: it can't.
	 */
	pass(): boolean {
		// (Of a root that can't be had: as the only child of a new one.)
		if (!this.#isBegun) {
			if (this.before.level === LEVELS_MAX) return false;
			this.#top = this.before.level + 1;
			return true;
		}
		const { first, level } = this.#path;
		const span = SPAN[level - 1]!;
		this.#passedFrom = first[level]! + childOf(this.#wanted, level) * span;
		this.#passedTo = this.#passedFrom + span;
		return true;
	}

	/** The next page of those; when there is none, what a trim covers of the node is left to that, if it covers all. */
	#passOne(isEntry: boolean): Progress {
		const { trims } = this.overlay;
		this.#steps -= ENTRY_STEPS;
		if (isEntry) this.#leaf.forget(this.order.at(this.#next++));
		else {
			const row = trims.find(this.volume, this.#passedFrom);
			const isTrimmed = row >= 0 && trims.to(row) >= this.#passedTo;
			if (!isTrimmed || this.#page > this.#passedFrom) this.#page = this.#passedTo;
			this.#passedTo = -0;
		}
		return "more";
	}

	/** Leaves that are wanted soon. */
	#warm(): void {
		const end = Math.min(this.#end, this.#next + AHEAD);
		for (let last = -1; this.#ahead < end; this.#ahead++) {
			const page = this.overlay.pageOf(this.order.at(this.#ahead));
			const first = firstPage(page, 0);
			if (first !== last) this.tree.warm(this.before, page);
			last = first;
		}
	}

	/** Enters the top: the old root, or, if that has not all the pages that there are now, a node above it. */
	#begin(waiter: NodeWaiter | null): Progress {
		const { before } = this;
		const path = this.#path;
		if (this.#isAllTrimmed()) return "more";
		if (before.level === this.#top) {
			const found = path.enter(this.#top, 0, before.ref, 0, waiter);
			if (found !== Found.mapped) return found === Found.failed ? "failed" : "waiting";
		} else {
			const ref = before.ref.slice();
			for (let level = before.level + 1; level <= this.#top; level++) {
				path.enterNew(level, 0);
				path.words.set(ref, path.at(level));
				if (level === this.#top || before.isEmpty) continue;
				this.writer.store(level, path.words, path.at(level), ref, 0);
				this.#between.push(ref.slice());
			}
		}
		this.#isBegun = true;
		this.#steps -= NODE_STEPS;
		return "more";
	}

	/** If a trim covers the tree, and nothing was written: all of it has died. */
	#isAllTrimmed(): boolean {
		const { before, overlay, volume } = this;
		const row = overlay.trims.find(volume, 0);
		if (row < 0 || overlay.trims.to(row) < SPAN[before.level]! || this.#next < this.#end) return false;
		if (!before.isEmpty) this.sink.subtreeDied(volume, before, overlay.trims.first(row));
		this.root = EMPTY_ROOT;
		this.#isDone = true;
		return true;
	}

	/** One move: up, if there is nothing more to do below this node; down towards the next page; or past what needs no look. */
	#advance(waiter: NodeWaiter | null): Progress {
		const path = this.#path;
		const { trims } = this.overlay;
		this.#steps--;
		const entryPage = this.#next < this.#end ? this.overlay.pageOf(this.order.at(this.#next)) : Infinity;
		const row = trims.count > 0 ? trims.next(this.volume, this.#page) : -1;
		const trimPage = row >= 0 ? Math.max(this.#page, trims.from(row)) : Infinity;
		const page = Math.min(entryPage, trimPage);
		if (page < this.#passedTo) return this.#passOne(entryPage < this.#passedTo);
		if (page >= path.end) return this.#leave();
		this.#wanted = page;
		const child = childOf(page, path.level);
		const at = path.childAt(path.level, child);
		const childFrom = path.first[path.level]! + child * SPAN[path.level - 1]!;
		const childEnd = childFrom + SPAN[path.level - 1]!;
		if (trimPage < entryPage) {
			// Nothing is written before this page.
			const end = Math.min(trims.to(row), entryPage);
			if (isNone(path.words, at)) {
				this.#page = Math.min(childEnd, end);
				return "more";
			}
			if (page === childFrom && end >= childEnd) {
				this.sink.subtreeDied(this.volume, new Root(path.words, at, path.level - 1), trims.first(row));
				putNone(path.words, at);
				path.isChanged[path.level] = 1;
				this.#page = childEnd;
				return "more";
			}
		}
		const found = path.enter(path.level - 1, childFrom, path.words, at, waiter);
		if (found !== Found.mapped) return found === Found.failed ? "failed" : "waiting";
		this.#steps -= NODE_STEPS;
		if (path.level === 0) this.#mergeLeaf();
		return "more";
	}

	/** All of the leaf that it is at. */
	#mergeLeaf(): void {
		const path = this.#path;
		const next = this.#leaf.merge(this.#next, this.#end);
		this.#steps -= ENTRY_STEPS * (next - this.#next);
		this.#next = next;
		this.#page = path.end;
		this.#leave();
	}

	/** Nothing more is to be done below the node that it is at: stores it, if it has changed, and goes up. */
	#leave(): Progress {
		const path = this.#path;
		const { level } = path;
		if (level === this.#top) return this.#finish();
		path.level = level + 1;
		if (!path.isChanged[level]) return "more";
		const child = childOf(path.first[level]!, level + 1);
		this.writer.store(level, path.words, path.at(level), path.words, path.childAt(level + 1, child));
		path.isChanged[level + 1] = 1;
		this.#replaced(level);
		this.#steps -= NODE_STEPS;
		return "more";
	}

	#finish(): Progress {
		const path = this.#path;
		const top = this.#top;
		this.#isDone = true;
		if (!path.isChanged[top]) {
			for (const ref of this.#between) this.sink.nodeDied(this.volume, placeOf(ref, 0), NODE_BYTES_MIN);
			return "done";
		}
		const ref = new Int32Array(REF_WORDS);
		const isOnlyFirst = this.#hasOnlyFirst();
		if (isOnlyFirst) ref.set(path.words.subarray(path.at(top), path.at(top) + REF_WORDS));
		else this.writer.store(top, path.words, path.at(top), ref, 0);
		this.#replaced(top);
		this.root = new Root(ref, 0, isNone(ref, 0) ? 0 : isOnlyFirst ? top - 1 : top);
		return "done";
	}

	/** Whether the top has one child, the first, which can be the root then. */
	#hasOnlyFirst(): boolean {
		const path = this.#path;
		const at = path.at(this.#top);
		for (let i = at + REF_WORDS; i < path.at(this.#top + 1); i++) if (path.words[i] !== 0) return false;
		return !isNone(path.words, at);
	}

	/** What was stored of a node is not part of the tree any more. */
	#replaced(level: number): void {
		const { place, bytes } = this.#path;
		if (place[level]! > 0) this.sink.nodeDied(this.volume, place[level]!, bytes[level]!);
	}
}
