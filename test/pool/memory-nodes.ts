/** What tests of the map store its nodes in: memory, which answers at once or when told to, and can be damaged. */

import { crc32 } from "node:zlib";
import type { Progress } from "../../lib/pool/map/merge.js";
import { load, type NodeReceiver, type NodeStore } from "../../lib/pool/map/store.js";
import { type Memory, memoryOf } from "../../lib/wire/memory.js";

/** Any checksum will do for what only looks whether it is the same. */
export function checksum(bytes: Uint8Array, from: number, to: number): number {
	return crc32(bytes.subarray(from, to));
}

/** The same memory, for writing nodes to it. */
export function wordsOf({ bytes }: Memory): Int32Array {
	return new Int32Array(bytes.buffer);
}

export class MemoryNodes implements NodeStore {
	readonly stored = new Map<number, Uint8Array>();
	/** Loads that were asked for and not yet answered, if not at once. */
	readonly waiting: (() => void)[] = [];
	loads = 0;
	#next = 2 ** 40;

	constructor(public answersAtOnce = true) {}

	load(place: number, bytes: number, receiver: NodeReceiver, frame: number): void {
		this.loads++;
		const answer = (): void => {
			const found = this.stored.get(place);
			if (found === undefined) receiver.failed(frame, "there is nothing");
			else load(receiver, frame, memoryOf(found, 0), 3, Math.min(bytes, found.length - 3));
		};
		if (this.answersAtOnce) answer();
		else this.waiting.push(answer);
	}

	/** What follows a node in storage is not the node's. */
	append({ bytes }: Memory, length: number): number {
		const place = this.#next;
		this.#next += Math.ceil(length / 8);
		const stored = new Uint8Array(3 + length + 100).fill(0xee);
		stored.set(bytes.subarray(0, length), 3);
		this.stored.set(place, stored);
		return place;
	}

	nameOf(place: number): string {
		return `memory, byte ${place}`;
	}

	answer(): void {
		for (const answer of this.waiting.splice(0)) answer();
	}
}

/** Takes steps until it is done; nodes that are waited for are answered. */
export function finish(store: MemoryNodes, step: () => Progress): void {
	for (let progress = step(); progress !== "done"; progress = step()) {
		if (progress === "failed") throw new Error("a node can't be read");
		store.answer();
	}
}
