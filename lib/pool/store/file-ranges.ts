/** Pieces of a file, and slots of all files, as the image of a pool knows them. Used by `stored-files.ts`. */

import { FILE_SLOTS } from "../format.js";
import type { Image, ImageRange } from "./image.js";
import { IMAGE_BLOCK_BYTES, PIECE_BLOCKS, SLOT_BLOCKS } from "./layout.js";
import { type LocalFile, piecesOf, type Span } from "./local-file.js";

/** Of what is in one slot: its number among those of all files. */
export function slotKey({ file, first }: ImageRange): number {
	return file * FILE_SLOTS + Math.floor(first / SLOT_BLOCKS);
}

/** What pieces of a file are in the image. */
export function rangeOf({ number }: LocalFile, { from, to }: Span): ImageRange {
	return { file: number, first: from * PIECE_BLOCKS, blocks: (to - from) * PIECE_BLOCKS };
}

/** `file`: what is here of it while it is open, or else whether anything is. */
export function isNowhere(range: ImageRange, image: Pick<Image, "has">, file: LocalFile | boolean): boolean {
	if (image.has(range)) return false;
	if (typeof file === "boolean") return !file;
	const { from, to } = piecesOf(range.first * IMAGE_BLOCK_BYTES, range.blocks * IMAGE_BLOCK_BYTES);
	return file.nextPresent(from, to, true) === to;
}
