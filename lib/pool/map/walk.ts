/**
 * Walks all of a subtree that has died, in slices: tells of each page and each node in it. A trim of a whole disk, or the deletion of a
 * volume, leaves one, and what it holds is given back in the background. Shared subtrees, of which the newest tree of another line may
 * still read, are the pool's business: it knows by birth and death who wants what.
 */

import { Dead, type LeftSink } from "./dead.js";
import { ENTRY_WORDS, Entry, Found, readEntry } from "./entry.js";
import { isUnmapped, LEAF_PAGES } from "./leaf.js";
import type { Progress } from "./merge.js";
import { Path } from "./path.js";
import { isNone, NODE_CHILDREN, type Root, SPAN } from "./ref.js";
import type { NodeWaiter } from "./store.js";
import type { Tree } from "./tree.js";

/** What entering a node costs, and a page of it. */
const NODE_STEPS = 32;
const PAGE_STEPS = 2;

export class DeadWalk {
	/** Pages that were told of so far, of `subtree.mapped`. */
	done = 0;
	/** Of the subtree's pages, those before this one were told of. */
	next = -0;
	readonly #path: Path;
	readonly #top: number;
	readonly #dead = new Dead();
	readonly #entry = new Entry();
	/** At each level, the child that comes next. */
	readonly #next: Int32Array;
	/** Whether the node of each level was told of: with its first leaf, so that `next` says that, too. */
	readonly #isTold: Uint8Array;

	constructor(
		readonly subtree: Root,
		readonly volume: number,
		death: number,
		tree: Tree,
		readonly sink: Pick<LeftSink, "died" | "nodeDied">,
		/** What is before this page was told of by another walk: as it had it as `next`. */
		readonly from = 0,
	) {
		this.next = from;
		this.#path = new Path(tree);
		this.#dead.volume = volume;
		this.#dead.death = death;
		// One level more, with the subtree as its only child: then its own node is like any other.
		this.#top = subtree.level + 1;
		this.#next = new Int32Array(this.#top + 1);
		this.#isTold = new Uint8Array(this.#top + 1).fill(1);
		this.#path.enterNew(this.#top, 0);
		this.#path.words.set(subtree.ref, this.#path.at(this.#top));
	}

	/** Goes on for about `steps`. */
	step(steps: number, waiter: NodeWaiter | null): Progress {
		const path = this.#path;
		for (let left = steps; left > 0; left--) {
			const { level } = path;
			const child = this.#next[level]!;
			if (child === NODE_CHILDREN) {
				if (level === this.#top) return "done";
				path.level = level + 1;
				continue;
			}
			const at = path.childAt(level, child);
			const first = path.first[level]! + child * SPAN[level - 1]!;
			if (!isNone(path.words, at) && first + SPAN[level - 1]! > this.from) {
				const found = path.enter(level - 1, first, path.words, at, waiter);
				if (found !== Found.mapped) return found === Found.failed ? "failed" : "waiting";
				left -= NODE_STEPS;
				const before = this.done;
				this.#entered(level - 1);
				left -= PAGE_STEPS * (this.done - before);
			}
			this.#next[level]!++;
		}
		return "more";
	}

	#entered(level: number): void {
		const path = this.#path;
		const first = path.first[level]!;
		this.#next[level] = 0;
		this.#isTold[level] = first < this.from ? 1 : 0;
		if (level > 0) return;
		for (let above = 0; above < this.#top; above++) this.#tell(above);
		for (let page = 0; page < LEAF_PAGES; page++) {
			const at = page * ENTRY_WORDS;
			if (isUnmapped(path.words, at)) continue;
			readEntry(path.words, at, this.#entry);
			this.#dead.birth = this.#entry.position;
			this.#dead.sectors = this.#entry.sectors;
			this.sink.died(this.#dead);
			this.done++;
		}
		this.next = first + LEAF_PAGES;
		path.level = 1;
	}

	#tell(level: number): void {
		if (this.#isTold[level]) return;
		this.#isTold[level] = 1;
		this.sink.nodeDied(this.volume, this.#path.place[level]!, this.#path.bytes[level]!);
	}
}
