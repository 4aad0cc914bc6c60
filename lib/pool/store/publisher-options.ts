/** What whoever brings a pool to its store (`publisher.ts`) is made of. */

import type { Clock } from "../../clock.js";
import type { OperatorError } from "../../errors.js";
import type { ObjectStore } from "../../object/store.js";
import type { Memory } from "../../wire/memory.js";
import type { Image, ImageRange } from "./image.js";
import type { ImageKeeper } from "./keeper.js";
import type { LocalFile } from "./local-file.js";
import type { LocalSizes } from "./local-sizes.js";
import type { Pace } from "./pace.js";
import type { StoredImage } from "./stored-image.js";

export interface PublisherOf {
	readonly store: ObjectStore;
	/** Both are there when it is `ready`. */
	readonly keeper: ImageKeeper;
	readonly image: Image;
	/** Resolves when something can be brought there. Default: at once. Throws an OperatorError if that can't be any more. */
	readonly ready?: () => Promise<void>;
	/** Whether what has come to nothing for this reason may come to something when it is `ready` once more, as of the files is then. Default: never. */
	readonly mayGoOn?: (error: OperatorError) => boolean;
	/** Default: that of a pool in a store. */
	readonly pace?: Pace;
	/** So many blocks of a cut may be kept in memory; with more it is given up, and what there is of it is an image later. Default: as many as it takes; a cut is never given up. */
	readonly rescuedMax?: number;
	readonly files: () => Iterable<LocalFile>;
	/** The pool's head as it is now. */
	readonly head: () => Buffer;
	readonly clock: Clock;
	readonly allocate: (byteLength: number) => Memory;
	readonly nextTurn: () => Promise<void>;
	/** So many blocks may be here that the store has not. */
	readonly sizes: Pick<LocalSizes, "blocksMax">;
	/** What is under way and does not get on, in words; null: it does again. */
	readonly tell: (trouble: string | null) => void;
	/** Something is no part of the cut any more that is still to be read. */
	readonly read?: () => void;
	/** What the superblock is to name with a cut. Default: the image that it was given. */
	readonly named?: (image: StoredImage) => StoredImage;
	/** A cut is under the superblock: with what was dropped before it. */
	readonly published: (dropped: readonly ImageRange[]) => void;
}
