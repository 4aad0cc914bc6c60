/** What `node-cleaner.ts` works on, of a pool: its nodes, and slots that nobody needs now. Made and asked by `upkeep.ts`. */

import { OperatorError } from "../errors.js";
import type { Checkpoints } from "./checkpoints.js";
import type { PoolWorld } from "./folder.js";
import { NodeCleaner } from "./node-cleaner.js";
import type { NodeLog } from "./node-log.js";
import type { Segments } from "./segments.js";

export interface NodeUpkeepOf {
	readonly world: PoolWorld;
	readonly segments: Segments;
	readonly nodes: NodeLog;
	readonly checkpoints: Checkpoints;
}

export class NodeUpkeep {
	readonly #of: NodeUpkeepOf;
	readonly #cleaner: NodeCleaner;

	constructor(of: NodeUpkeepOf) {
		this.#of = of;
		const { world, segments, nodes, checkpoints } = of;
		this.#cleaner = new NodeCleaner({
			places: nodes.places,
			slotCount: () => segments.slots.count,
			spareSlots: world.mapSize?.spareNodeSlots,
			allocate: world.allocate,
			takeSlot: () => segments.takeSlot(),
			giveSlot: (slot) => segments.slots.emptied(slot),
			read: (...range) => segments.readToMove(...range),
			write: (slot, first, end, from) => nodes.writeSlot(slot, first, end, from),
			mayGoOn: () => world.nextTurn(),
			reserve: () => checkpoints.reserve(),
		});
	}

	/**
	 * Cleans as much as is to be cleaned, while `mayGoOn` and there are slots: one for what is moved, and `forCheckpoint`, by which what that was
	 * moved from comes back. What can't be done now is done another time.
	 */
	async clean(mayGoOn: () => boolean, forCheckpoint: () => number): Promise<void> {
		const { slots } = this.#of.segments;
		try {
			while (mayGoOn() && slots.free > forCheckpoint() && (await this.#cleaner.clean()));
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
		}
	}

	/** What could not be read is cleaned too, if it can be now. */
	retry(): void {
		this.#cleaner.retry();
	}

	/** Of a small pool: nodes go on in another slot, and what lives of those before comes to lie in the one that was filled. Takes one slot and gives one. Throws an OperatorError. */
	async renew(): Promise<void> {
		const { nodes, checkpoints } = this.#of;
		const { end } = nodes;
		nodes.begin();
		// (Then it is written out, and can be read.)
		await checkpoints.request(true);
		if (await this.#cleaner.fold(end)) await checkpoints.request(true);
	}
}
