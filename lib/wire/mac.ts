/**
 * MAC addresses as text. Used by the command line (`-m`), log messages and the link room; everywhere else a MAC address
 * is a 48-bit number, or six bytes where every frame is compared with it (see `FieldMac`).
 */

import { FieldMac } from "./fields.js";

/** Reads `00:11:22:aa:bb:cc`, with `-` or without separators too, in either case. Undefined if it is not one. */
export function parseMac(text: string): number | undefined {
	const digits = text.match(/^[0-9a-f]{2}(?<sep>[:-]?)(?:[0-9a-f]{2}\k<sep>){4}[0-9a-f]{2}$/i);
	return digits ? Number.parseInt(text.replace(/[:-]/g, ""), 16) : undefined;
}

/** The usual way to write a MAC address: six hexadecimal pairs joined by colons. */
export function formatMac(mac: number): string {
	return mac
		.toString(16)
		.padStart(12, "0")
		.replace(/..(?!$)/g, "$&:");
}

/** The six bytes of a MAC address, as they are on the wire. */
export function macBytes(mac: number): Uint8Array {
	const bytes = new Uint8Array(6);
	new FieldMac(0).set(bytes, 0, mac);
	return bytes;
}
