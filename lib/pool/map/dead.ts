/**
 * What nothing newer reads any more: a page that was overwritten or trimmed, which only snapshots and moments between its birth and its
 * death still want. Overlays and merges tell it of each; the pool keeps lists of them and frees what nobody wants.
 */

import type { Root } from "./ref.js";

/** One object is filled again and again: whoever hears of it copies what it needs. */
export class Dead {
	volume = 0;
	/** The page's position. */
	birth = -0;
	sectors = 0;
	/** From this position on it is not read. Where that is not known exactly, later: but no snapshot is between the two. */
	death = -0;
}

export interface DeadSink {
	died(dead: Dead): void;
}

/** Who hears of what a merge leaves behind: pages, and what of the tree they were in. */
export interface LeftSink extends DeadSink {
	/** A stored node is not part of the volume's newest tree any more. */
	nodeDied(volume: number, place: number, bytes: number): void;
	/** All that a subtree has died at once, by a trim. It is still to be walked: `walk.ts`. */
	subtreeDied(volume: number, subtree: Root, death: number): void;
}
