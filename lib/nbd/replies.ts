/**
 * Answers of the transmission phase as bytes: simple ones and chunks of structured ones, put into a connection's queue. Called by
 * `command.ts`; nothing here knows what is answered.
 */

import type { Room } from "../stream/rooms.js";
import type { SendQueue } from "../stream/send-queue.js";
import {
	CHUNK_BYTES,
	ChunkType,
	type NbdError,
	SIMPLE_REPLY_BYTES,
	SIMPLE_REPLY_MAGIC,
	STRUCTURED_REPLY_MAGIC,
} from "./protocol.js";

/** What a client calls a command: 64 bits that are given back as they came. */
export interface Cookie {
	readonly cookieHigh: number;
	readonly cookieLow: number;
}

export function putSimple(queue: SendQueue, { cookieHigh, cookieLow }: Cookie, error: NbdError): void {
	const at = queue.reserve(SIMPLE_REPLY_BYTES);
	const { view } = queue.gathering;
	view.setUint32(at, SIMPLE_REPLY_MAGIC);
	view.setUint32(at + 4, error);
	view.setUint32(at + 8, cookieHigh);
	view.setUint32(at + 12, cookieLow);
}

/** The head of a chunk with `lengthBytes` behind it, and room for the first `more` of them: returns where they go. */
function putHead(
	queue: SendQueue,
	cookie: Cookie,
	type: number,
	flags: number,
	lengthBytes: number,
	more: number,
): number {
	const at = queue.reserve(CHUNK_BYTES + more);
	const { view } = queue.gathering;
	view.setUint32(at, STRUCTURED_REPLY_MAGIC);
	view.setUint16(at + 4, flags);
	view.setUint16(at + 6, type);
	view.setUint32(at + 8, cookie.cookieHigh);
	view.setUint32(at + 12, cookie.cookieLow);
	view.setUint32(at + 16, lengthBytes);
	return at + CHUNK_BYTES;
}

function putOffset(queue: SendQueue, at: number, offsetBytes: number): void {
	const { view } = queue.gathering;
	view.setUint32(at, Math.floor(offsetBytes / 2 ** 32));
	view.setUint32(at + 4, offsetBytes >>> 0);
}

/** Nothing more comes. */
export function putNone(queue: SendQueue, cookie: Cookie, flags: number): void {
	putHead(queue, cookie, ChunkType.none, flags, 0, 0);
}

/** Data at an offset of the export: the room's first `lengthBytes`, which is given back when they have left. */
export function putData(
	queue: SendQueue,
	cookie: Cookie,
	flags: number,
	offsetBytes: number,
	room: Room,
	lengthBytes: number,
): void {
	const at = putHead(queue, cookie, ChunkType.offsetData, flags, 8 + lengthBytes, 8);
	putOffset(queue, at, offsetBytes);
	queue.put(room, 0, lengthBytes);
}

/** Zeros there. */
export function putHole(
	queue: SendQueue,
	cookie: Cookie,
	flags: number,
	offsetBytes: number,
	lengthBytes: number,
): void {
	const at = putHead(queue, cookie, ChunkType.offsetHole, flags, 12, 12);
	putOffset(queue, at, offsetBytes);
	queue.gathering.view.setUint32(at + 8, lengthBytes);
}

const NO_MESSAGE = 0;

/** It has failed; `offsetBytes`: there, of a read. */
export function putError(
	queue: SendQueue,
	cookie: Cookie,
	flags: number,
	error: NbdError,
	offsetBytes?: number,
): void {
	const hasOffset = offsetBytes !== undefined;
	const type = hasOffset ? ChunkType.errorOffset : ChunkType.error;
	const lengthBytes = hasOffset ? 14 : 6;
	const at = putHead(queue, cookie, type, flags, lengthBytes, lengthBytes);
	const { view } = queue.gathering;
	view.setUint32(at, error);
	view.setUint16(at + 4, NO_MESSAGE);
	if (hasOffset) putOffset(queue, at + 6, offsetBytes);
}

/** Extents of a context, as many as `pairs` (length and flags) says; `room` has space for them, 8 bytes each. */
export function putStatus(
	queue: SendQueue,
	cookie: Cookie,
	flags: number,
	context: number,
	pairs: Float64Array,
	count: number,
	room: Room,
): void {
	const { view } = room.memory;
	const bytes = 8 * count;
	for (let i = 0; i < count; i++) {
		view.setUint32(8 * i, pairs[2 * i]!);
		view.setUint32(8 * i + 4, pairs[2 * i + 1]!);
	}
	const at = putHead(queue, cookie, ChunkType.blockStatus, flags, 4 + bytes, 4);
	queue.gathering.view.setUint32(at, context);
	queue.put(room, 0, bytes);
}
