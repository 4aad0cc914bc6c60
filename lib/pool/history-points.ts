/** Where a window of history can begin: at a checkpoint, or where the log does, if it can be read from there. Used by `history.ts`. */

import { SEGMENT_SECTORS } from "./format.js";
import type { CheckpointRef } from "./head.js";
import { RowState, type Rows } from "./space/rows.js";

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

/** The first one that reads what all later ones read, too: asked by where the log ended then. */
export function firstOf(kept: readonly Kept[], isThere: (end: number) => boolean): Kept | undefined {
	let [low, high] = [0, kept.length];
	while (low < high) {
		const middle = (low + high) >>> 1;
		const each = kept[middle]!;
		if (isThere(isCheckpoint(each) ? each.position + 1 : 0)) high = middle;
		else low = middle + 1;
	}
	return kept[low];
}

/** Whether a segment can be read as part of the log. */
function isReadable(rows: Rows, segment: number): boolean {
	const row = rows.of(segment);
	return row >= 0 && (rows.states[row] === RowState.open || rows.summaries[row]! > 0);
}

/** From where on, `first` or behind it, all of the log can be read: what was given up after the last checkpoint may have been moved away since. */
function readableFrom(rows: Rows, first: number): number {
	for (let segment = rows.last; segment >= Math.floor(first / SEGMENT_SECTORS); segment--)
		if (!isReadable(rows, segment)) return (segment + 1) * SEGMENT_SECTORS;
	return first;
}

/** Those that the log can be read from: `beginning` too, if there is nothing before the first record that is known of. */
export function readableOf(
	rows: Rows,
	beginning: Beginning,
	kept: readonly CheckpointRef[],
): readonly Kept[] {
	const [first] = kept;
	// (Where that is not known from the first record on, its beginning was given up.)
	const hasBeginning = first === undefined || (beginning.timeUs < first.timeUs && isReadable(rows, 0));
	const all = hasBeginning ? [beginning, ...kept] : kept;
	const from = readableFrom(rows, all[0]!.position);
	return all.filter((each, i) => i === all.length - 1 || each.position >= from);
}
