/**
 * Writes all slots that a pool will have with zeros when it is made, so that none has to be later and the space is there for good. Used
 * by `pool.ts`.
 */

import { BlockOp } from "../block/request.js";
import { fileName, type PoolWorld } from "./folder.js";
import { FILE_BYTES, FILE_SLOTS } from "./format.js";
import { run } from "./run.js";

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
