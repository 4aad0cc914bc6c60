/**
 * Reads every node of the trees that a checkpoint has, each once however many share it, and has it compared with its checksum; and tells of
 * the pages that leaves have. Used by `examine.ts`.
 */

import { crc32c } from "../crc32c.js";
import type { CheckpointState } from "./checkpoint-text.js";
import { ENTRY_WORDS, Entry, readEntry } from "./map/entry.js";
import { FAILED, LOADING } from "./map/frames.js";
import { isUnmapped, LEAF_PAGES, LEAF_WORDS } from "./map/leaf.js";
import { answerOf } from "./map/merging.js";
import { NODE_WORDS } from "./map/node.js";
import { isNone, NODE_CHILDREN, placeOf as placeIn, REF_WORDS, type Root, SPAN } from "./map/ref.js";
import { NodeFault } from "./map/store.js";
import { Tree } from "./map/tree.js";
import type { NodeLog } from "./node-log.js";

/** Nobody waits for the same node again: a little is enough. */
const TREE_BYTES = 8 * 1024 * 1024;

/** A checkpoint, and where nodes lie. */
export interface StoredCheckpoint {
	readonly state: CheckpointState;
	readonly nodes: NodeLog;
}

export interface NodeFindings {
	tell(place: string, what: string): void;
	/** A page that is mapped. */
	page(line: number, page: number, entry: Entry): Promise<void>;
}

/** Resolves to the number of nodes; what is wrong with one is told, with its place. */
export async function examineNodes(
	{ state, nodes }: StoredCheckpoint,
	findings: NodeFindings,
): Promise<number> {
	const tree = new Tree(nodes, (bytes, from, to) => crc32c(bytes, from, to), TREE_BYTES);
	const walk = new NodeWalk(tree, {
		tell: (place, what) => findings.tell(nodes.nameOf(place), what),
		page: (line, page, entry) => findings.page(line, page, entry),
	});
	for (const [line, root] of state.roots) await walk.tree(line, root);
	for (const { image } of state.volumes.flatMap((volume) => volume.snapshots))
		if (image.root !== null) await walk.tree(image.of.line, image.root);
	for (const [line, root] of state.ending) await walk.tree(line, root);
	// (What has died of these, and was not told of yet.)
	for (const { line, root, next } of state.walks) await walk.tree(line, root, next);
	return walk.count;
}

/** By place. */
interface WalkFindings extends Pick<NodeFindings, "page"> {
	tell(place: number, what: string): void;
}

class NodeWalk {
	count = 0;
	readonly #tree: Tree;
	readonly #findings: WalkFindings;
	/** Those that were read. */
	readonly #seen = new Set<number>();
	readonly #entry = new Entry();
	#line = 0;
	#from = 0;

	constructor(tree: Tree, findings: WalkFindings) {
		this.#tree = tree;
		this.#findings = findings;
	}

	/** `from`: those before are left out. */
	async tree(line: number, root: Root, from = 0): Promise<void> {
		this.#line = line;
		this.#from = from;
		if (!root.isEmpty) await this.#node(root.ref, 0, root.level, 0);
	}

	/** What `refs[at]` says is at `level`, for pages from `first` on, and all below it. */
	async #node(refs: Int32Array, at: number, level: number, first: number): Promise<void> {
		const place = placeIn(refs, at);
		const isOver = first + (level === 0 ? LEAF_PAGES : NODE_CHILDREN * SPAN[level - 1]!) <= this.#from;
		if (isOver || this.#seen.has(place)) return;
		// (Of one that is gone through in part others may have all.)
		if (first >= this.#from) this.#seen.add(place);
		const frames = level === 0 ? this.#tree.leaves : this.#tree.nodes;
		const frame = await answerOf(
			(waiter) => frames.get(refs, at, level, waiter),
			(answer) => answer === LOADING,
			FAILED,
		);
		if (frame === FAILED) {
			const what = frames.fault instanceof NodeFault ? frames.fault.what : "it can't be read";
			this.#findings.tell(place, `a node of the map: ${what}`);
			return;
		}
		this.count++;
		const words = level === 0 ? LEAF_WORDS : NODE_WORDS;
		const node = frames.words.slice(frame * words, (frame + 1) * words);
		if (level === 0) return this.#leaf(node, first);
		for (let child = 0; child < NODE_CHILDREN; child++) {
			if (isNone(node, child * REF_WORDS)) continue;
			await this.#node(node, child * REF_WORDS, level - 1, first + child * SPAN[level - 1]!);
		}
	}

	async #leaf(leaf: Int32Array, first: number): Promise<void> {
		for (let page = 0; page < LEAF_PAGES; page++) {
			if (first + page < this.#from || isUnmapped(leaf, page * ENTRY_WORDS)) continue;
			readEntry(leaf, page * ENTRY_WORDS, this.#entry);
			await this.#findings.page(this.#line, first + page, this.#entry);
		}
	}
}
