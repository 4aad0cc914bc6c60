/**
 * Text of any length among the map's nodes: in pieces, and behind them a list of those, by which it is found again. What a checkpoint says
 * beside its nodes is stored so (`checkpoint-text.ts`). Every piece has its checksum in the list, and the list has its own in the head.
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

/** Takes text line by line, and stores it. */
export class BlobWriter {
	readonly #nodes: NodeLog;
	readonly #pieces: BlobRef[] = [];
	readonly #encoder = new TextEncoder();
	#lines: Uint8Array[] = [];
	#bytes = 0;

	constructor(nodes: NodeLog) {
		this.#nodes = nodes;
	}

	add(line: string): void {
		const bytes = this.#encoder.encode(`${line}\n`);
		if (this.#bytes + bytes.length > PIECE_BYTES) this.#flush();
		this.#lines.push(bytes);
		this.#bytes += bytes.length;
	}

	/** All was added. Stable when the nodes are. */
	finish(): BlobRef {
		this.#flush();
		const list = this.#encoder.encode(JSON.stringify(this.#pieces));
		if (list.length > LIST_BYTES_MAX) throw new OperatorError("the pool has more names than it can keep");
		return this.#store(list);
	}

	#flush(): void {
		if (this.#bytes === 0) return;
		this.#pieces.push(this.#store(Buffer.concat(this.#lines)));
		this.#lines = [];
		this.#bytes = 0;
	}

	#store(bytes: Uint8Array): BlobRef {
		const place = this.#nodes.append(memoryOf(bytes, 0), bytes.length);
		const slot = this.#nodes.slots[Math.floor(place / SEGMENT_BYTES)]!;
		return { place, slot, bytes: bytes.length, crc: crc32c(bytes) };
	}
}

/** What was read, and where it lies. */
export interface Blob {
	readonly lines: readonly string[];
	readonly pieces: readonly BlobRef[];
}

/** Throws an OperatorError that names the file and place of what can't be had. */
export async function readBlob(
	segments: Segments,
	allocate: (byteLength: number) => Memory,
	ref: BlobRef,
): Promise<Blob> {
	const list: unknown = JSON.parse(await readPiece(segments, allocate, ref));
	if (!Array.isArray(list) || !list.every(isBlobRef))
		throw new OperatorError(`${placeOf(segments, ref)}: no list of what a checkpoint has`);
	const texts: string[] = [];
	for (const piece of list) texts.push(await readPiece(segments, allocate, piece));
	return { lines: texts.flatMap((text) => text.split("\n").slice(0, -1)), pieces: list };
}

async function readPiece(
	segments: Segments,
	allocate: (byteLength: number) => Memory,
	ref: BlobRef,
): Promise<string> {
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
	return new TextDecoder().decode(bytes);
}

function placeOf(segments: Segments, { slot, place }: BlobRef): string {
	return `${segments.fileNameOf(slot)}, byte ${(slot % FILE_SLOTS) * SEGMENT_BYTES + (place % SEGMENT_BYTES)}`;
}

export function isBlobRef(value: unknown): value is BlobRef {
	if (!areNumbers(value, ["place", "slot", "bytes", "crc"])) return false;
	const { place, bytes } = value as BlobRef;
	return (place % SEGMENT_BYTES) + bytes <= SEGMENT_BYTES;
}
