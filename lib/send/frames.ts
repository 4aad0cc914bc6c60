/**
 * The format of a stream between pools: a line that says which it is, and frames of a header of 32 bytes and what goes with it.
 * docs/pools.md has it byte by byte. `stream-writer.ts` makes frames, `stream-reader.ts` takes them apart; here are numbers and
 * headers.
 */

import { createHash } from "node:crypto";
import { crc32c } from "../crc32c.js";

/** The first 16 bytes. Another format has another number. */
export const PREAMBLE = Buffer.from("vblade stream 1\n", "latin1");

export const HEADER_BYTES = 32;

/** What a frame is. */
export const FrameKind = {
	/** What is sent: JSON, see `stream-begin.ts`. The first frame. */
	begin: 1,
	/** Right behind it: what is before `offset` is there already; digest of all that. */
	resume: 2,
	/** The bytes of a range. */
	data: 3,
	/** A range that reads as zeros. */
	zero: 4,
	/** All before `offset` has been sent: a place to go on from. */
	mark: 5,
	/** The last frame: the digest of all before it. */
	end: 6,
} as const;

export interface FrameHeader {
	readonly kind: number;
	readonly payloadBytes: number;
	readonly offsetBytes: number;
	readonly lengthBytes: number;
	readonly payloadCrc: number;
}

export const BEGIN_BYTES_MAX = 4096;
export const DIGEST_BYTES = 32;

/** What a digest begins with. */
export const NO_DIGEST = Buffer.alloc(DIGEST_BYTES);

/** kind 1, zero 3, bytes of the payload 4, offset 8, length 8, CRC32C of the payload 4 and of the header before that 4. Little-endian. */
export function encodeHeader(kind: number, offset: number, length: number, payload: Uint8Array): Buffer {
	const header = Buffer.alloc(HEADER_BYTES);
	header.writeUInt8(kind, 0);
	header.writeUInt32LE(payload.length, 4);
	header.writeBigUInt64LE(BigInt(offset), 8);
	header.writeBigUInt64LE(BigInt(length), 16);
	header.writeUInt32LE(crc32c(payload), 24);
	header.writeUInt32LE(crc32c(header.subarray(0, 28)), 28);
	return header;
}

/** Undefined if it is damaged. */
export function decodeHeader(header: Buffer): FrameHeader | undefined {
	if (header.readUInt32LE(28) !== crc32c(header.subarray(0, 28)) || header.readUIntLE(1, 3) !== 0)
		return undefined;
	const offset = header.readBigUInt64LE(8);
	const length = header.readBigUInt64LE(16);
	if (offset + length > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
	return {
		kind: header.readUInt8(0),
		payloadBytes: header.readUInt32LE(4),
		offsetBytes: Number(offset),
		lengthBytes: Number(length),
		payloadCrc: header.readUInt32LE(24),
	};
}

/** The digest of all frames up to and with this one: SHA-256 over that of those before it, and all its bytes. */
export function digestWith(before: Uint8Array, header: Uint8Array, payload: Uint8Array): Buffer {
	return createHash("sha256").update(before).update(header).update(payload).digest();
}
