/**
 * Sense data: why a command was not carried out (SPC-4, 4.5), in the form that the initiator has chosen for the unit. Made by whoever
 * refuses a command or sees it fail; a transport sends its bytes with the status.
 */

import { Asc, SenseKey } from "./protocol.js";

export interface Sense {
	readonly key: SenseKey;
	readonly asc: Asc;
	/** The INFORMATION field: the block that failed, or the offset of the first byte that differs. */
	readonly information?: number;
	/** How much of what it waits for is done: 0..65535 (SPC-4, 4.5.2.4.4). */
	readonly progress?: number;
	/** Where the field is that makes no sense, of the CDB or of the parameters (SPC-4, 4.5.2.4.2). */
	readonly field?: { readonly inCdb: boolean; readonly byte: number; readonly bit?: number };
}

/** That the CDB makes no sense, at that byte. */
export function invalidField(byte: number, bit?: number): Sense {
	const field = { inCdb: true, byte, ...(bit !== undefined && { bit }) };
	return { key: SenseKey.illegalRequest, asc: Asc.invalidField, field };
}

/** That the parameters make no sense, at that byte of their list. */
export function invalidParameter(byte: number, bit?: number): Sense {
	const field = { inCdb: false, byte, ...(bit !== undefined && { bit }) };
	return { key: SenseKey.illegalRequest, asc: Asc.invalidParameter, field };
}

/** That the byte `offset` of the data is not what is there. */
export function miscompare(offset: number): Sense {
	return { key: SenseKey.miscompare, asc: Asc.miscompare, information: offset };
}

export function illegal(asc: Asc): Sense {
	return { key: SenseKey.illegalRequest, asc };
}

/** It is not there yet, or not any more: initiators ask again. */
export const BECOMING_READY: Sense = { key: SenseKey.notReady, asc: Asc.becomingReady };

/** By another port it can be had (SPC-4, 5.15.2.4.4). */
export const ELSEWHERE: Sense = { key: SenseKey.notReady, asc: Asc.standby };
/** The same, and it is on its way here: a task ends with BUSY, and initiators ask again. */
export const COMES_HERE: Sense = { ...ELSEWHERE };

const FIXED_BYTES = 18;

/** In fixed form (SPC-4, 4.5.3), or with `isDescriptor` in descriptor form (4.5.2). */
export function senseBytes(sense: Sense, isDescriptor = false): Uint8Array {
	return isDescriptor ? descriptorForm(sense) : fixedForm(sense);
}

function fixedForm({ key, asc, information, field, progress }: Sense): Uint8Array {
	const bytes = Buffer.alloc(FIXED_BYTES);
	const isValid = information !== undefined && information < 2 ** 32;
	bytes[0] = isValid ? 0xf0 : 0x70;
	bytes[2] = key;
	if (isValid) bytes.writeUInt32BE(information, 3);
	bytes[7] = FIXED_BYTES - 8;
	bytes.writeUInt16BE(asc, 12);
	putSpecific(bytes, 15, field, progress);
	return bytes;
}

function descriptorForm({ key, asc, information, field, progress }: Sense): Uint8Array {
	const parts: Buffer[] = [];
	if (information !== undefined) {
		const part = Buffer.alloc(12);
		part.set([0x00, 0x0a, 0x80]);
		part.writeBigUInt64BE(BigInt(information), 4);
		parts.push(part);
	}
	if (field !== undefined || progress !== undefined) {
		const part = Buffer.alloc(8);
		part.set([0x02, 0x06]);
		putSpecific(part, 4, field, progress);
		parts.push(part);
	}
	const rest = Buffer.concat(parts);
	const head = Buffer.from([0x72, key, asc >> 8, asc & 0xff, 0, 0, 0, rest.length]);
	return Buffer.concat([head, rest]);
}

/** What is specific to the sense key, if there is anything: SKSV and a progress, or SKSV, C/D, BPV and where the field is. */
function putSpecific(bytes: Buffer, at: number, field: Sense["field"], progress: number | undefined): void {
	if (field !== undefined) {
		const { inCdb, byte, bit } = field;
		bytes[at] = 0x80 | (inCdb ? 0x40 : 0) | (bit === undefined ? 0 : 0x08 | bit);
		bytes.writeUInt16BE(byte, at + 1);
	} else if (progress !== undefined) {
		bytes[at] = 0x80;
		bytes.writeUInt16BE(progress, at + 1);
	}
}
