/**
 * AoE command 3, "Reserve / Release" (AoE specification r11, section 3.4): reads and sets the list of initiators that have a
 * blade to themselves; an empty list releases it. Asked by the target. Rare, so plain: works on views of exactly the frame
 * received.
 *
 *      0               1               2               3
 *      0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7
 *      +---------------+---------------+-------------------------------+
 *   24 |    command    |     count     |          MAC address          |
 *      +---------------+---------------+                               +
 *   28 |                                                               |
 *      +---------------------------------------------------------------+
 *   32 |              more MAC addresses, 6 bytes each ...
 */

import { ACCESS_LIST_MAX } from "../spec/ranges.js";
import { Field8, FieldMac } from "../wire/fields.js";
import type { Access } from "./blade.js";
import { AoeError, setError } from "./header.js";
import type { RejectReason } from "./stats.js";

export const reserveCommand = new Field8(24);
export const reserveCount = new Field8(25);

/** Bytes up to the first MAC address, the Ethernet header included. */
export const RESERVE_HEADER_BYTES = 26;
/** Bytes of an entry; `reserveEntryMac` is at an offset from the entry's first byte. */
export const RESERVE_ENTRY_BYTES = 6;
export const reserveEntryMac = new FieldMac(0);

export const ReserveCommand = {
	read: 0,
	/** Replace the list; refused to those who are not in it while there is one. */
	set: 1,
	/** Replace the list, whoever holds it. */
	forceSet: 2,
} as const;

/**
 * Carries out a request on `access` and writes the arguments of its answer: the list as it then is, with the E flag if the
 * request was refused.
 * @param request exactly the frame received, from its first byte
 * @param reply room for the answer, its header already written
 * @param mayChange false if others have reserved the blade
 * @param isHeldElsewhere the disk is reserved by another protocol, by which alone it can be released
 * @returns bytes of the answer, or why there is none
 */
export function answerReserve(
	request: Uint8Array,
	reply: Uint8Array,
	access: Access,
	mayChange: boolean,
	isHeldElsewhere = false,
): number | RejectReason {
	if (request.length < RESERVE_HEADER_BYTES) return "shortSection";
	const command = reserveCommand.get(request, 0);
	reserveCommand.set(reply, 0, command);
	const error = carryOut(command, request, access, mayChange, isHeldElsewhere);
	if (error !== undefined) setError(reply, 0, error);
	return writeList(reply, access);
}

function carryOut(
	command: number,
	request: Uint8Array,
	access: Access,
	mayChange: boolean,
	isHeldElsewhere: boolean,
): AoeError | undefined {
	switch (command) {
		case ReserveCommand.read:
			return undefined;
		case ReserveCommand.set:
			if (!mayChange) return AoeError.reserved;
			break;
		case ReserveCommand.forceSet:
			break;
		default:
			return AoeError.badArgument;
	}
	const count = reserveCount.get(request, 0);
	if (RESERVE_HEADER_BYTES + count * RESERVE_ENTRY_BYTES > request.length) return AoeError.badArgument;
	if (count > 0 && isHeldElsewhere) return AoeError.reserved;
	const reserved = new Set<number>();
	for (let i = 0; i < count; i++)
		reserved.add(reserveEntryMac.get(request, RESERVE_HEADER_BYTES + i * RESERVE_ENTRY_BYTES));
	access.reserved = reserved;
	access.edits += 1;
	return undefined;
}

/** The list, cut to what the link's frames hold should its MTU have shrunk since the list was set. */
function writeList(reply: Uint8Array, access: Access): number {
	const room = Math.floor((reply.length - RESERVE_HEADER_BYTES) / RESERVE_ENTRY_BYTES);
	const macs = [...access.reserved].slice(0, Math.min(room, ACCESS_LIST_MAX));
	reserveCount.set(reply, 0, macs.length);
	let at = RESERVE_HEADER_BYTES;
	for (const mac of macs) {
		reserveEntryMac.set(reply, at, mac);
		at += RESERVE_ENTRY_BYTES;
	}
	return at;
}
