/** What the image of a pool asks of whoever keeps its superblock: `head-keeper.ts`, and in tests a plain one. */

import type { OperatorError } from "../../errors.js";
import type { StoredImage } from "./stored-image.js";

export interface ImageKeeper {
	/** The pool's number: 16 bytes in hexadecimal. */
	readonly pool: string;
	/** Under which all is written. */
	readonly epoch: number;
	/** By which epoch this host got it from another one (`Superblock`); left out: it is had by one host for good. */
	readonly hostSince?: number;
	readonly image: StoredImage;
	/** Objects with lower numbers are wanted, whatever is in the image: by a tail that was given up, and that its host may still have. */
	readonly heldBelow: number;
	/** Why the superblock does not get on, in words; null, or left out: it does. */
	trouble?(): string | null;
	/** Whether what a host of that life had promised was given up at a takeover. Whatever else is on a host and not in the image was never acknowledged. */
	isGivenUp(life: string): boolean;
	/** Whether it is as it was left there: of one that nothing may be written to for long. Resolves to why not; null: it is, or that is not known now. Default: it is known anyhow. */
	look?(): Promise<OperatorError | null>;
	/** It is under the superblock when it resolves. Throws an OperatorError if somebody else has the pool now: for good. */
	write(change: (now: StoredImage) => StoredImage): Promise<void>;
}
