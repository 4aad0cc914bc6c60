/**
 * Has what nobody wants any more given back, and then what is history beyond its share. What died at once, a volume or a snapshot of millions of
 * pages, takes long to be gone through: while writes wait only some of it is, and then `upkeep.ts`, which calls this, has a checkpoint made,
 * cleans or grows with what is known by then, before it goes on here.
 */

import type { Contents } from "./contents.js";
import type { Descent } from "./descent.js";
import type { PoolWorld } from "./folder.js";
import type { History } from "./history.js";
import type { WriteRoom } from "./log-room.js";

/** So many slices while writes wait. */
const SLICES_MAX = 16;

export interface GiveBackOf {
	readonly world: PoolWorld;
	readonly contents: Contents;
	readonly descent: Descent;
	readonly history: History;
	readonly room: WriteRoom;
}

/** False: there is more of it, but writes wait. */
export async function giveBack(
	{ world, contents, descent, history, room }: GiveBackOf,
	isOpen: () => boolean,
): Promise<boolean> {
	let slices = 0;
	const mayGoOn = (): boolean => room.mayWrite || slices++ < SLICES_MAX;
	do {
		const isDone = await descent.work(contents.layers.tree, world.nextTurn, mayGoOn);
		// (Where it had to leave off, since a checkpoint is being stored, it is not known yet what is left.)
		if (!isDone) return descent.isHeld;
	} while (isOpen() && (await history.shrink()));
	return true;
}
