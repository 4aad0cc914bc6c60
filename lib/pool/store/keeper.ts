/** What the image of a pool asks of whoever keeps its superblock: `head-keeper.ts`, and in tests a plain one. */

import type { StoredImage } from "./stored-image.js";

export interface ImageKeeper {
	/** The pool's number: 16 bytes in hexadecimal. */
	readonly pool: string;
	/** Under which all is written. */
	readonly epoch: number;
	readonly image: StoredImage;
	/** It is under the superblock when it resolves. Throws an OperatorError if somebody else has the pool now: for good. */
	write(change: (now: StoredImage) => StoredImage): Promise<void>;
}
