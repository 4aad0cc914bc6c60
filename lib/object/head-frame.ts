/**
 * A head's value as it is stored, whatever stores it: the bytes, before them who wrote them (a nonce) and the how-manieth value it is,
 * and a checksum. By the two it is found out later what became of a swap without an answer. Used by `head.ts` alone.
 */

import { crc32c } from "../crc32c.js";
import { invariant } from "../errors.js";
import { ObjectError, ObjectFault } from "./errors.js";

export const NONCE_BYTES = 16;
/** What every kind of head takes. */
export const HEAD_MAX_BYTES = 384 * 1024;

const MAGIC = "vbh1";
/** Magic, checksum of all that follows, nonce, number. */
const AT = { crc: 4, nonce: 8, serial: 24, bytes: 32 } as const;

export interface Framed {
	readonly nonce: Buffer;
	/** 1, 2 ... */
	readonly serial: number;
	readonly bytes: Buffer;
}

export function framed({ nonce, serial, bytes }: Framed): Buffer {
	invariant(nonce.length === NONCE_BYTES, `a nonce of ${nonce.length} bytes`);
	invariant(bytes.length <= HEAD_MAX_BYTES, `a head of ${bytes.length} bytes`);
	const value = Buffer.alloc(AT.bytes + bytes.length);
	value.write(MAGIC, "latin1");
	nonce.copy(value, AT.nonce);
	value.writeBigUInt64LE(BigInt(serial), AT.serial);
	bytes.copy(value, AT.bytes);
	value.writeUInt32LE(crc32c(value, AT.nonce), AT.crc);
	return value;
}

/** Throws an `ObjectError` if that was none. */
export function unframed(name: string, value: Buffer): Framed {
	const isRight =
		value.length >= AT.bytes &&
		value.toString("latin1", 0, AT.crc) === MAGIC &&
		value.readUInt32LE(AT.crc) === crc32c(value, AT.nonce);
	if (!isRight) throw new ObjectError(ObjectFault.damaged, `${name}: what is stored there is no head`);
	return {
		nonce: value.subarray(AT.nonce, AT.serial),
		serial: Number(value.readBigUInt64LE(AT.serial)),
		bytes: value.subarray(AT.bytes),
	};
}
