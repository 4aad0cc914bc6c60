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

const NODE_STEPS = 32;

export class DeadWalk {
	/** Pages that were told of so far, of `subtree.mapped`. */
	done = 0;
	readonly #path: Path;
	readonly #top: number;
	readonly #dead = new Dead();
	readonly #entry = new Entry();
	/** At each level, the child that comes next. */
	readonly #next: Int32Array;

	constructor(
		readonly subtree: Root,
		readonly volume: number,
		death: number,
		tree: Tree,
		readonly sink: Pick<LeftSink, "died" | "nodeDied">,
	) {
		this.#path = new Path(tree);
		this.#dead.volume = volume;
		this.#dead.death = death;
		// One level more, with the subtree as its only child: then its own node is like any other.
		this.#top = subtree.level + 1;
		this.#next = new Int32Array(this.#top + 1);
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
			if (!isNone(path.words, at)) {
				const first = path.first[level]! + child * SPAN[level - 1]!;
				const found = path.enter(level - 1, first, path.words, at, waiter);
				if (found !== Found.mapped) return found === Found.failed ? "failed" : "waiting";
				left -= NODE_STEPS;
				this.#entered(level - 1);
			}
			this.#next[level]!++;
		}
		return "more";
	}

	#entered(level: number): void {
		const path = this.#path;
		this.sink.nodeDied(this.volume, path.place[level]!, path.bytes[level]!);
		this.#next[level] = 0;
		if (level > 0) return;
		for (let page = 0; page < LEAF_PAGES; page++) {
			const at = page * ENTRY_WORDS;
			if (isUnmapped(path.words, at)) continue;
			readEntry(path.words, at, this.#entry);
			this.#dead.birth = this.#entry.position;
			this.#dead.sectors = this.#entry.sectors;
			this.sink.died(this.#dead);
			this.done++;
		}
		path.level = 1;
	}
}
