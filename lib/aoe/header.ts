/**
 * The AoE header (AoE specification r11, section 2): what every frame of EtherType 0x88A2 starts with. Fields are declared
 * once here; the target, the arguments' files beside this one and our initiator read and write through them.
 *
 *      0               1               2               3
 *      0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7
 *      +---------------------------------------------------------------+
 *    0 |                    destination address                        |
 *      +                               +-------------------------------+
 *    4 |                               |                               |
 *      +-------------------------------+                               +
 *    8 |                      source address                           |
 *      +-------------------------------+-------+-------+---------------+
 *   12 |      EtherType 0x88A2         |version| flags |     error     |
 *      +-------------------------------+-------+-------+---------------+
 *   16 |            shelf              |     slot      |    command    |
 *      +-------------------------------+---------------+---------------+
 *   20 |                             tag                               |
 *      +---------------------------------------------------------------+
 *   24 |                        arguments ...
 *
 * In every function `at` is the index in `bytes` of the frame's first byte.
 */

import { ETH_MIN_FRAME_BYTES, ETHERTYPE_AOE, ethDestination, ethSource, ethType } from "../wire/ethernet.js";
import { Field8, Field16, Field32 } from "../wire/fields.js";

/** Version in the high nibble, flags in the low one. */
export const aoeVersionFlags = new Field8(14);
export const aoeError = new Field8(15);
export const aoeShelf = new Field16(16);
export const aoeSlot = new Field8(18);
export const aoeCommand = new Field8(19);
/** The initiator's own; a target hands it back unchanged. */
export const aoeTag = new Field32(20);

/** Bytes up to the command's arguments, the Ethernet header included. */
export const AOE_HEADER_BYTES = 24;
export const AOE_VERSION = 1;

/** Low nibble of `aoeVersionFlags`. */
export const AoeFlag = { response: 0x08, error: 0x04 } as const;

/** Section 2.5; codes from 0xf0 are vendors' own. */
export const AoeCommand = { ata: 0, config: 1, mask: 2, reserve: 3 } as const;
export type AoeCommand = (typeof AoeCommand)[keyof typeof AoeCommand];

/** Section 2.4: what `aoeError` says in a response with the E flag. */
export const AoeError = {
	badCommand: 1,
	badArgument: 2,
	deviceUnavailable: 3,
	configStringPresent: 4,
	badVersion: 5,
	reserved: 6,
} as const;
export type AoeError = (typeof AoeError)[keyof typeof AoeError];

/** Version of a received frame, 0..15. */
export function aoeVersion(bytes: Uint8Array, at: number): number {
	return aoeVersionFlags.get(bytes, at) >>> 4;
}

/** True for a response, false for a request. */
export function isResponse(bytes: Uint8Array, at: number): boolean {
	return (aoeVersionFlags.get(bytes, at) & AoeFlag.response) !== 0;
}

/** What a frame that answers none has in its header: a query of ours, or an advertisement. */
export interface HeaderFields {
	readonly destination: number;
	readonly source: number;
	/** Bits of `AoeFlag`. */
	readonly flags: number;
	readonly shelf: number;
	readonly slot: number;
	readonly command: number;
	readonly tag: number;
}

/** Writes a whole header, error 0. */
export function writeHeader(bytes: Uint8Array, at: number, fields: HeaderFields): void {
	ethDestination.set(bytes, at, fields.destination);
	ethSource.set(bytes, at, fields.source);
	ethType.set(bytes, at, ETHERTYPE_AOE);
	aoeVersionFlags.set(bytes, at, (AOE_VERSION << 4) | fields.flags);
	aoeError.set(bytes, at, 0);
	aoeShelf.set(bytes, at, fields.shelf);
	aoeSlot.set(bytes, at, fields.slot);
	aoeCommand.set(bytes, at, fields.command);
	aoeTag.set(bytes, at, fields.tag);
}

/**
 * Writes the header of the answer to a request: back to its sender, from `ownMac`, with the R flag and our version, the
 * real shelf and slot (the request may have had broadcast ones, and Linux names the device after these), command and tag
 * as they came.
 */
export function writeReplyHeader(
	request: Uint8Array,
	requestAt: number,
	reply: Uint8Array,
	at: number,
	ownMac: Uint8Array,
	shelf: number,
	slot: number,
): void {
	ethDestination.copy(reply, at, request, requestAt + ethSource.offset);
	ethSource.copy(reply, at, ownMac, 0);
	ethType.set(reply, at, ETHERTYPE_AOE);
	aoeVersionFlags.set(reply, at, (AOE_VERSION << 4) | AoeFlag.response);
	aoeError.set(reply, at, 0);
	aoeShelf.set(reply, at, shelf);
	aoeSlot.set(reply, at, slot);
	for (let i = aoeCommand.offset; i < AOE_HEADER_BYTES; i++) reply[at + i] = request[requestAt + i]!;
}

/** Turns a reply into one that says `error`. */
export function setError(reply: Uint8Array, at: number, error: AoeError): void {
	aoeVersionFlags.set(reply, at, aoeVersionFlags.get(reply, at) | AoeFlag.error);
	aoeError.set(reply, at, error);
}

/**
 * Zeros what lies between the end of a frame and `minBytes`, by default the least that Ethernet carries, and returns the
 * bytes to send. A reply slot still holds what earlier exchanges left in it, and that is nobody else's to read.
 */
export function padFrame(
	bytes: Uint8Array,
	at: number,
	frameBytes: number,
	minBytes: number = ETH_MIN_FRAME_BYTES,
): number {
	if (frameBytes >= minBytes) return frameBytes;
	for (let i = frameBytes; i < minBytes; i++) bytes[at + i] = 0;
	return minBytes;
}
