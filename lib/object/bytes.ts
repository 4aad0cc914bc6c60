/**
 * Bytes of objects, which are too many for one turn of the event loop: they are summed, compared and sent in slices, and others
 * have their turn between two of them. Used by `objects.ts` and the backends.
 */

import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { crc32c } from "../crc32c.js";
import { ObjectError, ObjectFault } from "./errors.js";
import type { Bytes } from "./store.js";

/** What SHA-256 or MD5 take a fraction of a millisecond for. */
export const SLICE_BYTES = 128 * 1024;
/** The same for sums and comparisons, which are ten times as fast. */
const FAST_SLICE_BYTES = 1024 * 1024;

export function listOf(bytes: Bytes): readonly Buffer[] {
	return Buffer.isBuffer(bytes) ? [bytes] : bytes;
}

export function lengthOf(bytes: readonly Buffer[]): number {
	return bytes.reduce((sum, { length }) => sum + length, 0);
}

export function* slicesOf(bytes: readonly Buffer[], sliceBytes = SLICE_BYTES): Generator<Buffer> {
	for (const each of bytes)
		for (let at = 0; at < each.length; at += sliceBytes) yield each.subarray(at, at + sliceBytes);
}

/** Calls `each` for one slice after the other, about `sliceBytes` in a turn. */
async function inTurns(
	bytes: readonly Buffer[],
	sliceBytes: number,
	each: (slice: Buffer) => void,
): Promise<void> {
	let done = 0;
	for (const slice of slicesOf(bytes, sliceBytes)) {
		if (done + slice.length > sliceBytes) {
			await nextTurn();
			done = 0;
		}
		each(slice);
		done += slice.length;
	}
}

/** In hexadecimal. */
export async function digestOf(algorithm: "sha256" | "md5", bytes: readonly Buffer[]): Promise<string> {
	const hash = createHash(algorithm);
	await inTurns(bytes, SLICE_BYTES, (slice) => hash.update(slice));
	return hash.digest("hex");
}

export async function crcOf(bytes: readonly Buffer[]): Promise<number> {
	let crc = 0;
	await inTurns(bytes, FAST_SLICE_BYTES, (slice) => {
		crc = crc32c(slice, 0, slice.length, crc);
	});
	return crc;
}

/** A sum as stores keep it beside an object. */
export function crcText(crc: number): string {
	return crc.toString(16).padStart(8, "0");
}

/** Throws an `ObjectError` if the bytes have another sum than the store has kept; undefined: none was. */
export async function checkCrc(what: string, found: Buffer, wanted: string | undefined): Promise<void> {
	if (wanted !== undefined && crcText(await crcOf([found])) !== wanted)
		throw new ObjectError(ObjectFault.damaged, `${what}: of another checksum than what was stored`);
}

export async function isEqual(list: readonly Buffer[], whole: Buffer): Promise<boolean> {
	if (lengthOf(list) !== whole.length) return false;
	let at = 0;
	let equal = true;
	await inTurns(list, FAST_SLICE_BYTES, (slice) => {
		equal &&= slice.equals(whole.subarray(at, at + slice.length));
		at += slice.length;
	});
	return equal;
}
