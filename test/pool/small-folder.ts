/** A pool's files in memory of which there can be only a few, so that space has to come back. */

import { MemoryFolder } from "./memory-folder.js";

/** A folder with room for so many files of the log. */
export class SmallFolder extends MemoryFolder {
	constructor(
		readonly filesMax: number,
		wrap?: MemoryFolder["wrap"],
	) {
		super(wrap);
	}

	override async most(): Promise<number> {
		return this.filesMax;
	}
}
