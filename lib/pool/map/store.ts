/**
 * What the map wants of whoever stores its nodes (the pool's segments; memory, in tests), and what is said of a node that can't be had.
 */

import { OperatorError } from "../../errors.js";
import type { Memory } from "../../wire/memory.js";

/** Who asked for a node, and hears how that ended. */
export interface NodeReceiver {
	/**
	 * What is stored at the place, from `start` on; `available` bytes may be more than the node has. Copied before this returns: how many
	 * bytes the node has, or what is wrong, and then something else has to be said to have been loaded, or that it failed.
	 */
	loaded(frame: number, memory: Memory, start: number, available: number): number | string;
	/** It could not be read, or is wrong. */
	failed(frame: number, why: string): void;
}

export interface NodeStore {
	/**
	 * Wants what is stored at `place`, `bytes` of it or as many as there are. `loaded` or `failed` of `receiver` is called with `frame`,
	 * until one is that ends it. Before this returns, perhaps, but then for this frame alone.
	 */
	load(place: number, bytes: number, receiver: NodeReceiver, frame: number): void;
	/** Stores the first `bytes` of `memory`, which are copied before this returns; says at which place. From now on it can be loaded. */
	append(memory: Memory, bytes: number): number;
	/** What messages call a place: file and byte. */
	nameOf(place: number): string;
}

/** What is loaded at once, and of which there is nothing else. */
export function load(
	receiver: NodeReceiver,
	frame: number,
	memory: Memory,
	start: number,
	available: number,
): void {
	const wrong = receiver.loaded(frame, memory, start, available);
	if (typeof wrong === "string") receiver.failed(frame, wrong);
}

/** CRC32C of `bytes[from]` to `bytes[to - 1]`. */
export type Checksum = (bytes: Uint8Array, from: number, to: number) => number;

/** A node that can't be read, or is not what it should be. `where`: its file and byte. */
export class NodeFault extends OperatorError {
	override name = "NodeFault";

	constructor(
		readonly where: string,
		readonly what: string,
	) {
		super(`${where}: a node of the map: ${what}`);
	}
}

/** Who waits for a node: asks again when it is told. A waiter waits for one at a time. */
export interface NodeWaiter {
	/** Whoever waits behind it; nobody else's business. */
	nextWaiter: NodeWaiter | null;
	/** The node is there, or can't be had. */
	nodeReady(fault: NodeFault | null): void;
}
