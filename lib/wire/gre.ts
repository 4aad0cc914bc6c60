/**
 * Ethernet in GRE (RFC 2784; protocol type 0x6558, transparent Ethernet bridging): what stands between the IP header and the frame.
 * Used by `lib/gre/`. What is received is judged here; what is sent is always the same four bytes.
 *
 *    0                 2                 4                6          8
 *    +-----------------+-----------------+----------------+----------+--------
 *    | C, flags, ver   |  protocol type  | checksum, if C | reserved | frame
 *    +-----------------+-----------------+----------------+----------+--------
 *
 * RFC 2890 adds a key and a sequence number, which have to be agreed upon; nobody has agreed with us, so neither is taken.
 */

import { ETH_HEADER_BYTES } from "./ethernet.js";
import { Field16, Field32 } from "./fields.js";

const greFlags = new Field16(0);
const greProtocol = new Field16(2);
const greHeader = new Field32(0);

const CHECKSUM_PRESENT = 0x8000;
const KEY_PRESENT = 0x2000;
const SEQUENCE_PRESENT = 0x1000;
/** Those of bits 1 to 5 that are neither: RFC 1701's routing, strict source route and recursion. */
const ROUTING = 0x4c00;
const VERSION = 0x0007;
const ETHERNET = 0x6558;

/** Bytes of the header without a checksum, as we send it. */
export const GRE_HEADER_BYTES = 4;
const GRE_CHECKED_HEADER_BYTES = 8;
/** A sum over bytes that hold their own checksum. */
const SUM_RIGHT = 0xffff;

/** Why a packet has no frame for us. */
export const GRE_REFUSALS = [
	"short",
	"version",
	"routing",
	"key",
	"sequence",
	"protocol",
	"checksum",
] as const;
export type GreRefusal = (typeof GRE_REFUSALS)[number];

/** Writes the header that goes before a frame. */
export function writeGreHeader(bytes: Uint8Array, at: number): void {
	greHeader.set(bytes, at, ETHERNET);
}

/** Where the frame begins in what follows the IP header, `bytes[begin]` to `bytes[end - 1]`; or why there is none. Allocates nothing. */
export function frameInGre(bytes: Uint8Array, begin: number, end: number): number | GreRefusal {
	if (end - begin < GRE_HEADER_BYTES) return "short";
	const flags = greFlags.get(bytes, begin);
	if ((flags & VERSION) !== 0) return "version";
	if ((flags & ROUTING) !== 0) return "routing";
	if ((flags & KEY_PRESENT) !== 0) return "key";
	if ((flags & SEQUENCE_PRESENT) !== 0) return "sequence";
	if (greProtocol.get(bytes, begin) !== ETHERNET) return "protocol";
	const isChecked = (flags & CHECKSUM_PRESENT) !== 0;
	const frame = begin + (isChecked ? GRE_CHECKED_HEADER_BYTES : GRE_HEADER_BYTES);
	if (end - frame < ETH_HEADER_BYTES) return "short";
	if (isChecked && onesSum(bytes, begin, end) !== SUM_RIGHT) return "checksum";
	return frame;
}

/** The sum of RFC 1071: of 16-bit numbers, what runs over added again. */
function onesSum(bytes: Uint8Array, begin: number, end: number): number {
	let sum = 0;
	for (let at = begin; at < end - 1; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!;
	if ((end - begin) % 2 === 1) sum += bytes[end - 1]! << 8;
	while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
	return sum;
}
