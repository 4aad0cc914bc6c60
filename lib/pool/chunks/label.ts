/**
 * The label of a disk that a pool is on, in two copies that are written by turns: 20 bytes (magic, format, length, CRC32C, length of the
 * text), the table as JSON but for its files, and at the next multiple of 8 the files, 8 bytes each: number of the disk, place. All
 * numbers little-endian; the CRC is of all but itself. Used by `chunk.ts`.
 */

import { crc32c } from "../../crc32c.js";
import { OperatorError } from "../../errors.js";
import { POOL_DISKS_MAX } from "../../spec/ranges.js";
import { areNumbers, BLOCK_BYTES, roundUp } from "../format.js";
import { storedJson } from "../stored-json.js";
import type { ChunkEntry, FilePlace, Label } from "./table.js";

const MIB = 1024 * 1024;
/** Each copy of the label has so much room, for 24 TiB of files. */
export const LABEL_BYTES = 3 * MIB;
export const LABEL_AT = [0, LABEL_BYTES] as const;
/** Where the head is. */
export const HEAD_AT = 2 * LABEL_BYTES;

const MAGIC = 0x43424c56; // "VLBC"
const LABEL_FORMAT = 1;
const AT = { magic: 0, format: 4, length: 8, crc: 12, textLength: 16, text: 20 } as const;
const FILE_ENTRY_BYTES = 8;
/** With those that were given up. */
export const ENTRIES_MAX = 4 * POOL_DISKS_MAX;

type Text = Omit<Label, "files">;

/** A multiple of 4 KiB long. Throws an OperatorError if it has no room. */
export function encodeLabel(label: Label): Uint8Array {
	const { files, ...rest } = label;
	const text = new TextEncoder().encode(JSON.stringify(rest satisfies Text));
	const filesAt = roundUp(AT.text + text.length, FILE_ENTRY_BYTES);
	const length = filesAt + FILE_ENTRY_BYTES * files.length;
	if (length > LABEL_BYTES)
		throw new OperatorError(`a pool on disks has no more than ${files.length - 1} files`);
	const bytes = new Uint8Array(roundUp(length, BLOCK_BYTES));
	const view = new DataView(bytes.buffer);
	view.setUint32(AT.magic, MAGIC, true);
	view.setUint32(AT.format, LABEL_FORMAT, true);
	view.setUint32(AT.length, length, true);
	view.setUint32(AT.textLength, text.length, true);
	bytes.set(text, AT.text);
	for (const [index, { chunk, place }] of files.entries()) {
		view.setUint32(filesAt + FILE_ENTRY_BYTES * index, chunk, true);
		view.setUint32(filesAt + FILE_ENTRY_BYTES * index + 4, place, true);
	}
	view.setUint32(AT.crc, crcOf(bytes, length), true);
	return bytes;
}

function crcOf(bytes: Uint8Array, length: number): number {
	return crc32c(bytes, AT.textLength, length, crc32c(bytes, 0, AT.crc));
}

/** How many bytes a label has that begins so; 0 if it is none. Throws an OperatorError for a format that is not ours. */
export function labelLength(bytes: Uint8Array, name: string): number {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	if (view.getUint32(AT.magic, true) !== MAGIC) return 0;
	const format = view.getUint32(AT.format, true);
	const length = view.getUint32(AT.length, true);
	if (length > LABEL_BYTES || length < AT.text) return 0;
	if (format !== LABEL_FORMAT)
		throw new OperatorError(
			`${name}: a part of a pool whose label has format ${format}; this version knows ${LABEL_FORMAT}`,
		);
	return length;
}

/** Undefined if it is not whole. */
export function decodeLabel(bytes: Uint8Array, name: string): Label | undefined {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const length = labelLength(bytes, name);
	if (length === 0 || length > bytes.length || view.getUint32(AT.crc, true) !== crcOf(bytes, length))
		return undefined;
	const textLength = view.getUint32(AT.textLength, true);
	const filesAt = roundUp(AT.text + textLength, FILE_ENTRY_BYTES);
	if (filesAt > length) return undefined;
	const text = storedJson(bytes.subarray(AT.text, AT.text + textLength));
	if (!isText(text)) return undefined;
	const files: FilePlace[] = [];
	for (let at = filesAt; at < length; at += FILE_ENTRY_BYTES)
		files.push({ chunk: view.getUint32(at, true), place: view.getUint32(at + 4, true) });
	return isRight(text, files) ? { ...text, files } : undefined;
}

function isText(value: unknown): value is Text {
	if (!areNumbers(value, ["generation", "nextId"])) return false;
	const { pool, session, uuid, chunks } = value as Record<string, unknown>;
	const areWords = [pool, session, uuid].every((each) => typeof each === "string" && each !== "");
	return areWords && Array.isArray(chunks) && chunks.length <= ENTRIES_MAX && chunks.every(isEntry);
}

function isEntry(value: unknown): value is ChunkEntry {
	if (!areNumbers(value, ["id", "places"])) return false;
	const { uuid, name, leaving, present, sessions, lost = false } = value as Record<string, unknown>;
	return (
		[uuid, name].every((each) => typeof each === "string") &&
		[leaving, present, lost].every((each) => typeof each === "boolean") &&
		Array.isArray(sessions) &&
		sessions.every((each) => typeof each === "string")
	);
}

/** Each disk is there once, each file on one of them, and no two in one place. */
function isRight({ chunks, nextId }: Text, files: readonly FilePlace[]): boolean {
	const places = new Map(chunks.map(({ id, places }) => [id, places]));
	if (places.size !== chunks.length || chunks.some(({ id }) => id >= nextId)) return false;
	if (new Set(chunks.map(({ uuid }) => uuid)).size !== chunks.length) return false;
	const taken = new Set(files.map(({ chunk, place }) => `${chunk} ${place}`));
	return taken.size === files.length && files.every(({ chunk, place }) => place < (places.get(chunk) ?? 0));
}
