/**
 * Nodes that are made to look at a moment: among the pool's, but at odd places, by which they are told from those that volumes have, so that
 * nobody takes them for what dies with a volume. They are given back when the moment is let go; of one that was kept they stay. Used by `opening.ts`.
 */

import type { Memory } from "../wire/memory.js";
import type { NodeOutlet } from "./map/merging.js";
import type { NodeReceiver, NodeStore } from "./map/store.js";
import type { NodeLog } from "./node-log.js";

export class MomentNodes implements NodeStore, NodeOutlet {
	readonly #nodes: NodeLog;
	/** Place and length of each. */
	#made: number[] = [];

	constructor(nodes: NodeLog) {
		this.#nodes = nodes;
	}

	get waiting(): number {
		return this.#nodes.waiting;
	}

	get hasRoom(): boolean {
		return this.#nodes.hasRoom;
	}

	moreSlots(): Promise<boolean> {
		return this.#nodes.moreSlots();
	}

	writeOut(): Promise<void> {
		return this.#nodes.writeOut();
	}

	load(place: number, bytes: number, receiver: NodeReceiver, frame: number): void {
		this.#nodes.load(place, bytes, receiver, frame);
	}

	nameOf(place: number): string {
		return this.#nodes.nameOf(place);
	}

	append(memory: Memory, bytes: number): number {
		const place = this.#nodes.append(memory, bytes, 1);
		this.#made.push(place, bytes);
		return place;
	}

	/** Nobody looks at the moment any more. */
	release(): void {
		for (let i = 0; i < this.#made.length; i += 2) this.#nodes.free(this.#made[i]!, this.#made[i + 1]!);
		this.#made = [];
	}

	/** It is kept: they stay. */
	keep(): void {
		this.#made = [];
	}
}
