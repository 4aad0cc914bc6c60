/**
 * The way from a root down to a node, as copies of the nodes on it, so that it lasts while frames come and go, and can be changed. A step of
 * work goes down or up one level. Used by `lib/pool/map/merge.ts` and `lib/pool/map/walk.ts`.
 */

import { ENTRY_WORDS, Found } from "./entry.js";
import { LEAF, LEAF_PAGES, LEAF_WORDS } from "./leaf.js";
import { NODE, NODE_WORDS } from "./node.js";
import { isNone, LEVELS_MAX, placeOf, REF_WORDS, SPAN } from "./ref.js";
import type { NodeWaiter } from "./store.js";
import type { Tree } from "./tree.js";

/** One more than there are: what has a root as its only child. */
const LEVELS = LEVELS_MAX + 2;

export class Path {
	/** Where it is now; above the top when nothing was entered yet. */
	level = 0;
	/** The node of each level that the way leads through, as in memory. */
	readonly words = new Int32Array(LEVELS * NODE_WORDS);
	/** The first page of each. */
	readonly first = new Float64Array(LEVELS);
	/** Whether each has been changed. */
	readonly isChanged = new Uint8Array(LEVELS);
	/** Where each was stored, and how long it is there; 0 if it is new. */
	readonly place = new Float64Array(LEVELS);
	readonly bytes = new Float64Array(LEVELS);

	constructor(readonly tree: Tree) {}

	/** Where the node of `level` begins in `words`. */
	at(level: number): number {
		return level * NODE_WORDS;
	}

	/** The first page behind the node that it is at. */
	get end(): number {
		return this.first[this.level]! + SPAN[this.level]!;
	}

	/** An empty node of `level`, for pages from `first` on. */
	enterNew(level: number, first: number): void {
		const at = this.at(level);
		this.words.fill(0, at, at + NODE_WORDS);
		this.place[level] = 0;
		this.bytes[level] = 0;
		this.#entered(level, first);
	}

	/** The node of `level` that is at `refs[at]`, new if there is none. `mapped` when it is there; or `loading`, or `failed`. */
	enter(level: number, first: number, refs: Int32Array, at: number, waiter: NodeWaiter | null): Found {
		if (isNone(refs, at)) {
			this.enterNew(level, first);
			return Found.mapped;
		}
		const { tree, words } = this;
		const isLeaf = level === 0;
		const frames = isLeaf ? tree.leaves : tree.nodes;
		const place = placeOf(refs, at);
		const frame = frames.get(refs, at, level, waiter);
		if (frame < 0) return tree.notHere(frames, frame);
		const size = isLeaf ? LEAF_WORDS : NODE_WORDS;
		const to = this.at(level);
		const from = frame * size;
		for (let i = 0; i < size; i++) words[to + i] = frames.words[from + i]!;
		this.place[level] = place;
		this.bytes[level] = (isLeaf ? LEAF : NODE).bytesOf(words, to);
		this.#entered(level, first);
		return Found.mapped;
	}

	#entered(level: number, first: number): void {
		this.level = level;
		this.first[level] = first;
		this.isChanged[level] = 0;
	}

	/** Where in `words` child `child` of the node of `level` is. */
	childAt(level: number, child: number): number {
		return this.at(level) + child * REF_WORDS;
	}

	/** Where in `words` a page of the leaf is. */
	pageAt(page: number): number {
		return (page % LEAF_PAGES) * ENTRY_WORDS;
	}
}
