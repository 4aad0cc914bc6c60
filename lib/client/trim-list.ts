/** The data of a TRIM (DATA SET MANAGEMENT, ACS-3, 7.5.3): which sectors. Used by `remote-disk.ts` and `far-piece.ts`. */

import { SECTOR_BYTES } from "../wire/sector.js";

/** Most sectors in one entry, and entries in one block. */
const ENTRY_SECTORS_MAX = 0xffff;
const BLOCK_ENTRIES = SECTOR_BYTES / 8;

/** The list of a TRIM: entries of 8 bytes, LBA in the low 48 bits, sectors in the high 16; the last block is filled up with zeros. */
export function trimList(lba: number, count: number): Uint8Array {
	const entries = Math.ceil(count / ENTRY_SECTORS_MAX);
	const list = new Uint8Array(Math.ceil(entries / BLOCK_ENTRIES) * SECTOR_BYTES);
	const view = new DataView(list.buffer);
	for (let entry = 0; entry < entries; entry++) {
		const done = entry * ENTRY_SECTORS_MAX;
		const sectors = Math.min(ENTRY_SECTORS_MAX, count - done);
		view.setBigUint64(entry * 8, (BigInt(sectors) << 48n) | BigInt(lba + done), true);
	}
	return list;
}
