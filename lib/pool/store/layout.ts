/**
 * The numbers of what a pool has in an object store, and how its files are counted there: a file of the log in blocks, which the image names,
 * and in pieces, which are present or not on this host. Used by every file of this room; docs/object-stores.md has the format.
 */

import { FILE_BYTES, FILE_SLOTS } from "../format.js";

/** What is uploaded, or not: of what is written to the log and to nodes, all is made of such. */
export const IMAGE_BLOCK_BYTES = 4096;
export const FILE_BLOCKS = FILE_BYTES / IMAGE_BLOCK_BYTES;

/** What is fetched at least, and is here as a whole or not. */
export const PIECE_BYTES = 64 * 1024;
export const PIECE_BLOCKS = PIECE_BYTES / IMAGE_BLOCK_BYTES;
export const FILE_PIECES = FILE_BYTES / PIECE_BYTES;
/** What the pool takes and gives back as one. */
export const SLOT_PIECES = FILE_PIECES / FILE_SLOTS;
export const SLOT_BLOCKS = SLOT_PIECES * PIECE_BLOCKS;

/** An object has at most so many blocks: 8 MiB. */
export const OBJECT_BLOCKS = 2048;
/** So many blocks of an object have one checksum, which is behind them. */
export const SUMMED_BLOCKS = 8;
export const CRC_BYTES = 4;
/** And at most so many ranges. */
export const OBJECT_RANGES = 4096;

/** A pool's number, by chance: 16 bytes in hexadecimal. */
export const IDENTITY_TEXT = /^[0-9a-f]{32}$/;

const NUMBER_DIGITS = 16;

/** Written once: no epoch is ever another owner's, and no owner uses a number twice. */
export function objectName(pool: string, epoch: number, number: number): string {
	return `${pool}/${digits(epoch)}/${digits(number)}`;
}

/** What is read when a clone boots of what was at a position of the log. */
export function traceName(pool: string, position: string): string {
	return `${pool}/traces/${position}`;
}

/** What a host says that waits for the pool, to an owner who has asked by that word. */
export function heirName(pool: string, nonce: string): string {
	return `${pool}/heirs/${nonce}`;
}

function digits(value: number): string {
	return String(value).padStart(NUMBER_DIGITS, "0");
}
