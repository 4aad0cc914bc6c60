/**
 * One file of an image, as `image.ts` sees it: the image itself, or what an image says is behind it. Made by `raw.ts` and `qcow2.ts`.
 */

import type { ExtentKind } from "./extent.js";

export type ImageFormat = "raw" | "qcow2";

/** From a place on everything is of one kind, for at least so long. */
export interface Run {
	readonly kind: ExtentKind;
	readonly lengthBytes: number;
}

/** A layer's holes are where what is behind it shows. */
export interface Layer {
	readonly path: string;
	/** What the disk in it has; a multiple of 512. */
	readonly sizeBytes: number;
	/** What there is from `offset` on, looking as far as `end`. */
	run(offset: number, end: number): Promise<Run>;
	/** Fills `into` with what is at `offset`; only for what `run` has said is data. */
	read(offset: number, into: Uint8Array): Promise<void>;
	close(): Promise<void>;
}
