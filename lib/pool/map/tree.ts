/**
 * Trees of the map: per volume, what was written before the last checkpoint. Nodes are stored once and never changed; whoever changes a
 * tree stores the nodes on the way anew and has another root (`lib/pool/map/merge.ts`). Here is what reading them takes: frames of both
 * kinds, and the look-up. What is asked for and not in memory is `Found.loading`: the waiter is told, and asks again from the root.
 *
 * Roots are values: snapshots, clones and moments keep one, and all share the nodes below.
 */

import { ENTRY_WORDS, type Entry, Found, readEntry } from "./entry.js";
import { FAILED, FRAMES_MIN, Frames } from "./frames.js";
import { isUnmapped, LEAF, LEAF_PAGES, LEAF_WORDS } from "./leaf.js";
import { NODE, NODE_WORDS } from "./node.js";
import { childOf, isNone, REF_WORDS, type Root, SPAN } from "./ref.js";
import { Shortcuts } from "./shortcuts.js";
import type { Checksum, NodeFault, NodeStore, NodeWaiter } from "./store.js";

/** Memory for nodes, of a pool of any size. */
export const TREE_MEMORY_BYTES = 96 * 1024 * 1024;

/** Ways straight to nodes: as many as have the leaves of 128 GiB; and to leaves: those of 4 GiB, about, in half a MiB. */
const NODE_WAY_BITS = 12;
const LEAF_WAY_BITS = 14;

/** Two thirds of the memory: so many nodes as the leaves of 1 TiB have above them. */
const NODES_SHARE = 2 / 3;

function framesIn(bytes: number, words: number): number {
	return Math.max(FRAMES_MIN, Math.floor(bytes / (words * 4)));
}

export class Tree {
	readonly nodes: Frames;
	readonly leaves: Frames;
	/** To the nodes just above the leaves, and to leaves. */
	readonly toNodes: Shortcuts;
	readonly toLeaves: Shortcuts;
	/** Why the last question that ended as `failed` did. */
	fault: NodeFault | null = null;

	/** `memoryBytes`: less than usual for a small pool. It is taken as it is touched. */
	constructor(
		readonly store: NodeStore,
		readonly checksum: Checksum,
		memoryBytes = TREE_MEMORY_BYTES,
	) {
		this.nodes = new Frames(NODE, framesIn(memoryBytes * NODES_SHARE, NODE_WORDS), store, checksum);
		this.leaves = new Frames(LEAF, framesIn(memoryBytes * (1 - NODES_SHARE), LEAF_WORDS), store, checksum);
		this.toNodes = new Shortcuts(this.nodes, 1, NODE_WAY_BITS);
		this.toLeaves = new Shortcuts(this.leaves, 0, LEAF_WAY_BITS);
	}

	/** `hear`: of each node that can't be had from now on. */
	whenFailed(hear: (fault: NodeFault) => void): void {
		this.nodes.whenFailed = hear;
		this.leaves.whenFailed = hear;
	}

	/** The same tree, whose new nodes are stored elsewhere. */
	writingTo(store: NodeStore): Tree {
		return Object.assign(Object.create(this) as Tree, { store });
	}

	/** What is the case for a page: `unmapped`; or `mapped`, and `into` is filled; or `loading`, or `failed`. */
	lookUp(root: Root, page: number, into: Entry, waiter: NodeWaiter | null): Found {
		if (page >= SPAN[root.level]! || root.isEmpty) return Found.unmapped;
		const { leaves } = this;
		const short = this.toLeaves.find(root, page);
		const frame = short < 0 ? this.leafOf(root, page, waiter) : short;
		if (frame < 0) return -frame as Found;
		leaves.use(frame);
		const at = frame * LEAF_WORDS + (page & (LEAF_PAGES - 1)) * ENTRY_WORDS;
		if (isUnmapped(leaves.words, at)) return Found.unmapped;
		readEntry(leaves.words, at, into);
		return Found.mapped;
	}

	/** The frame of the leaf that has a page, from as near to it as is known; or, below 0, what is found instead. */
	leafOf(root: Root, page: number, waiter: NodeWaiter | null): number {
		const { nodes, leaves } = this;
		let refs: Int32Array = root.ref;
		let at = 0;
		const short = root.level > 1 ? this.toNodes.find(root, page) : -1;
		for (let level = short < 0 ? root.level : 1; level > 0; level--) {
			const frame = short < 0 ? nodes.get(refs, at, level, waiter) : short;
			if (frame < 0) return -this.notHere(nodes, frame);
			nodes.use(frame);
			if (short < 0 && level === 1) this.toNodes.learn(root, page, frame);
			refs = nodes.words;
			at = frame * NODE_WORDS + childOf(page, level) * REF_WORDS;
			if (isNone(refs, at)) return -Found.unmapped;
		}
		const frame = leaves.get(refs, at, 0, waiter);
		if (frame < 0) return -this.notHere(leaves, frame);
		this.toLeaves.learn(root, page, frame);
		return frame;
	}

	/** Has the leaf of a page read, if it is not here, so that whoever comes for it soon need not wait. */
	warm(root: Root, page: number): void {
		if (page >= SPAN[root.level]! || root.isEmpty) return;
		let refs: Int32Array = root.ref;
		let at = 0;
		for (let level = root.level; level > 0; level--) {
			const frame = this.nodes.get(refs, at, level, null);
			if (frame < 0) return;
			refs = this.nodes.words;
			at = frame * NODE_WORDS + childOf(page, level) * REF_WORDS;
			if (isNone(refs, at)) return;
		}
		this.leaves.get(refs, at, 0, null);
	}

	/** What `get` of these frames has answered instead of a frame. */
	notHere(frames: Frames, answer: number): Found {
		if (answer !== FAILED) return Found.loading;
		this.fault = frames.fault;
		return Found.failed;
	}
}
