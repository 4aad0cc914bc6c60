/**
 * Changes that the server has answered but not been asked to put on stable storage: a server that comes back after a crash may have
 * forgotten them, so they are kept, and sent once more on the next connection, before anything else is (as NFS clients keep unstable
 * writes until a commit). Filled and emptied by `session.ts`; replayed by `replay.ts`.
 */

import type { Memory } from "../../wire/memory.js";
import { Command } from "../protocol.js";
import type { Call } from "./call.js";

/** Data that is kept of one disk, and changes; when there is half of that the server is asked for a flush. */
export const KEPT_BYTES = 16 * 1024 * 1024;
const KEPT_CHANGES = 16 * 1024;

export interface KeptChange {
	readonly command: number;
	readonly flags: number;
	readonly offsetBytes: number;
	readonly lengthBytes: number;
	/** Where its data begins in `memory`: of a write. */
	readonly memoryOffset: number;
}

export class Kept {
	readonly #allocate: (byteLength: number) => Memory;
	readonly #bytesMax: number;
	#memory: Memory | null = null;
	/** In order of their answers; those before `#first` are safe. */
	#changes: KeptChange[] = [];
	#first = 0;
	/** How many have been kept in all, and so the number of the next one. */
	#count = 0;
	/** Data is kept from one of these to the other, around the end of the memory. */
	#tail = 0;
	#usedBytes = 0;

	constructor(allocate: (byteLength: number) => Memory, bytesMax = KEPT_BYTES) {
		this.#allocate = allocate;
		this.#bytesMax = bytesMax;
	}

	get memory(): Memory {
		this.#memory ??= this.#allocate(this.#bytesMax);
		return this.#memory;
	}

	/** The number of the next change: all before it that are kept are in the next flush. */
	get next(): number {
		return this.#count;
	}

	get isEmpty(): boolean {
		return this.#first === this.#changes.length;
	}

	get isHalfFull(): boolean {
		return 2 * this.#usedBytes >= this.#bytesMax || 2 * this.#waiting >= KEPT_CHANGES;
	}

	get #waiting(): number {
		return this.#changes.length - this.#first;
	}

	/** Keeps what a call has changed; false if there is no room for it. */
	keep({ command, flags, offsetBytes, lengthBytes, memory, memoryOffset }: Call): boolean {
		if (this.#waiting >= KEPT_CHANGES) return false;
		let at = 0;
		if (command === Command.write) {
			// In one piece: what is left before the end is passed over, and free again with this change.
			const begin = this.#tail + lengthBytes > this.#bytesMax ? 0 : this.#tail;
			const passed = begin === this.#tail ? 0 : this.#bytesMax - this.#tail;
			if (this.#usedBytes + passed + lengthBytes > this.#bytesMax) return false;
			this.memory.bytes.set(memory.bytes.subarray(memoryOffset, memoryOffset + lengthBytes), begin);
			this.#usedBytes += passed + lengthBytes;
			this.#tail = begin + lengthBytes;
			at = begin;
		}
		this.#changes.push({ command, flags, offsetBytes, lengthBytes, memoryOffset: at });
		this.#count++;
		return true;
	}

	/** Those of a number below this are on stable storage. */
	safe(before: number): void {
		const firstNumber = this.#count - this.#waiting;
		this.#first += Math.max(0, Math.min(before, this.#count) - firstNumber);
		if (this.isEmpty) {
			this.forget();
			return;
		}
		const head = this.#changes.findIndex((change, index) => index >= this.#first && isWrite(change));
		if (head < 0) this.#usedBytes = 0;
		else {
			const used = this.#tail - this.#changes[head]!.memoryOffset;
			this.#usedBytes = used > 0 ? used : used + this.#bytesMax;
		}
		if (this.#first < this.#changes.length / 2) return;
		this.#changes = this.#changes.slice(this.#first);
		this.#first = 0;
	}

	/** All of them, in order. */
	changes(): readonly KeptChange[] {
		return this.#changes.slice(this.#first);
	}

	/** None is kept any more. */
	forget(): void {
		this.#changes.length = 0;
		this.#first = 0;
		this.#usedBytes = 0;
		this.#tail = 0;
	}
}

function isWrite({ command }: KeptChange): boolean {
	return command === Command.write;
}
