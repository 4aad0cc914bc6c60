/**
 * CRC32C (Castagnoli's polynomial; RFC 3720, B.4), which guards whatever a pool has on its storage. Four tables, a word at a time.
 * Used by a pool's records, head, pages and nodes, and by streams between pools.
 */

const POLYNOMIAL = 0x82f63b78;

/** One table behind the other: of a byte that is followed by 0, 1, 2, 3 others. */
const TABLES = makeTables();

function makeTables(): Uint32Array {
	const tables = new Uint32Array(4 * 256);
	for (let byte = 0; byte < 256; byte++) {
		let crc = byte;
		for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
		tables[byte] = crc;
	}
	for (let at = 256; at < tables.length; at++) {
		const before = tables[at - 256]!;
		tables[at] = (before >>> 8) ^ tables[before & 0xff]!;
	}
	return tables;
}

/** Of `bytes[from]` to `bytes[to - 1]`; `crc` is that of what comes before them. */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length, crc = 0): number {
	let state = ~crc;
	let at = from;
	for (; at + 4 <= to; at += 4) {
		state ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
		state =
			TABLES[768 + (state & 0xff)]! ^
			TABLES[512 + ((state >>> 8) & 0xff)]! ^
			TABLES[256 + ((state >>> 16) & 0xff)]! ^
			TABLES[state >>> 24]!;
	}
	for (; at < to; at++) state = (state >>> 8) ^ TABLES[(state ^ bytes[at]!) & 0xff]!;
	return ~state >>> 0;
}
