/**
 * An image of a disk, for writing: takes extents in order of their offsets. Made by `raw-writer.ts` and `qcow2-writer.ts`, which
 * write to an `OutputFile`; used by `lib/send/export.ts`.
 */

import type { Extent } from "./extent.js";

export interface ImageWriter {
	/** Writes the next extent. */
	put(extent: Extent): Promise<void>;
	/** The next extent is there, data and all: an earlier attempt has written it, with the same ones before it. */
	skip(extent: Omit<Extent, "bytes">): Promise<void>;
	/** What has been put is on stable storage afterwards. */
	sync(): Promise<void>;
	/** All extents have been put: the image is whole, and is called what it should be. */
	finish(): Promise<void>;
}
