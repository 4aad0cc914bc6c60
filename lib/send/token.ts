/**
 * How far a receiver has come with a stream, as a word that people carry to the sender. Made by whoever receives, read by whoever sends;
 * what it says is believed only as far as the digest at the end of the stream bears it out.
 */

import { crc32c } from "../crc32c.js";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { DIGEST_BYTES } from "./frames.js";

export interface ResumePoint {
	/** Of which stream: `streamId`. */
	readonly stream: Buffer;
	/** All before it has arrived. */
	readonly offsetBytes: number;
	/** Of all frames up to there. */
	readonly digest: Buffer;
}

const VERSION = 1;
/** version 1, stream 32, offset 8, digest 32, CRC32C of these 4. */
const OFFSET_AT = 1 + DIGEST_BYTES;
const DIGEST_AT = OFFSET_AT + 8;
const CRC_AT = DIGEST_AT + DIGEST_BYTES;
const TOKEN_BYTES = CRC_AT + 4;

export function tokenOf({ stream, offsetBytes, digest }: ResumePoint): string {
	const bytes = Buffer.alloc(TOKEN_BYTES);
	bytes.writeUInt8(VERSION, 0);
	stream.copy(bytes, 1);
	bytes.writeBigUInt64LE(BigInt(offsetBytes), OFFSET_AT);
	digest.copy(bytes, DIGEST_AT);
	bytes.writeUInt32LE(crc32c(bytes, 0, CRC_AT), CRC_AT);
	return bytes.toString("base64url");
}

/** Throws an OperatorError if it is none. */
export function readToken(text: string): ResumePoint {
	const bytes = Buffer.from(text, "base64url");
	const isWhole =
		bytes.length === TOKEN_BYTES &&
		bytes.toString("base64url") === text &&
		bytes.readUInt8(0) === VERSION &&
		bytes.readUInt32LE(CRC_AT) === crc32c(bytes, 0, CRC_AT);
	const offset = isWhole ? bytes.readBigUInt64LE(OFFSET_AT) : -1n;
	if (offset < 0n || offset > BigInt(Number.MAX_SAFE_INTEGER))
		throw new OperatorError(`token ${quote(text)}: not as vblade volume receive has printed it`);
	return {
		stream: bytes.subarray(1, OFFSET_AT),
		offsetBytes: Number(offset),
		digest: bytes.subarray(DIGEST_AT, CRC_AT),
	};
}
