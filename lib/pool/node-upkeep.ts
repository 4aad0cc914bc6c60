/** What `node-cleaner.ts` works on, of a pool: its nodes, and slots that nobody needs now. Made and asked by `upkeep.ts`. */

import { OperatorError } from "../errors.js";
import type { Checkpoints } from "./checkpoints.js";
import type { PoolWorld } from "./folder.js";
import { NodeCleaner } from "./node-cleaner.js";
import type { NodeLog } from "./node-log.js";
import type { Segments } from "./segments.js";
import { CLEANS_FROM } from "./space/room.js";

export interface NodeUpkeepOf {
	readonly world: PoolWorld;
	readonly segments: Segments;
	readonly nodes: NodeLog;
	readonly checkpoints: Checkpoints;
}

/** Cleans as much as is to be cleaned, while `mayGoOn` and there are slots. What can't be done now is done another time. */
export function nodeUpkeep({ world, segments, nodes, checkpoints }: NodeUpkeepOf) {
	const cleaner = new NodeCleaner({
		places: nodes.places,
		spareSlots: world.mapSize?.spareNodeSlots,
		allocate: world.allocate,
		takeSlot: () => segments.takeSlot(),
		giveSlot: (slot) => segments.slots.emptied(slot),
		read: (slot, offsetBytes, lengthBytes, into) => segments.readSlot(slot, offsetBytes, lengthBytes, into),
		write: (slot, bytes, from) => nodes.writeSlot(slot, 0, bytes, from),
		mayGoOn: () => world.nextTurn(),
		reserve: () => checkpoints.reserve(),
	});
	return async (mayGoOn: () => boolean): Promise<void> => {
		try {
			while (mayGoOn() && segments.slots.free > CLEANS_FROM && (await cleaner.clean()));
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
		}
	};
}
