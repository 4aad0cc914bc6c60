/**
 * Which blocks of the log have been read and found right lately: for a minute at most their pages are believed without being looked at
 * again. One bit for each block, per segment; two generations of them. Asked by volumes, told by `stored-reads.ts`.
 */

import { BLOCK_SECTORS, SEGMENT_SECTORS } from "./format.js";

const WORDS = SEGMENT_SECTORS / BLOCK_SECTORS / 32;

export class Verified {
	/** By segment. */
	#young: Uint32Array[] = [];
	#old: Uint32Array[] = [];

	/** To be called every 30 seconds: what was found right before the last call is to be looked at again. */
	age(): void {
		this.#old = this.#young;
		this.#young = [];
	}

	has(position: number): boolean {
		const segment = Math.floor(position / SEGMENT_SECTORS);
		const block = Math.floor((position - segment * SEGMENT_SECTORS) / BLOCK_SECTORS);
		return hasBlock(this.#young[segment], block) || hasBlock(this.#old[segment], block);
	}

	/** All blocks that begin in so many sectors are right. */
	add(position: number, sectors: number): void {
		const segment = Math.floor(position / SEGMENT_SECTORS);
		const first = (position - segment * SEGMENT_SECTORS) / BLOCK_SECTORS;
		let bits = this.#young[segment];
		if (bits === undefined) {
			bits = new Uint32Array(WORDS);
			this.#young[segment] = bits;
		}
		for (let block = Math.ceil(first); block < first + sectors / BLOCK_SECTORS; block++)
			bits[block >>> 5]! |= 1 << (block & 31);
	}
}

function hasBlock(bits: Uint32Array | undefined, block: number): boolean {
	return bits !== undefined && (bits[block >>> 5]! & (1 << (block & 31))) !== 0;
}
