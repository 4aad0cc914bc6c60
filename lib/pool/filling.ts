/**
 * Memory in which a segment of nodes is filled, and which the next one is filled in: were it a new one each time, the collector of garbage would
 * soon count it. What lies between nodes, and behind the last, is zeros, whatever was there before. Used by `node-log.ts`.
 */

import type { Memory } from "../wire/memory.js";
import { BLOCK_BYTES, roundUp, SEGMENT_BYTES } from "./format.js";
import { GRANULE_BYTES } from "./node-segment.js";

/** What was appended and is not written out. */
export interface Filling {
	readonly memory: Memory;
	/** What is before this is on storage alone. */
	readonly firstBytes: number;
	/** Bytes of it that are written, in whole blocks, and that there are. */
	writtenBytes: number;
	bytes: number;
	/** How many write it out. */
	writers: number;
}

export class Fillings {
	readonly #allocate: (byteLength: number) => Memory;
	#spare: Memory | null = null;

	constructor(allocate: (byteLength: number) => Memory) {
		this.#allocate = allocate;
	}

	/** What is before a byte is written already, or nothing. */
	begin(bytes: number, writtenBytes: number): Filling {
		const memory = this.#spare ?? this.#allocate(SEGMENT_BYTES);
		this.#spare = null;
		memory.bytes.fill(0, 0, Math.min(bytes, BLOCK_BYTES));
		return { memory, firstBytes: bytes, writtenBytes, bytes, writers: 0 };
	}

	/** It is written out, and nobody reads it here any more. (Somebody who began later may still write the same.) */
	end({ memory, writers }: Filling): void {
		if (writers === 0) this.#spare = memory;
	}
}

/** Where the next node begins. */
export function startIn({ bytes }: Filling): number {
	return roundUp(bytes, GRANULE_BYTES);
}

/** Puts a node there, or `odd` behind; says where that is. */
export function put(filling: Filling, node: Memory, bytes: number, odd: 0 | 1): number {
	const start = startIn(filling) + odd;
	const into = filling.memory.bytes;
	into.fill(0, filling.bytes, start);
	into.set(node.bytes.subarray(0, bytes), start);
	filling.bytes = start + bytes;
	return start;
}

/** One byte that is no node's. */
export function leaveGap(filling: Filling): void {
	filling.memory.bytes[filling.bytes] = 0;
	filling.bytes++;
}

/** Its last block is whole; says where that ends. */
export function pad({ memory, bytes }: Filling): number {
	const end = roundUp(bytes, BLOCK_BYTES);
	memory.bytes.fill(0, bytes, end);
	return end;
}
