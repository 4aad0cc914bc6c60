/**
 * An object of a pool as bytes: a table that says which blocks of which files it has, or that they read as zeros, and then the blocks, with a checksum
 * behind each eight of them. So any part of it can be fetched alone and is known to be right. Made by `publisher.ts`, read by `fetcher.ts`
 * and, the table alone, by `manifest.ts`. Whatever is read may be anything: it is damaged, then, and never believed.
 */

import { crc32c } from "../../crc32c.js";
import { FailedError } from "../../errors.js";
import type { Memory } from "../../wire/memory.js";
import { putU64, takeU64 } from "../format.js";
import type { ImageRange } from "./image.js";
import { CRC_BYTES, FILE_BLOCKS, IMAGE_BLOCK_BYTES, OBJECT_BLOCKS, SUMMED_BLOCKS } from "./layout.js";

const MAGIC = 0x4f424c56; // "VLBO"
const FORMAT = 1;
const AT = { magic: 0, format: 4, pool: 8, epoch: 24, number: 32, entries: 40, blocks: 44, crc: 48 } as const;
const HEADER_BYTES = 52;
const ENTRY_BYTES = 12;
const ENTRY = { file: 0, first: 4, blocks: 6, zeros: 8 } as const;
const SUMMED_BYTES = SUMMED_BLOCKS * IMAGE_BLOCK_BYTES;

/** Of the blocks of an object one range after the other; zeros take none. */
export interface ObjectRange extends ImageRange {
	readonly isZeros: boolean;
}

export interface ObjectTable {
	readonly pool: string;
	readonly epoch: number;
	readonly number: number;
	readonly blocks: number;
	readonly ranges: readonly ObjectRange[];
}

export function tableBytes(ranges: number): number {
	return HEADER_BYTES + ENTRY_BYTES * ranges;
}

export function encodeTable({ pool, epoch, number, blocks, ranges }: ObjectTable): Buffer {
	const bytes = Buffer.alloc(tableBytes(ranges.length));
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	view.setUint32(AT.magic, MAGIC, true);
	view.setUint32(AT.format, FORMAT, true);
	bytes.write(pool, AT.pool, "hex");
	putU64(view, AT.epoch, epoch);
	putU64(view, AT.number, number);
	view.setUint32(AT.entries, ranges.length, true);
	view.setUint32(AT.blocks, blocks, true);
	for (const [index, { file, first, blocks: count, isZeros }] of ranges.entries()) {
		const at = HEADER_BYTES + ENTRY_BYTES * index;
		view.setUint32(at + ENTRY.file, file, true);
		view.setUint16(at + ENTRY.first, first, true);
		// (A whole file has one more than there is room for.)
		view.setUint16(at + ENTRY.blocks, count - 1, true);
		view.setUint32(at + ENTRY.zeros, isZeros ? 1 : 0, true);
	}
	view.setUint32(AT.crc, crcOf(bytes), true);
	return bytes;
}

function crcOf(bytes: Buffer): number {
	return crc32c(bytes, HEADER_BYTES, bytes.length, crc32c(bytes, 0, AT.crc));
}

/** `name`: of the object, for messages. Throws a FailedError if it is not what was written there. */
export function decodeTable(bytes: Buffer, name: string): ObjectTable {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	const isWhole =
		bytes.length >= HEADER_BYTES &&
		view.getUint32(AT.magic, true) === MAGIC &&
		bytes.length === tableBytes(view.getUint32(AT.entries, true)) &&
		view.getUint32(AT.crc, true) === crcOf(bytes);
	if (!isWhole) throw new FailedError(`${name}: is damaged, or no object of a pool`);
	const format = view.getUint32(AT.format, true);
	if (format !== FORMAT)
		throw new FailedError(`${name}: of format ${format}; this version knows format ${FORMAT}`);
	const ranges: ObjectRange[] = [];
	for (let at = HEADER_BYTES; at < bytes.length; at += ENTRY_BYTES)
		ranges.push({
			file: view.getUint32(at + ENTRY.file, true),
			first: view.getUint16(at + ENTRY.first, true),
			blocks: view.getUint16(at + ENTRY.blocks, true) + 1,
			isZeros: view.getUint32(at + ENTRY.zeros, true) !== 0,
		});
	const blocks = view.getUint32(AT.blocks, true);
	const stored = ranges.reduce((sum, { isZeros, blocks: count }) => (isZeros ? sum : sum + count), 0);
	if (
		stored !== blocks ||
		blocks > OBJECT_BLOCKS ||
		ranges.some(({ first, blocks: count }) => first + count > FILE_BLOCKS)
	)
		throw new FailedError(`${name}: says of itself what can't be`);
	return {
		pool: bytes.toString("hex", AT.pool, AT.epoch),
		epoch: takeU64(view, AT.epoch),
		number: takeU64(view, AT.number),
		blocks,
		ranges,
	};
}

/** What is moved, and summed, in one turn: a fraction of a millisecond. */
const TURN_BLOCKS = 256;

/**
 * What is written as one object: its table, then its blocks in pieces, each with its checksum. These are put between them where they lie, at the beginning of `memory`, which has
 * room for that (`storedBytes`): so that it leaves in a few large parts, not in hundreds of small ones.
 */
export async function objectBytes(
	table: ObjectTable,
	memory: Memory,
	nextTurn: () => Promise<void>,
): Promise<Buffer[]> {
	const bytes = Buffer.from(memory.bytes.buffer, memory.bytes.byteOffset, storedBytes(table.blocks));
	// (From the last one on: each goes where one was that has gone on.)
	for (let piece = Math.ceil(table.blocks / SUMMED_BLOCKS) - 1; piece >= 0; piece--) {
		const first = piece * SUMMED_BLOCKS;
		const from = first * IMAGE_BLOCK_BYTES;
		const length = Math.min(SUMMED_BLOCKS, table.blocks - first) * IMAGE_BLOCK_BYTES;
		const to = storedBytes(first);
		bytes.copyWithin(to, from, from + length);
		bytes.writeUInt32LE(crc32c(bytes, to, to + length), to + length);
		if (first > 0 && first % TURN_BLOCKS === 0) await nextTurn();
	}
	return [encodeTable(table), bytes];
}

/** Where the sums begin and end that are over some of an object's blocks: from the first of them on, `blocks` in all. */
export interface SummedRange {
	readonly offset: number;
	readonly length: number;
	/** The first block that is in it, and how many are. */
	readonly first: number;
	readonly blocks: number;
}

/** What has to be fetched of an object, which has `total` blocks behind its table, for some of them. */
export function summedRange(table: number, total: number, first: number, blocks: number): SummedRange {
	const begin = first - (first % SUMMED_BLOCKS);
	const end = Math.min(total, Math.ceil((first + blocks) / SUMMED_BLOCKS) * SUMMED_BLOCKS);
	const offsetOf = (block: number): number => table + storedBytes(block);
	return {
		offset: offsetOf(begin),
		length: offsetOf(end) - offsetOf(begin),
		first: begin,
		blocks: end - begin,
	};
}

/** Bytes that so many blocks take, from the first on, with what is behind them. */
export function storedBytes(blocks: number): number {
	return blocks * IMAGE_BLOCK_BYTES + Math.ceil(blocks / SUMMED_BLOCKS) * CRC_BYTES;
}

/** All blocks of an object as they are behind its table, and which of them are not what was written. Of an object that is too short those that are missing are. */
export function checkedBlocks(
	stored: Buffer,
	blocks: number,
): { readonly blocks: Buffer; readonly wrong: ReadonlySet<number> } {
	const found = Buffer.alloc(blocks * IMAGE_BLOCK_BYTES);
	const wrong = new Set<number>();
	for (let first = 0; first < blocks; first += SUMMED_BLOCKS) {
		const count = Math.min(SUMMED_BLOCKS, blocks - first);
		const from = storedBytes(first);
		const some = takeBlocks(stored.subarray(from, from + storedBytes(count)), count);
		if (some !== undefined) found.set(some, first * IMAGE_BLOCK_BYTES);
		else for (let block = first; block < first + count; block++) wrong.add(block);
	}
	return { blocks: found, wrong };
}

/** Puts blocks that were fetched one behind the other. Undefined if a sum is not right. */
export function takeBlocks(fetched: Buffer, blocks: number): Buffer | undefined {
	const found = Buffer.allocUnsafe(blocks * IMAGE_BLOCK_BYTES);
	let from = 0;
	for (let at = 0; at < found.length; at += SUMMED_BYTES) {
		const length = Math.min(SUMMED_BYTES, found.length - at);
		if (from + length + CRC_BYTES > fetched.length) return undefined;
		if (crc32c(fetched, from, from + length) !== fetched.readUInt32LE(from + length)) return undefined;
		fetched.copy(found, at, from, from + length);
		from += length + CRC_BYTES;
	}
	return found;
}
