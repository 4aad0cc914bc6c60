/**
 * The copy that there is of a file of the state: the file before the last, on its own place of the disk. For what can't be made again
 * if it is damaged: who disks are, and what commands have added. Used by `keeping.ts`; read by control.
 */

import { link, rename, unlink } from "node:fs/promises";
import { codeOf } from "../errors.js";

/** Of which there is a copy. */
export const SPARED: ReadonlySet<string> = new Set(["disks.json", "runtime.toml"]);
const COPY = ".before";

/** Has the file stay as the copy, when another one takes its place. Where that can't be had, the copy is an older one, or none. */
export async function spare(file: string): Promise<void> {
	const next = `${file}${COPY}.new`;
	try {
		// Of one that was killed.
		await unlink(next).catch(() => {});
		await link(file, next);
		await rename(next, file + COPY);
		// Where the copy was made before, but nothing took the place of the file: two names of one file stay two.
		await unlink(next).catch(() => {});
	} catch (error) {
		// There is no file yet; or the file system knows no second names, or is full.
		if (codeOf(error) === undefined) throw error;
	}
}
