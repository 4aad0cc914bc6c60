/**
 * Ways from a root straight to its leaves, and to the nodes just above those, so that a look-up need not go down level by level: which node has
 * a page in a tree never changes, so what is remembered is true for ever. Only whether the node's frame has another one by now has
 * to be looked at. A table of one place per hash, the newer takes it; what is looked at lies together, for it is seldom in a cache.
 * Used by `lib/pool/map/tree.ts`.
 */

import type { Frames } from "./frames.js";
import { type Root, SPAN } from "./ref.js";

/** Words of a way: the root's place, the node's number among those of its level, its frame, and that frame's turn then. */
const WAY_WORDS = 8;
const NUMBER = 1;
const HIGHS = 2;
const FRAME = 3;
const TURN = 4;

const WORD = 2 ** 32;
/** Leaves have numbers of 40 bits. */
const NUMBER_HIGH_BITS = 8;
const PLACE_HIGH = 2 ** 21 - 1;

export class Shortcuts {
	readonly #ways: Int32Array;
	readonly #shift: number;
	readonly #perNode: number;

	/** To nodes of `level`, 2 to the power of `bits` ways. */
	constructor(
		readonly frames: Frames,
		level: number,
		bits: number,
	) {
		this.#ways = new Int32Array(2 ** bits * WAY_WORDS);
		this.#shift = 32 - bits;
		this.#perNode = 1 / SPAN[level]!;
	}

	/** The frame of the node that has this page; less than 0 if that is not known, or not here. */
	find({ ref }: Root, page: number): number {
		const number = Math.floor(page * this.#perNode);
		const at = this.#at(ref, number);
		const ways = this.#ways;
		if (ways[at + NUMBER] !== (number | 0) || ways[at] !== ref[0]) return -1;
		if (ways[at + HIGHS] !== highsOf(ref, number)) return -1;
		const frame = ways[at + FRAME]!;
		return this.frames.turns[frame] === ways[at + TURN] ? frame : -1;
	}

	/** The way was gone: the node is here, in this frame. */
	learn({ ref }: Root, page: number, frame: number): void {
		const number = Math.floor(page * this.#perNode);
		const at = this.#at(ref, number);
		const ways = this.#ways;
		ways[at] = ref[0]!;
		ways[at + NUMBER] = number;
		ways[at + HIGHS] = highsOf(ref, number);
		ways[at + FRAME] = frame;
		ways[at + TURN] = this.frames.turns[frame]!;
	}

	#at(ref: Int32Array, number: number): number {
		const hash = Math.imul(number ^ Math.imul(ref[0]!, 0x85ebca6b), 0x9e3779b1);
		return (hash >>> this.#shift) * WAY_WORDS;
	}
}

/** What the root's place and the number have above 32 bits: 21, and 8. */
function highsOf(ref: Int32Array, number: number): number {
	return ((ref[1]! & PLACE_HIGH) << NUMBER_HIGH_BITS) | (number / WORD);
}
