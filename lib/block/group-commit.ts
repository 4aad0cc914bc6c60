/**
 * Starts the flushes that durability layers want, when the pump drains storage: after all frames of a batch have been looked at,
 * so that one flush is for all of its writes. One per pump; the layers (`durability.ts`) queue themselves.
 */

import type { Pump, PumpStage } from "../pump.js";

export interface Committer {
	/** Link of the list. */
	nextToCommit: Committer | null;
	/** Starts the flush. */
	commit(): void;
}

export class GroupCommit implements PumpStage {
	#first: Committer | null = null;
	#last: Committer | null = null;
	readonly #pump: Pump;

	constructor(pump: Pump) {
		this.#pump = pump;
		pump.addStorage(this);
	}

	get hasWork(): boolean {
		return this.#first !== null;
	}

	/** `layer.commit` will be called when the pump next drains storage. */
	queue(layer: Committer): void {
		if (this.#last === null) this.#first = layer;
		else this.#last.nextToCommit = layer;
		this.#last = layer;
		this.#pump.wake();
	}

	drain(): void {
		let layer = this.#first;
		this.#first = null;
		this.#last = null;
		while (layer !== null) {
			const next: Committer | null = layer.nextToCommit;
			layer.nextToCommit = null;
			layer.commit();
			layer = next;
		}
	}
}
