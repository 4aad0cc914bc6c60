/**
 * The summary of the segment that is being filled: all headers, entries and notes, packed, as they will be its last record. Kept up
 * by the log (`log.ts`) with each record that it sends; begun by `replay.ts` with those that it has found.
 */

import { crc32c } from "../crc32c.js";
import type { Memory } from "../wire/memory.js";
import { BLOCK_BYTES, BLOCK_SECTORS, roundUp, SEGMENT_BYTES, SEGMENT_SECTORS } from "./format.js";
import type { Gather } from "./gather.js";
import { type Header, type HeaderFrame, RecordKind, readHeader, writeHeader } from "./record.js";
import { mendBytes, otherCopies, readBytes } from "./segment-bytes.js";
import type { Segments } from "./segments.js";

export class Summary {
	#memory: Memory;
	#bytes = 0;
	readonly #allocate: (byteLength: number) => Memory;

	constructor(allocate: (byteLength: number) => Memory) {
		this.#allocate = allocate;
		this.#memory = allocate(64 * BLOCK_BYTES);
	}

	/** Of packed records. */
	get bytes(): number {
		return this.#bytes;
	}

	/** What it lies in: packed records from 0 on, and then a block for its header. */
	get memory(): Memory {
		return this.#memory;
	}

	/** Sectors that it takes with so many bytes more. */
	sectorsWith(bytes: number): number {
		return BLOCK_SECTORS + (roundUp(this.#bytes + bytes, BLOCK_BYTES) / BLOCK_BYTES) * BLOCK_SECTORS;
	}

	clear(): void {
		this.#bytes = 0;
	}

	add(record: Gather): void {
		this.#reserve(record.packedBytes);
		this.#bytes = record.pack(this.#memory.bytes, this.#bytes);
	}

	/** The same with a packed record. */
	addPacked(packed: Uint8Array): void {
		this.#reserve(packed.length);
		this.#memory.bytes.set(packed, this.#bytes);
		this.#bytes += packed.length;
	}

	/** Sectors that it takes. */
	get sectors(): number {
		return this.sectorsWith(0);
	}

	/** Puts its header where it belongs, at the end of a segment that ends at a position. Returns the header's checksum. */
	finish(frame: HeaderFrame, segmentEnd: number): number {
		const { bytes, view } = this.#memory;
		const tailBytes = this.#bytes;
		const at = roundUp(tailBytes, BLOCK_BYTES);
		bytes.fill(0, tailBytes, at + BLOCK_BYTES);
		const tail = { tailBytes, tailCrc: crc32c(bytes, 0, tailBytes) };
		const position = segmentEnd - BLOCK_SECTORS;
		return writeHeader(bytes, view, at, frame, { entryCount: 0, dataSectors: 0, position, ...tail });
	}

	#reserve(bytes: number): void {
		const needed = roundUp(this.#bytes + bytes, BLOCK_BYTES) + BLOCK_BYTES;
		if (needed <= this.#memory.bytes.length) return;
		const larger = this.#allocate(2 * needed);
		larger.bytes.set(this.#memory.bytes.subarray(0, this.#bytes));
		this.#memory = larger;
	}
}

export interface SummaryWanted {
	/** Default: whichever is whole. */
	readonly isWanted?: (header: Header) => boolean;
	/** One that was found in another copy is written over all, for nobody else writes to the pool yet. */
	readonly mends?: boolean;
}

/**
 * Reads the summary of a segment: its packed records are then at the beginning of `memory`, which is of a segment's size, and its header
 * behind them. Undefined if there is none that is whole, and `isWanted`, in any copy. Whose it is, is not looked at otherwise.
 */
export async function readSummary(
	segments: Segments,
	segment: number,
	memory: Memory,
	{ isWanted = () => true, mends = false }: SummaryWanted = {},
): Promise<Header | undefined> {
	for (const copy of [0, ...otherCopies(segments, segment)]) {
		const header = await readCopy(segments, segment, memory, copy);
		if (header === undefined || !isWanted(header)) continue;
		const lengthBytes = roundUp(header.tailBytes, BLOCK_BYTES) + BLOCK_BYTES;
		const offsetBytes = SEGMENT_BYTES - lengthBytes;
		if (mends && copy > 0) await mendBytes(segments, { segment, offsetBytes, lengthBytes }, memory);
		return header;
	}
	return undefined;
}

async function readCopy(
	segments: Segments,
	segment: number,
	memory: Memory,
	copy: number,
): Promise<Header | undefined> {
	const last = SEGMENT_BYTES - BLOCK_BYTES;
	const block = { segment, offsetBytes: last, lengthBytes: BLOCK_BYTES };
	await readBytes(segments, block, memory, copy);
	const header = readHeader(memory.bytes, memory.view, 0);
	const position = (segment + 1) * SEGMENT_SECTORS - BLOCK_SECTORS;
	if (header?.kind !== RecordKind.summary || header.position !== position) return undefined;
	const tailBytes = roundUp(header.tailBytes, BLOCK_BYTES);
	if (tailBytes > last) return undefined;
	const whole = { segment, offsetBytes: last - tailBytes, lengthBytes: tailBytes + BLOCK_BYTES };
	await readBytes(segments, whole, memory, copy);
	return crc32c(memory.bytes, 0, header.tailBytes) === header.tailCrc ? header : undefined;
}
