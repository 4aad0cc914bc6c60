/**
 * TransportIDs of iSCSI (SPC-4, 7.6.4.6): initiator ports, as persistent reservations name them. Read and written by `persistent-reserve.ts`.
 */

import { uint16 } from "./cdb.js";

const ISCSI = 0x05;
/** Of a port, with its ISID; else of a device, and all its ports. */
const PORT = 0x40;
/** What separates name and ISID. */
const SEPARATOR = ",i,0x";
const HEADER_BYTES = 4;
const NAME_BYTES_MIN = 20;
/** (RFC 7143, 4.2.7.1: a name has at most 223 bytes.) */
const NAME_BYTES_MAX = 244;

export interface TransportId {
	/** Of a port, or of a device. */
	readonly name: string;
	readonly isPort: boolean;
}

export function transportIdBytes(port: string): Buffer {
	const name = Buffer.from(port, "utf8");
	const bytes = Buffer.alloc(HEADER_BYTES + Math.max(NAME_BYTES_MIN, 4 * Math.floor(name.length / 4 + 1)));
	bytes[0] = PORT | ISCSI;
	bytes.writeUInt16BE(bytes.length - HEADER_BYTES, 2);
	bytes.set(name, HEADER_BYTES);
	return bytes;
}

/** The one at the beginning of `bytes`, and how many bytes it has; undefined: there is none. */
export function readTransportId(bytes: Buffer): (TransportId & { readonly length: number }) | undefined {
	if (bytes.length < HEADER_BYTES) return undefined;
	const nameBytes = uint16(bytes, 2);
	const length = HEADER_BYTES + nameBytes;
	const form = bytes[0]! & ~PORT;
	const isLong = nameBytes >= NAME_BYTES_MIN && nameBytes <= NAME_BYTES_MAX && nameBytes % 4 === 0;
	if (form !== ISCSI || !isLong || length > bytes.length) return undefined;
	const field = bytes.subarray(HEADER_BYTES, length);
	const end = field.indexOf(0);
	if (end <= 0) return undefined;
	const name = field.toString("utf8", 0, end);
	const isPort = (bytes[0]! & PORT) > 0;
	return isPort === name.includes(SEPARATOR) ? { name, isPort, length } : undefined;
}
