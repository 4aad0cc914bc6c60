/** What becomes of all files that a replica follows at once: when it is gone on with, and at the end. Used by `replica.ts`. */

import { PIECE_BLOCKS } from "./layout.js";
import type { LocalFile } from "./local-file.js";

/** Nothing of them is in a cut any more; all that may not be in the replica is to be brought there. */
export function markAgain(files: Iterable<LocalFile>): void {
	for (const file of files) {
		file.uncut();
		file.isInFlight = false;
		for (const { from, to } of file.intended())
			file.dirty({ from: from * PIECE_BLOCKS, to: to * PIECE_BLOCKS });
	}
}

/** Closes them; of those of which the replica has all, that is known the next time. */
export async function endFiles(
	files: Iterable<LocalFile>,
	maySettle: (file: LocalFile) => boolean,
	save: (file: LocalFile) => Promise<void>,
): Promise<void> {
	for (const file of files) {
		const isThere = file.dirtyBlocks === 0 && !file.isInFlight && file.intended().length > 0;
		if (isThere && maySettle(file)) {
			file.settle();
			await save(file).catch(() => {});
		}
		await file.device.close();
	}
}
