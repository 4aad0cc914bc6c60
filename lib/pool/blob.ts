/**
 * Text and bytes of any length among the map's nodes: in pieces, and behind them a list of those, by which they are found again. What a
 * checkpoint says beside its nodes is stored so (`checkpoint-text.ts`, `checkpoint-store.ts`). Every piece has its checksum in the list, and
 * the list has its own in the head.
 */

import { crc32c } from "../crc32c.js";
import { OperatorError } from "../errors.js";
import { type Memory, memoryOf } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { type BlobRef, isBlobRef, offsetOf, type StoredRow } from "./blob-ref.js";
import { FILE_SLOTS, roundUp, SEGMENT_BYTES } from "./format.js";
import { readRight } from "./mend.js";
import type { NodeLog } from "./node-log.js";
import type { Segments } from "./segments.js";
import { NO_SLOT } from "./space/slots.js";
import { storedJson } from "./stored-json.js";

const PIECE_BYTES = 64 * 1024;
/** One list has so many pieces as fit here. */
const LIST_BYTES_MAX = SEGMENT_BYTES / 2;

/**
 * What is stored beside text: of the table of segments the row of the one that is being filled; who still wants dead pages, and dead nodes; and what is
 * stored again only when it has changed: segments of nodes, and all other rows of the table, in groups.
 */
const WHOLE_PARTS = ["text", "table", "pages", "nodes"] as const;
const ROWS_PARTS = ["segments", "groups"] as const;
const PARTS = [...WHOLE_PARTS, ...ROWS_PARTS] as const;
type WholePart = (typeof WHOLE_PARTS)[number];
type RowsPart = (typeof ROWS_PARTS)[number];
type BlobPart = (typeof PARTS)[number];
type Pieces = Record<BlobPart, BlobRef[]>;
/** Of each checkpoint, as long as somebody may look at what was; all other parts are the last one's. */
const KEPT_PART = "text";
/** Pieces that are being read at a time. */
const READ_AT_ONCE = 16;

/** Who knows where something is being appended. */
type Firm = Pick<NodeLog, "isFirm">;

function noRows(): Record<RowsPart, ReadRow[]> {
	return { segments: [], groups: [] };
}

function noPieces(): Pieces {
	return { text: [], table: [], pages: [], nodes: [], segments: [], groups: [] };
}

/** Takes text line by line, and other parts byte by byte, and stores them. */
export class BlobWriter {
	readonly #nodes: NodeLog;
	readonly #pieces = noPieces();
	readonly #encoder = new TextEncoder();
	/** What is next to be stored: of one part. */
	#part: WholePart = KEPT_PART;
	#waiting: Uint8Array[] = [];
	#bytes = 0;
	/** What was stored, of rows among them. */
	readonly #stored: BlobRef[] = [];
	readonly #rows: StoredRow[] = [];

	constructor(nodes: NodeLog) {
		this.#nodes = nodes;
	}

	add(line: string): void {
		this.addBytes("text", this.#encoder.encode(`${line}\n`));
	}

	/** What comes next of a part. */
	addBytes(part: WholePart, bytes: Uint8Array): void {
		if (part !== this.#part || this.#bytes + bytes.length > PIECE_BYTES) this.#flush();
		this.#part = part;
		this.#waiting.push(bytes);
		this.#bytes += bytes.length;
	}

	/** One of a part of rows: stored if it is not, and named where it is. Says how many bytes that took. */
	addRow(part: RowsPart, row: StoredRow, encode: () => Uint8Array): number {
		this.#flush();
		const bytes = row.ref === null ? encode() : undefined;
		if (bytes !== undefined) {
			this.#rows.push(row);
			// (Where that is stored may be what it tells of.)
			row.isChanged = false;
			row.ref = this.#store(bytes);
		}
		if (row.ref !== null) this.#pieces[part].push(this.#nodes.places.now(row.ref));
		return bytes?.length ?? 0;
	}

	/** All was added. Stable when the nodes are. */
	finish(): BlobRef {
		this.#flush();
		const pieces = this.#pieces;
		const list = this.#encoder.encode(JSON.stringify(pieces));
		if (list.length > LIST_BYTES_MAX) throw new OperatorError("the pool has more names than it can keep");
		const ref = this.#store(list);
		this.#nodes.places.stale.push(...ofLastOnly(pieces));
		return ref;
	}

	/** What was stored so far is not wanted. */
	drop(): void {
		for (const row of this.#rows) Object.assign(row, { ref: null, isChanged: true });
		for (const { place, bytes } of this.#stored) this.#nodes.free(place, bytes);
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
		const ref = { place, slot: NO_SLOT, bytes: bytes.length, crc: crc32c(bytes) };
		this.#stored.push(ref);
		return this.#nodes.places.now(ref);
	}
}

/** What the next checkpoint has no more, beside rows. */
function ofLastOnly(pieces: Pieces): BlobRef[] {
	return WHOLE_PARTS.flatMap((part) => (part === KEPT_PART ? [] : pieces[part]));
}

/** What was read, and where it lies. */
export interface Blob {
	readonly lines: Iterable<string>;
	/** Of other parts, each as a whole. */
	bytesOf(part: Exclude<WholePart, "text">): Uint8Array;
	/** One by one. Undefined in what an older format has. */
	readonly rows: Readonly<Record<RowsPart, readonly ReadRow[]>> | undefined;
	readonly pieces: readonly BlobRef[];
	readonly ofLastOnly: readonly BlobRef[];
}

export interface ReadRow {
	readonly ref: BlobRef;
	readonly bytes: Uint8Array;
}

/** Throws an OperatorError that names the file and place of what can't be had. */
export async function readBlob(
	segments: Segments,
	allocate: (byteLength: number) => Memory,
	ref: BlobRef,
): Promise<Blob> {
	const { pieces, isOlder } = await readList(segments, allocate, ref);
	const read = (part: BlobPart): Promise<Uint8Array[]> => readPieces(segments, allocate, pieces[part]);
	const text = await read(KEPT_PART);
	const whole = new Map<BlobPart, Uint8Array>();
	for (const part of WHOLE_PARTS) if (part !== KEPT_PART) whole.set(part, Buffer.concat(await read(part)));
	const rows = noRows();
	for (const part of ROWS_PARTS)
		for (const [i, bytes] of (await read(part)).entries()) rows[part].push({ ref: pieces[part][i]!, bytes });
	return {
		lines: linesIn(text),
		bytesOf: (part) => whole.get(part)!,
		rows: isOlder ? undefined : rows,
		pieces: PARTS.flatMap((part) => pieces[part]),
		ofLastOnly: isOlder ? [] : ofLastOnly(pieces),
	};
}

/** The text alone, of a checkpoint whose place is known to `nodes`. Throws an OperatorError. */
export async function readText(
	segments: Segments,
	allocate: (byteLength: number) => Memory,
	nodes: Pick<NodeLog, "places" | "isFirm">,
	ref: BlobRef,
): Promise<Iterable<string>> {
	const { pieces } = await readList(segments, allocate, nodes.places.now(ref), nodes);
	const text = pieces[KEPT_PART].map((piece) => nodes.places.now(piece));
	return linesIn(await readPieces(segments, allocate, text, nodes));
}

/** One by one: a piece is made text of when its turn comes. Once only. */
function* linesIn(pieces: readonly Uint8Array[]): Generator<string> {
	const decoder = new TextDecoder();
	let begun = "";
	for (const piece of pieces) {
		const lines = decoder.decode(piece, { stream: true }).split("\n");
		for (const [i, line] of lines.entries()) {
			if (i > 0) {
				yield begun;
				begun = "";
			}
			begun += line;
		}
	}
}

/** All of it that is there when it is not the last one any more; `isLast`: as long as it is. Throws an OperatorError. */
export async function piecesOf(
	segments: Segments,
	allocate: (byteLength: number) => Memory,
	nodes: Pick<NodeLog, "places" | "isFirm">,
	ref: BlobRef,
	isLast = false,
): Promise<readonly BlobRef[]> {
	const { pieces, isOlder } = await readList(segments, allocate, nodes.places.now(ref), nodes);
	return [...(isOlder || isLast ? PARTS : ([KEPT_PART] as const)).flatMap((part) => pieces[part]), ref];
}

async function readList(
	segments: Segments,
	allocate: (byteLength: number) => Memory,
	ref: BlobRef,
	nodes?: Firm,
): Promise<{ readonly pieces: Pieces; readonly isOlder: boolean }> {
	const list = storedJson(await readPiece(segments, allocate, ref, nodes));
	// Until format 2 there was nothing but text.
	const read: Partial<Pieces> = Array.isArray(list)
		? { text: list }
		: ((list ?? { text: null }) as Partial<Pieces>);
	const pieces = { ...noPieces(), ...read };
	if (PARTS.every((part) => Array.isArray(pieces[part]) && pieces[part].every(isBlobRef)))
		return { pieces, isOlder: read.segments === undefined };
	throw new OperatorError(`${placeOf(segments, ref)}: no list of what a checkpoint has`);
}

/** In order, some at a time. */
async function readPieces(
	segments: Segments,
	allocate: (byteLength: number) => Memory,
	pieces: readonly BlobRef[],
	nodes?: Firm,
): Promise<Uint8Array[]> {
	const read: Uint8Array[] = [];
	for (let from = 0; from < pieces.length; from += READ_AT_ONCE) {
		const some = pieces.slice(from, from + READ_AT_ONCE);
		// (All of these are over before anything is closed.)
		const settled = await Promise.allSettled(
			some.map((piece) => readPiece(segments, allocate, piece, nodes)),
		);
		for (const each of settled) {
			if (each.status === "rejected") throw each.reason;
			read.push(each.value);
		}
	}
	return read;
}

/** Without `nodes`, where nothing is appended to them yet; `asksAll`: of all copies of the storage. Throws an OperatorError that names file and byte. */
export async function readPiece(
	segments: Segments,
	allocate: (byteLength: number) => Memory,
	ref: BlobRef,
	nodes?: Firm,
	asksAll = false,
): Promise<Uint8Array> {
	const where = placeOf(segments, ref);
	if (!segments.hasFile(ref.slot))
		throw new OperatorError(`${where}: a checkpoint is here, but there is no such file`);
	const offset = offsetOf(ref);
	const from = offset - (offset % SECTOR_BYTES);
	const length = roundUp(offset + ref.bytes, SECTOR_BYTES) - from;
	const memory = allocate(length);
	const bytes = memory.bytes.subarray(offset - from, offset - from + ref.bytes);
	const device = segments.deviceOfSlot(ref.slot);
	const name = segments.fileNameOf(ref.slot);
	const offsetBytes = (ref.slot % FILE_SLOTS) * SEGMENT_BYTES + from;
	segments.slots.hold(ref.slot);
	try {
		const to = offset - from + ref.bytes;
		const isFirm = (): boolean => nodes?.isFirm(ref.slot, from + length) ?? true;
		const range = { device, name, offsetBytes, lengthBytes: length, to, isFirm };
		const found = await readRight(range, memory, () => crc32c(bytes) === ref.crc, asksAll);
		if (found === "wrong") throw new OperatorError(`${where}: the pool's checkpoint is damaged here`);
		if (found === "mended") segments.whenMended(where, "a checkpoint");
	} finally {
		segments.slots.letGo(ref.slot);
	}
	return bytes;
}

/** File and byte. */
export function placeOf(segments: Segments, ref: BlobRef): string {
	return segments.nameInSlot(ref.slot, offsetOf(ref));
}
