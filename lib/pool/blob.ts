/**
 * Text and bytes of any length among the map's nodes: in pieces, and behind them a list of those, by which they are found again. What a
 * checkpoint says beside its nodes is stored so (`checkpoint-text.ts`, `checkpoint-store.ts`). Every piece has its checksum in the list, and
 * the list has its own in the head.
 */

import { BlockOp } from "../block/request.js";
import { crc32c } from "../crc32c.js";
import { OperatorError } from "../errors.js";
import { type Memory, memoryOf } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { areNumbers, FILE_SLOTS, roundUp, SEGMENT_BYTES } from "./format.js";
import type { NodeLog } from "./node-log.js";
import { run, type Segments } from "./segments.js";

/** Where something is: `place` as nodes have one, and the slot of that segment of nodes. */
export interface BlobRef {
	readonly place: number;
	readonly slot: number;
	readonly bytes: number;
	readonly crc: number;
}

const PIECE_BYTES = 64 * 1024;
/** One list has so many pieces as fit here. */
const LIST_BYTES_MAX = SEGMENT_BYTES / 2;

/** What is stored beside text: the table of segments, and who still wants dead pages, and dead nodes. */
const PARTS = ["text", "table", "pages", "nodes"] as const;
export type BlobPart = (typeof PARTS)[number];
type Pieces = Record<BlobPart, BlobRef[]>;

function noPieces(): Pieces {
	return { text: [], table: [], pages: [], nodes: [] };
}

/** Takes text line by line, and other parts byte by byte, and stores them. */
export class BlobWriter {
	readonly #nodes: NodeLog;
	readonly #pieces = noPieces();
	readonly #encoder = new TextEncoder();
	/** What is next to be stored: of one part. */
	#part: BlobPart = "text";
	#waiting: Uint8Array[] = [];
	#bytes = 0;

	constructor(nodes: NodeLog) {
		this.#nodes = nodes;
	}

	add(line: string): void {
		this.addBytes("text", this.#encoder.encode(`${line}\n`));
	}

	/** What comes next of a part. */
	addBytes(part: BlobPart, bytes: Uint8Array): void {
		if (part !== this.#part || this.#bytes + bytes.length > PIECE_BYTES) this.#flush();
		this.#part = part;
		this.#waiting.push(bytes);
		this.#bytes += bytes.length;
	}

	/** All was added. Stable when the nodes are. */
	finish(): BlobRef {
		this.#flush();
		const list = this.#encoder.encode(JSON.stringify(this.#pieces));
		if (list.length > LIST_BYTES_MAX) throw new OperatorError("the pool has more names than it can keep");
		return this.#store(list);
	}

	/** What was stored so far is not wanted. */
	drop(): void {
		for (const { place, bytes } of allOf(this.#pieces)) this.#nodes.free(place, bytes);
	}

	#flush(): void {
		if (this.#bytes === 0) return;
		const bytes = Buffer.concat(this.#waiting);
		for (let from = 0; from < bytes.length; from += PIECE_BYTES)
			this.#pieces[this.#part].push(this.#store(bytes.subarray(from, from + PIECE_BYTES)));
		this.#waiting = [];
		this.#bytes = 0;
	}

	#store(bytes: Uint8Array): BlobRef {
		const place = this.#nodes.append(memoryOf(bytes, 0), bytes.length);
		return { place, slot: this.#nodes.slotOf(place), bytes: bytes.length, crc: crc32c(bytes) };
	}
}

function allOf(pieces: Pieces): BlobRef[] {
	return PARTS.flatMap((part) => pieces[part]);
}

/** What was read, and where it lies. */
export interface Blob {
	readonly lines: readonly string[];
	/** Of the other parts, each as a whole. */
	bytesOf(part: Exclude<BlobPart, "text">): Uint8Array;
	readonly pieces: readonly BlobRef[];
}

/** Throws an OperatorError that names the file and place of what can't be had. */
export async function readBlob(
	segments: Segments,
	allocate: (byteLength: number) => Memory,
	ref: BlobRef,
): Promise<Blob> {
	const pieces = await readList(segments, allocate, ref);
	const read = new Map<BlobPart, Uint8Array>();
	for (const part of PARTS) {
		const all: Uint8Array[] = [];
		for (const piece of pieces[part]) all.push(await readPiece(segments, allocate, piece));
		read.set(part, Buffer.concat(all));
	}
	const bytesOf = (part: BlobPart): Uint8Array => read.get(part)!;
	const lines = new TextDecoder().decode(bytesOf("text")).split("\n").slice(0, -1);
	return { lines, bytesOf, pieces: allOf(pieces) };
}

/** Where all of it lies but the list. Throws an OperatorError. */
export async function piecesOf(
	segments: Segments,
	allocate: (byteLength: number) => Memory,
	ref: BlobRef,
): Promise<readonly BlobRef[]> {
	return allOf(await readList(segments, allocate, ref));
}

async function readList(
	segments: Segments,
	allocate: (byteLength: number) => Memory,
	ref: BlobRef,
): Promise<Pieces> {
	const text = new TextDecoder().decode(await readPiece(segments, allocate, ref));
	const list: unknown = JSON.parse(text);
	// Until format 2 there was nothing but text.
	const pieces = { ...noPieces(), ...(Array.isArray(list) ? { text: list } : (list as Partial<Pieces>)) };
	if (PARTS.every((part) => Array.isArray(pieces[part]) && pieces[part].every(isBlobRef))) return pieces;
	throw new OperatorError(`${placeOf(segments, ref)}: no list of what a checkpoint has`);
}

/** Throws an OperatorError that names file and byte. */
export async function readPiece(
	segments: Segments,
	allocate: (byteLength: number) => Memory,
	ref: BlobRef,
): Promise<Uint8Array> {
	const where = placeOf(segments, ref);
	if (!segments.hasFile(ref.slot))
		throw new OperatorError(`${where}: a checkpoint is here, but there is no such file`);
	const offset = ref.place % SEGMENT_BYTES;
	const from = offset - (offset % SECTOR_BYTES);
	const length = roundUp(offset + ref.bytes, SECTOR_BYTES) - from;
	const memory = allocate(length);
	const at = (ref.slot % FILE_SLOTS) * SEGMENT_BYTES + from;
	await run(segments.deviceOfSlot(ref.slot), BlockOp.read, at, length, memory, segments.fileNameOf(ref.slot));
	const bytes = memory.bytes.subarray(offset - from, offset - from + ref.bytes);
	if (crc32c(bytes) !== ref.crc) throw new OperatorError(`${where}: the pool's checkpoint is damaged here`);
	return bytes;
}

function placeOf(segments: Segments, { slot, place }: BlobRef): string {
	return `${segments.fileNameOf(slot)}, byte ${(slot % FILE_SLOTS) * SEGMENT_BYTES + (place % SEGMENT_BYTES)}`;
}

export function isBlobRef(value: unknown): value is BlobRef {
	if (!areNumbers(value, ["place", "slot", "bytes", "crc"])) return false;
	const { place, bytes } = value as BlobRef;
	return (place % SEGMENT_BYTES) + bytes <= SEGMENT_BYTES;
}
