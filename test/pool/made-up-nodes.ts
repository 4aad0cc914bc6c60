/**
 * A volume of 1 TiB, all mapped, whose nodes are made up as they are asked for: for what counts or measures what a map of that size costs.
 */

import { ENTRY_WORDS, Entry, putEntry } from "../../lib/pool/map/entry.js";
import { LEAF, LEAF_PAGES } from "../../lib/pool/map/leaf.js";
import { NODE, NODE_WORDS } from "../../lib/pool/map/node.js";
import { NODE_CHILDREN, putRef, REF_WORDS, Root, SPAN } from "../../lib/pool/map/ref.js";
import type { NodeReceiver, NodeStore } from "../../lib/pool/map/store.js";
import { Tree } from "../../lib/pool/map/tree.js";
import { heapMemory, type Memory } from "../../lib/wire/memory.js";
import { wordsOf } from "./memory-nodes.js";

export const PAGES = 2 ** 28;
export const LEVEL = 4;
const PLACES_PER_LEVEL = 2 ** 40;

/** A node's place says its level, and the number of its first leaf: all else follows. What is stored is counted and forgotten. */
class MadeUp implements NodeStore {
	loads = 0;
	appended = 0;
	readonly #memory = heapMemory(NODE.storedBytesMax);
	readonly #stored = wordsOf(this.#memory);
	readonly #words = new Int32Array(NODE_WORDS);

	load(place: number, _bytes: number, receiver: NodeReceiver, frame: number): void {
		this.loads++;
		const level = Math.floor(place / PLACES_PER_LEVEL) - 1;
		const first = (place % PLACES_PER_LEVEL) * LEAF_PAGES;
		const kind = level === 0 ? LEAF : NODE;
		const entry = Object.assign(new Entry(), { sectors: 8 });
		this.#words.fill(0);
		if (level === 0)
			for (let page = 0; page < LEAF_PAGES; page++) {
				entry.position = (first + page + 1) * 8;
				putEntry(this.#words, page * ENTRY_WORDS, entry);
			}
		else
			for (let child = 0; child < NODE_CHILDREN; child++) {
				const page = first + child * SPAN[level - 1]!;
				if (page < PAGES)
					putRef(this.#words, child * REF_WORDS, placeFor(level - 1, page), mapped(level - 1, page), 0);
			}
		const length = kind.encode(this.#words, 0, level, this.#stored);
		receiver.loaded(frame, this.#memory, 0, length);
	}

	append(_memory: Memory, _bytes: number): number {
		return ++this.appended;
	}

	nameOf(place: number): string {
		return `place ${place}`;
	}
}

function placeFor(level: number, page: number): number {
	return (level + 1) * PLACES_PER_LEVEL + page / LEAF_PAGES;
}

function mapped(level: number, first: number): number {
	return Math.min(SPAN[level]!, PAGES - first);
}

export function made(memoryBytes?: number): { store: MadeUp; tree: Tree; root: Root } {
	const store = new MadeUp();
	const ref = new Int32Array(REF_WORDS);
	putRef(ref, 0, placeFor(LEVEL, 0), PAGES, 0);
	return { store, tree: new Tree(store, () => 0, memoryBytes), root: new Root(ref, 0, LEVEL) };
}
