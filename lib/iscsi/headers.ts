/**
 * What is in a command's header beyond its fields of fixed size: the CDB, of which more than 16 bytes lie in an additional header segment
 * (RFC 7143, 11.2.2), and the number in its LUN field. Used by `commands.ts` and `requests.ts`.
 */

import { CDB_BYTES_MAX, NO_LUN } from "../scsi/task.js";
import { AhsType, ahsBytesOf, BHS_BYTES, Field } from "./pdu.js";

const CDB_BYTES = 16;
/** Length, type, and a byte that says something else in each. */
const AHS_HEAD_BYTES = 4;

/** The CDB, with zeros behind it. False if what is additional makes no sense, or the CDB is longer than any that is known. */
export function readCdb(view: DataView, at: number, cdb: Uint8Array): boolean {
	for (let i = 0; i < CDB_BYTES; i++) cdb[i] = view.getUint8(at + Field.cdb + i);
	for (let i = CDB_BYTES; i < CDB_BYTES_MAX; i++) cdb[i] = 0;
	const ahsBytes = ahsBytesOf(view, at);
	return ahsBytes === 0 || readAdditional(view, at + BHS_BYTES, ahsBytes, cdb);
}

function readAdditional(view: DataView, begin: number, bytes: number, cdb: Uint8Array): boolean {
	const end = begin + bytes;
	let at = begin;
	while (at + AHS_HEAD_BYTES <= end) {
		// (Without the three bytes of length and type; with the one that is reserved.)
		const length = view.getUint16(at);
		const next = at + 3 + length + (-(3 + length) & 3);
		if (length < 1 || next > end) return false;
		if (view.getUint8(at + 2) === AhsType.extendedCdb) {
			const more = length - 1;
			if (more > CDB_BYTES_MAX - CDB_BYTES) return false;
			for (let i = 0; i < more; i++) cdb[CDB_BYTES + i] = view.getUint8(at + AHS_HEAD_BYTES + i);
		}
		at = next;
	}
	return at === end;
}

/** The number in a LUN field (SAM-5, 4.7.7: peripheral or flat space addressing, of the first level alone). */
export function lunOf(high: number, low: number): number {
	if (low !== 0 || (high & 0xffff) !== 0) return NO_LUN;
	const method = high >>> 30;
	const number = (high >>> 16) & 0x3fff;
	if (method === 1) return number;
	return method === 0 && number < 256 ? number : NO_LUN;
}
