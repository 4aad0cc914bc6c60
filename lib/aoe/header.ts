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
import { macBytes } from "../wire/mac.js";

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

/** Shelf and slot of a frame in one number, as `addressOf` puts them together: by the word, for every frame. */
export function aoeAddress(view: DataView, at: number): number {
	return view.getInt32(at + 16) >>> 8;
}

/** The two parts of a frame's source by which initiators are told apart: its first 32 bits, and the last 16. */
export function sourceFirst32(view: DataView, at: number): number {
	return view.getInt32(at + 6);
}

export function sourceLast16(view: DataView, at: number): number {
	return view.getUint16(at + 10);
}

/** The tag as a number of 32 bits with a sign, which is not put on the heap wherever it goes. */
export function tagBits(view: DataView, at: number): number {
	return view.getInt32(at + 20);
}

/** Version of a received frame, 0..15. */
export function aoeVersion(bytes: Uint8Array, at: number): number {
	return aoeVersionFlags.get(bytes, at) >>> 4;
}

/** True for a response, false for a request. */
export function isResponse(bytes: Uint8Array, at: number): boolean {
	return (aoeVersionFlags.get(bytes, at) & AoeFlag.response) !== 0;
}

/** The first word behind the addresses, of a request in our version without flags: EtherType, version, error 0. */
const PLAIN_REQUEST = (ETHERTYPE_AOE << 16) | (AOE_VERSION << 12);
const PLAIN_RESPONSE = PLAIN_REQUEST | (AoeFlag.response << 8);

/** A station's own address, and the pieces in which words of 32 and 16 bits hold it. */
export class OwnAddress {
	readonly bytes: Uint8Array;
	readonly first32: number;
	readonly last16: number;
	readonly first16: number;
	readonly last32: number;

	/** `mac`: 48 bits. */
	constructor(mac: number) {
		this.bytes = macBytes(mac);
		const view = new DataView(this.bytes.buffer);
		this.first32 = view.getInt32(0);
		this.last16 = view.getInt16(4);
		this.first16 = view.getInt16(0);
		this.last32 = view.getInt32(2);
	}
}

/**
 * True for what nearly every frame is: a request in our version, from another station to our address alone; which one that
 * is the link has judged if `isScreened`. False does not say what else it is. The frame must have `AOE_HEADER_BYTES`. Takes
 * the header by the word, as does `writeReplyHeader`: this is what is done for every frame.
 */
export function isPlainRequest(view: DataView, at: number, own: OwnAddress, isScreened: boolean): boolean {
	return (
		view.getInt32(at + 12) === PLAIN_REQUEST &&
		(isScreened
			? (view.getUint8(at) & 1) === 0
			: view.getInt32(at) === own.first32 && view.getInt16(at + 4) === own.last16) &&
		(view.getUint8(at + 6) & 1) === 0 &&
		(view.getInt32(at + 8) !== own.last32 || view.getInt16(at + 6) !== own.first16)
	);
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
 * Writes the header of the answer to a request: back to its sender, from `own`, with the R flag and our version, the
 * real shelf and slot (the request may have had broadcast ones, and Linux names the device after these), command and tag
 * as they came.
 */
export function writeReplyHeader(
	request: DataView,
	requestAt: number,
	reply: DataView,
	at: number,
	own: OwnAddress,
	shelf: number,
	slot: number,
): void {
	reply.setInt32(at, request.getInt32(requestAt + 6));
	reply.setInt16(at + 4, request.getInt16(requestAt + 10));
	reply.setInt16(at + 6, own.first16);
	reply.setInt32(at + 8, own.last32);
	reply.setInt32(at + 12, PLAIN_RESPONSE);
	reply.setInt32(at + 16, (shelf << 16) | (slot << 8) | request.getUint8(requestAt + 19));
	reply.setInt32(at + 20, request.getInt32(requestAt + 20));
}

/** Turns a reply into one that says `error`. */
export function setError(reply: Uint8Array, at: number, error: AoeError): void {
	aoeVersionFlags.set(reply, at, aoeVersionFlags.get(reply, at) | AoeFlag.error);
	aoeError.set(reply, at, error);
}

/**
 * Zeros what lies between the end of a frame and `minBytes`, by default the least that Ethernet carries, and returns the
 * bytes to send. A room still holds what earlier exchanges left in it, and that is nobody else's to read.
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
