/**
 * Ways from a root straight to the nodes just above the leaves, so that a look-up need not go down level by level: which node has a page in
 * a tree never changes, so what is remembered is true for ever. Only whether the node is in memory still has to be looked at. A
 * table of one place per hash, the newer takes it. Used by `lib/pool/map/tree.ts`.
 */

import type { Frames } from "./frames.js";
import { REF_WORDS, type Root, SPAN } from "./ref.js";

/** So many ways: as many nodes as have the leaves of 128 GiB. */
const WAYS = 4_096;

/** Words of a way: the node's reference, its frame, the root's place, the node's number among those of its level. */
const WAY_WORDS = 8;
const FRAME = REF_WORDS;
const ROOT = FRAME + 1;
const NUMBER = ROOT + 1;
const HIGHS = NUMBER + 1;

const WORD = 2 ** 32;
const PER_NODE = 1 / SPAN[1]!;

export class Shortcuts {
	readonly #ways = new Int32Array(WAYS * WAY_WORDS);

	constructor(readonly nodes: Frames) {}

	/** The frame of the node of level 1 that has this page; less than 0 if that is not known, or not here. */
	find({ ref }: Root, page: number): number {
		const number = Math.floor(page * PER_NODE);
		const at = this.#at(ref, number);
		const ways = this.#ways;
		if (ways[at + NUMBER] !== (number | 0) || ways[at + ROOT] !== ref[0]) return -1;
		if (ways[at + HIGHS] !== highsOf(ref, number)) return -1;
		const frame = ways[at + FRAME]!;
		return this.nodes.has(frame, ways, at) ? frame : -1;
	}

	/** The way was gone: the node is what the child at `refs[from]` is, and in this frame. */
	learn({ ref }: Root, page: number, refs: Int32Array, from: number, frame: number): void {
		const number = Math.floor(page * PER_NODE);
		const at = this.#at(ref, number);
		for (let i = 0; i < REF_WORDS; i++) this.#ways[at + i] = refs[from + i]!;
		this.#ways[at + FRAME] = frame;
		this.#ways[at + ROOT] = ref[0]!;
		this.#ways[at + NUMBER] = number;
		this.#ways[at + HIGHS] = highsOf(ref, number);
	}

	#at(ref: Int32Array, number: number): number {
		const hash = Math.imul(number ^ Math.imul(ref[0]!, 0x85ebca6b), 0x9e3779b1);
		return (hash >>> 20) * WAY_WORDS;
	}
}

/** What the root's place and the number have above 32 bits: 21, and 1 since pages have 46. */
function highsOf(ref: Int32Array, number: number): number {
	return ((ref[1]! & (2 ** 21 - 1)) << 2) | (number / WORD);
}
