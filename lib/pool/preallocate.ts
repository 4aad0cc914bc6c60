/**
 * Writes slots with zeros when a pool is made, so that the space is there for good: all that it will have, if that is wanted (`head-file.ts`), or what it
 * can't do without (`opening.ts`). The rest is written when there is a pool: `file-filler.ts`.
 */

import { BlockOp } from "../block/request.js";
import { fileName, type PoolWorld } from "./folder.js";
import { FILE_BYTES, FILE_SLOTS, SEGMENT_BYTES } from "./format.js";
import { run } from "./run.js";
import type { Segments } from "./segments.js";

const PIECE_BYTES = 1024 * 1024;

/** How much, and who is told how far it is. */
export interface Preallocation {
	/** In a directory; a device is written whole. */
	readonly sizeBytes: number | undefined;
	readonly progress: (doneBytes: number, ofBytes: number) => void;
}

/** The number of slots that are written, and there for good. Throws an OperatorError. */
export async function preallocate(
	{ folder, allocate }: PoolWorld,
	{ sizeBytes, progress }: Preallocation,
): Promise<number> {
	const count = (await folder.most()) ?? Math.ceil((sizeBytes ?? 0) / FILE_BYTES);
	const zeros = allocate(PIECE_BYTES);
	for (let file = 0; file < count; file++) {
		const device = await folder.create(fileName(file), FILE_BYTES);
		const name = `${folder.path}/${fileName(file)}`;
		try {
			for (let at = 0; at < FILE_BYTES; at += PIECE_BYTES) {
				await run(device, BlockOp.write, at, PIECE_BYTES, zeros, name);
				progress(file * FILE_BYTES + at + PIECE_BYTES, count * FILE_BYTES);
			}
			await run(device, BlockOp.flush, 0, 0, undefined, name);
		} finally {
			await device.close();
		}
	}
	return count * FILE_SLOTS;
}

/** For the log, and for a checkpoint: with these, what is only said can be said, and stored. */
const FIRST_SLOTS = 2;
export const FIRST_BYTES = FIRST_SLOTS * SEGMENT_BYTES;

/** Makes the first slots of a pool in which nothing was written yet, if they are not there. Throws an OperatorError. */
export async function makeFirst(
	segments: Segments,
	{ folder, allocate }: Pick<PoolWorld, "folder" | "allocate">,
): Promise<void> {
	if (!folder.fillsAhead) {
		if (!segments.hasFile(0)) await segments.grow();
		return;
	}
	const zeros = allocate(PIECE_BYTES);
	// (What is counted is filled: a making that was broken off goes on here.)
	while (segments.slots.whole < FIRST_SLOTS) {
		const slot = segments.slots.whole;
		const device = await segments.fileOf(slot);
		const name = segments.fileNameOf(slot);
		for (let at = 0; at < SEGMENT_BYTES; at += PIECE_BYTES)
			await run(device, BlockOp.write, slot * SEGMENT_BYTES + at, PIECE_BYTES, zeros, name);
		await run(device, BlockOp.flush, 0, 0, undefined, name);
		segments.filled(slot);
	}
}
