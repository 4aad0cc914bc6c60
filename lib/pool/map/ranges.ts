/**
 * Questions about a range of a volume: which page is mapped next, and where two trees of one past differ
 * next. Each is answered by going down from the root and looking around, within bounds; whoever goes through a range asks again from where
 * the last answer ended, and after `loading` with the same words.
 *
 * Children that two trees share are not looked into, nor are those without a page, when that is asked.
 */

import { ENTRY_WORDS, Found } from "./entry.js";
import { LEAF_PAGES, LEAF_WORDS } from "./leaf.js";
import { NODE_WORDS } from "./node.js";
import {
	childOf,
	EMPTY_ROOT,
	firstPage,
	isNone,
	isSame,
	NODE_CHILDREN,
	REF_WORDS,
	type Root,
	SPAN,
} from "./ref.js";
import type { NodeWaiter } from "./store.js";
import type { Tree } from "./tree.js";

/** Children and pages that one question looks at before it answers with what it has; more by one node at most. */
const LOOKS_MAX = 4_096;

/** One of the trees that are compared, on the way down. */
class Side {
	root = EMPTY_ROOT;
	/** The node or leaf that it is at, as in memory: a copy, since frames come and go. */
	readonly words = new Int32Array(NODE_WORDS);
	/** The child to go down to, and its level, which may be less than where the way is. */
	readonly #ref = new Int32Array(REF_WORDS);
	#level = 0;

	constructor(readonly tree: Tree) {}

	begin(root: Root): void {
		this.root = root;
		this.#ref.set(root.ref);
		this.#level = root.level;
	}

	/** Takes the node of `level` to `words`; one that the tree does not reach up to has the root as its first child. */
	take(level: number, waiter: NodeWaiter | null): Found {
		const { tree, words } = this;
		const ref = this.#ref;
		if (this.#level < level || isNone(ref, 0)) {
			words.fill(0);
			for (let i = 0; i < REF_WORDS; i++) words[i] = level > 0 ? ref[i]! : 0;
			return Found.mapped;
		}
		const frames = level === 0 ? tree.leaves : tree.nodes;
		const frame = frames.get(ref, 0, level, waiter);
		if (frame < 0) return tree.notHere(frames, frame);
		const size = level === 0 ? LEAF_WORDS : NODE_WORDS;
		for (let i = 0; i < size; i++) words[i] = frames.words[frame * size + i]!;
		return Found.mapped;
	}

	/** The way goes on to this child of the node of `level` that it has. */
	choose(level: number, child: number): void {
		for (let i = 0; i < REF_WORDS; i++) this.#ref[i] = this.words[child * REF_WORDS + i]!;
		this.#level = Math.min(this.#level, level - 1);
	}
}

/** Whether both sides have another child there, or page of a leaf. At `at` in the words of both. */
function differs(a: Int32Array, b: Int32Array, at: number, level: number): boolean {
	if (level > 0) return !isSame(a, at, b, at);
	return a[at] !== b[at] || a[at + 1] !== b[at + 1] || a[at + 2] !== b[at + 2];
}

export class Ranges {
	/** The page that was found; or that up to which there is none. */
	page = -0;
	readonly #a: Side;
	readonly #b: Side;
	/** The first page of the leaf that both sides are at, or -1. */
	#leaf = -1;

	constructor(tree: Tree) {
		this.#a = new Side(tree);
		this.#b = new Side(tree);
	}

	/**
	 * The first page from `from` on, before `to`, that is mapped: `Found.mapped`, and `page` is it. `Found.none`: there is none before
	 * `page`; if that is less than `to`, that is as far as it went, and there is more to ask.
	 */
	nextMapped(root: Root, from: number, to: number, waiter: NodeWaiter | null): Found {
		return this.#next(root, EMPTY_ROOT, from, to, waiter);
	}

	/** The first page that is not the same in two trees; answered likewise. */
	nextDiffering(a: Root, b: Root, from: number, to: number, waiter: NodeWaiter | null): Found {
		return this.#next(a, b, from, to, waiter);
	}

	#next(a: Root, b: Root, from: number, to: number, waiter: NodeWaiter | null): Found {
		const top = Math.max(a.level, b.level);
		const end = Math.min(to, SPAN[top]!);
		if (a !== this.#a.root || b !== this.#b.root) this.#leaf = -1;
		let page = from;
		for (let looks = 0; page < end && looks < LOOKS_MAX; ) {
			if (this.#leaf !== firstPage(page, 0)) {
				const found = this.#descend(a, b, top, page, waiter);
				if (found === Found.loading || found === Found.failed) return found;
				looks += NODE_CHILDREN;
				page = this.page;
				if (found === Found.none) continue;
			}
			const leafEnd = firstPage(page, 0) + LEAF_PAGES;
			for (; page < leafEnd && page < end; page++, looks++) {
				const at = (page % LEAF_PAGES) * ENTRY_WORDS;
				if (!differs(this.#a.words, this.#b.words, at, 0)) continue;
				this.page = page;
				return Found.mapped;
			}
		}
		this.page = page < end ? page : Math.max(from, to);
		return Found.none;
	}

	/**
	 * Goes down to the leaf of `page`, or to the first behind it that may have what is wanted, whose first page `page` is then:
	 * `mapped`. Or, `none`, finds that nothing before a later `page` has it.
	 */
	#descend(a: Root, b: Root, top: number, from: number, waiter: NodeWaiter | null): Found {
		this.#leaf = -1;
		this.page = from;
		this.#a.begin(a);
		this.#b.begin(b);
		for (let level = top; ; level--) {
			const found = this.#take(level, waiter);
			if (found !== Found.mapped) return found;
			if (level === 0) break;
			let child = childOf(this.page, level);
			const first = firstPage(this.page, level);
			while (child < NODE_CHILDREN && !differs(this.#a.words, this.#b.words, child * REF_WORDS, level))
				child++;
			this.page = Math.max(this.page, first + child * SPAN[level - 1]!);
			if (child === NODE_CHILDREN) return Found.none;
			this.#a.choose(level, child);
			this.#b.choose(level, child);
		}
		this.#leaf = firstPage(this.page, 0);
		return Found.mapped;
	}

	#take(level: number, waiter: NodeWaiter | null): Found {
		const found = this.#a.take(level, waiter);
		return found === Found.mapped ? this.#b.take(level, waiter) : found;
	}
}
