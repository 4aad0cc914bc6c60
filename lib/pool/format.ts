/**
 * The numbers of the format that a pool has on its storage, which docs/pools.md describes byte by byte; and how numbers of more
 * than 32 bits are kept. Used by every file of the pool that reads or writes storage.
 */

import { SECTOR_BYTES } from "../wire/sector.js";

/** What does not know this number refuses the pool. Those from the first one on are opened, and are of this one from then on. */
export const FORMAT = 5;
export const FORMAT_FIRST = 1;

/** Records, headers and the head begin at multiples of this. */
export const BLOCK_BYTES = 4096;
export const BLOCK_SECTORS = BLOCK_BYTES / SECTOR_BYTES;

/** So much of the log lies in one slot. Positions are counted in sectors, once and for ever: a segment's are known by its number. */
export const SEGMENT_BYTES = 8 * 1024 * 1024;
export const SEGMENT_SECTORS = SEGMENT_BYTES / SECTOR_BYTES;

/** A file of the log has so many slots. */
export const FILE_SLOTS = 8;
export const FILE_BYTES = FILE_SLOTS * SEGMENT_BYTES;

/** What one record holds at most: bytes of pages, and entries. */
export const RECORD_DATA_BYTES = 1024 * 1024;
export const RECORD_ENTRIES = 1024;

export const PAGE_BYTES_MIN = 512;
export const PAGE_BYTES_MAX = 256 * 1024;
/** Numbers are whole and exact: more than 53 bits there are of none. */
const HIGH_LIMIT = 2 ** 21;
const WORD = 2 ** 32;

export function putU64(view: DataView, at: number, value: number): void {
	view.setUint32(at, value % WORD, true);
	view.setUint32(at + 4, Math.floor(value / WORD), true);
}

/** NaN for what was never written. */
export function takeU64(view: DataView, at: number): number {
	const high = view.getUint32(at + 4, true);
	return high < HIGH_LIMIT ? high * WORD + view.getUint32(at, true) : Number.NaN;
}

export function putU48(view: DataView, at: number, value: number): void {
	view.setUint32(at, value % WORD, true);
	view.setUint16(at + 4, Math.floor(value / WORD), true);
}

export function takeU48(view: DataView, at: number): number {
	return view.getUint16(at + 4, true) * WORD + view.getUint32(at, true);
}

/** `value` as so many whole blocks, in the unit of `block`. */
export function roundUp(value: number, block: number): number {
	return Math.ceil(value / block) * block;
}

/** Whether it is an object whose fields of these names are numbers of the kind that a pool has: whole, and not below 0. */
export function areNumbers(value: unknown, names: readonly string[]): boolean {
	if (typeof value !== "object" || value === null) return false;
	const fields = value as Record<string, unknown>;
	return names.every((name) => Number.isSafeInteger(fields[name]) && Number(fields[name]) >= 0);
}
