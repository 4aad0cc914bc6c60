/**
 * AoE command 2, "MAC Mask List" (AoE specification r11, section 3.3): reads and edits the list of initiators that a blade
 * talks to. Asked by the target. Rare, so plain: works on views of exactly the frame received.
 *
 *      0               1               2               3
 *      0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7
 *      +---------------+---------------+---------------+---------------+
 *   24 |   reserved    |    command    |  mask error   |     count     |
 *      +---------------+---------------+---------------+---------------+
 *   28 |   reserved    |   directive   |        MAC address            |
 *      +---------------+---------------+                               +
 *   32 |                                                               |
 *      +---------------------------------------------------------------+
 *   36 |                 more directives, 8 bytes each ...
 */

import { ACCESS_LIST_MAX } from "../spec/ranges.js";
import { Field8, FieldMac } from "../wire/fields.js";
import type { Access } from "./blade.js";
import { AoeError, setError } from "./header.js";
import type { RejectReason } from "./stats.js";

export const maskReserved = new Field8(24);
export const maskCommand = new Field8(25);
export const maskError = new Field8(26);
export const maskCount = new Field8(27);

/** Bytes up to the first directive, the Ethernet header included. */
export const MASK_HEADER_BYTES = 28;
/** Bytes of a directive. Its fields are at offsets from its own first byte. */
export const MASK_ENTRY_BYTES = 8;
export const maskEntryReserved = new Field8(0);
export const maskEntryDirective = new Field8(1);
export const maskEntryMac = new FieldMac(2);

export const MaskCommand = { read: 0, edit: 1 } as const;
export const MaskDirective = { none: 0, add: 1, delete: 2 } as const;
export const MaskError = { unspecified: 1, badDirective: 2, full: 3 } as const;

/**
 * Carries out a request on `access` and writes the arguments of its answer: the list as it then is. An edit is checked
 * whole before any of it takes effect; one that fails changes nothing, and is answered with a mask error and, as count,
 * the index of the directive at fault.
 * @param request exactly the frame received, from its first byte
 * @param reply room for the answer, its header already written
 * @param mayChange false if others have reserved the blade
 * @returns bytes of the answer, or why there is none
 */
export function answerMask(
	request: Uint8Array,
	reply: Uint8Array,
	access: Access,
	mayChange: boolean,
): number | RejectReason {
	if (request.length < MASK_HEADER_BYTES) return "shortSection";
	const command = maskCommand.get(request, 0);
	maskReserved.set(reply, 0, 0);
	maskCommand.set(reply, 0, command);
	maskError.set(reply, 0, 0);
	switch (command) {
		case MaskCommand.read:
			break;
		case MaskCommand.edit: {
			if (!mayChange) {
				setError(reply, 0, AoeError.reserved);
				break;
			}
			const fault = edit(request, access, capacity(reply));
			if (fault === undefined) break;
			maskError.set(reply, 0, fault.error);
			maskCount.set(reply, 0, fault.index);
			return MASK_HEADER_BYTES;
		}
		default:
			setError(reply, 0, AoeError.badArgument);
	}
	return writeList(reply, access);
}

/** Entries that a list may have so that a reply can carry it: 185 at MTU 1500. */
function capacity(reply: Uint8Array): number {
	return Math.min(ACCESS_LIST_MAX, Math.floor((reply.length - MASK_HEADER_BYTES) / MASK_ENTRY_BYTES));
}

interface MaskFault {
	readonly error: number;
	readonly index: number;
}

/** Applies all directives of an edit, or none. Returns what is wrong with it, if anything. */
function edit(request: Uint8Array, access: Access, most: number): MaskFault | undefined {
	const count = maskCount.get(request, 0);
	const present = Math.floor((request.length - MASK_HEADER_BYTES) / MASK_ENTRY_BYTES);
	if (count > present) return { error: MaskError.unspecified, index: present };
	const mask = new Set(access.mask);
	for (let index = 0; index < count; index++) {
		const at = MASK_HEADER_BYTES + index * MASK_ENTRY_BYTES;
		const mac = maskEntryMac.get(request, at);
		switch (maskEntryDirective.get(request, at)) {
			case MaskDirective.none:
				break;
			case MaskDirective.add:
				if (mask.size >= most && !mask.has(mac)) return { error: MaskError.full, index };
				mask.add(mac);
				break;
			case MaskDirective.delete:
				mask.delete(mac);
				break;
			default:
				return { error: MaskError.badDirective, index };
		}
	}
	access.mask.clear();
	for (const mac of mask) access.mask.add(mac);
	access.edits += 1;
	return undefined;
}

/** The list as directives 0. One given by the operator that is longer than the link's frames is cut to what they hold. */
function writeList(reply: Uint8Array, access: Access): number {
	const macs = [...access.mask].slice(0, capacity(reply));
	maskCount.set(reply, 0, macs.length);
	let at = MASK_HEADER_BYTES;
	for (const mac of macs) {
		maskEntryReserved.set(reply, at, 0);
		maskEntryDirective.set(reply, at, MaskDirective.none);
		maskEntryMac.set(reply, at, mac);
		at += MASK_ENTRY_BYTES;
	}
	return at;
}
