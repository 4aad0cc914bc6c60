/**
 * Reads every node of the trees that a checkpoint has, each once however many share it, and has it compared with its checksum. Used by
 * `examine.ts`.
 */

import { crc32c } from "../crc32c.js";
import type { BlobRef } from "./blob.js";
import type { CheckpointState } from "./checkpoint-text.js";
import type { PoolWorld } from "./folder.js";
import { FILE_SLOTS, SEGMENT_BYTES } from "./format.js";
import { FAILED, LOADING } from "./map/frames.js";
import { LEAF } from "./map/leaf.js";
import { answerOf } from "./map/merging.js";
import { NODE, NODE_WORDS } from "./map/node.js";
import { isNone, NODE_CHILDREN, placeOf, REF_WORDS, type Root } from "./map/ref.js";
import { NodeFault } from "./map/store.js";
import { Tree } from "./map/tree.js";
import { NodeLog } from "./node-log.js";
import type { Segments } from "./segments.js";

/** Nobody waits for the same node again: a little is enough. */
const TREE_BYTES = 8 * 1024 * 1024;

/** A checkpoint, and where its own text lies. */
export interface StoredCheckpoint {
	readonly state: CheckpointState;
	readonly places: readonly BlobRef[];
}

/** Resolves to the number of nodes; what is wrong with one is told, with its place. */
export async function examineNodes(
	{ allocate }: PoolWorld,
	segments: Segments,
	{ state, places }: StoredCheckpoint,
	tell: (place: string, what: string) => void,
): Promise<number> {
	const slots = Array.from(state.nodeSlots);
	for (const { place, slot } of places) slots[Math.floor(place / SEGMENT_BYTES)] = slot;
	const largest = Math.max(NODE.storedBytesMax, LEAF.storedBytesMax);
	const nodes = new NodeLog(segments, allocate, largest, slots);
	const tree = new Tree(nodes, (bytes, from, to) => crc32c(bytes, from, to), TREE_BYTES);
	const walk = new NodeWalk(tree, (place, what) => tell(placeName(segments, slots, place), what));
	const snapshots = state.volumes.flatMap((volume) => volume.snapshots);
	const roots = [...state.roots.values(), ...snapshots.map(({ image }) => image.root)];
	for (const root of roots) if (root !== null) await walk.tree(root);
	return walk.count;
}

function placeName(segments: Segments, slots: readonly number[], place: number): string {
	const slot = slots[Math.floor(place / SEGMENT_BYTES)];
	if (slot === undefined) return segments.folder.path;
	return `${segments.fileNameOf(slot)}, byte ${(slot % FILE_SLOTS) * SEGMENT_BYTES + (place % SEGMENT_BYTES)}`;
}

class NodeWalk {
	count = 0;
	readonly #tree: Tree;
	readonly #tell: (place: number, what: string) => void;
	/** Those that have others below them. */
	readonly #seen = new Set<number>();

	constructor(tree: Tree, tell: (place: number, what: string) => void) {
		this.#tree = tree;
		this.#tell = tell;
	}

	async tree(root: Root): Promise<void> {
		if (!root.isEmpty) await this.#node(root.ref, 0, root.level);
	}

	/** What `refs[at]` says is at `level`, and all below it. */
	async #node(refs: Int32Array, at: number, level: number): Promise<void> {
		const place = placeOf(refs, at);
		if (this.#seen.has(place)) return;
		this.#seen.add(place);
		const frames = level === 0 ? this.#tree.leaves : this.#tree.nodes;
		const frame = await answerOf(
			(waiter) => frames.get(refs, at, level, waiter),
			(answer) => answer === LOADING,
		);
		if (frame === FAILED) {
			const what = frames.fault instanceof NodeFault ? frames.fault.what : "it can't be read";
			this.#tell(place, `a node of the map: ${what}`);
			return;
		}
		this.count++;
		if (level === 0) return;
		const children = frames.words.slice(frame * NODE_WORDS, (frame + 1) * NODE_WORDS);
		for (let child = 0; child < NODE_CHILDREN; child++)
			if (!isNone(children, child * REF_WORDS)) await this.#node(children, child * REF_WORDS, level - 1);
	}
}
