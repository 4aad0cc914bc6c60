/**
 * Stores nodes of the map: makes their form in storage, and the reference by which the node above knows them. Keeps them in memory too,
 * so that what was just merged need not be read. Used by `lib/pool/map/merge.ts`.
 */

import { heapMemory } from "../../wire/memory.js";
import { countMapped, LEAF } from "./leaf.js";
import { NODE, sumMapped } from "./node.js";
import { putNone, putRef } from "./ref.js";
import type { Tree } from "./tree.js";

export class NodeWriter {
	readonly #memory = heapMemory(NODE.storedBytesMax);
	readonly #words = new Int32Array(this.#memory.bytes.buffer);
	/** Nodes stored so far, and their bytes. */
	count = 0;
	bytes = 0;

	constructor(readonly tree: Tree) {}

	/** Stores the node of `level` that lies at `words[from]`, and puts what it is known by at `refs[at]`: nothing if nothing is mapped. */
	store(level: number, words: Int32Array, from: number, refs: Int32Array, at: number): void {
		const { tree } = this;
		const isLeaf = level === 0;
		const mapped = isLeaf ? countMapped(words, from) : sumMapped(words, from);
		if (mapped === 0) {
			putNone(refs, at);
			return;
		}
		const { bytes } = this.#memory;
		const length = (isLeaf ? LEAF : NODE).encode(words, from, level, this.#words);
		putRef(refs, at, tree.store.append(this.#memory, length), mapped, tree.checksum(bytes, 0, length));
		(isLeaf ? tree.leaves : tree.nodes).put(refs, at, level, words, from);
		this.count++;
		this.bytes += length;
	}
}
