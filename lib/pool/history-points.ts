/** Where a window of history can begin: at a checkpoint, or where the log does. Used by `history.ts`. */

import type { CheckpointRef } from "./head.js";

/** Where the log begins: what was from there on can be read without a checkpoint. */
export interface Beginning extends Pick<CheckpointRef, "position" | "place" | "bytes" | "timeUs"> {
	readonly isBeginning: true;
}

export type Kept = CheckpointRef | Beginning;

export function isCheckpoint(kept: Kept): kept is CheckpointRef {
	return !("isBeginning" in kept);
}

/** When it was, by what had passed if that is known. */
export function agedOf(kept: Kept): number {
	return (isCheckpoint(kept) ? kept.agedUs : undefined) ?? kept.timeUs;
}
