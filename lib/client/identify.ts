/**
 * What a disk says of itself, read from the 256 words of IDENTIFY DEVICE (ACS-3, 7.12). Written without regard to how our
 * own target makes them, so that each checks the other. Used by `remote-disk.ts`.
 */

import { BadAnswerError } from "./errors.js";

export interface DiskIdentity {
	readonly serial: string;
	readonly firmware: string;
	readonly model: string;
	/** Of 512 bytes. */
	readonly sectorCount: number;
	/** 48-bit addresses are supported. */
	readonly extended: boolean;
	readonly physicalBlockBytes: number;
	readonly canFlush: boolean;
	/** By FLUSH CACHE EXT, too: vblade 25 has only the other. */
	readonly canFlushExt: boolean;
	/** Most blocks of 512 bytes in the list of one TRIM; 0 if the disk can't. */
	readonly trimBlocksMax: number;
	/** What is trimmed reads as zeros from then on. */
	readonly trimmedIsZero: boolean;
	/** There is a volatile write cache, and it is on. */
	readonly writeCache: boolean;
	/** World wide name; 0 if there is none. */
	readonly wwn: bigint;
	/** Of the hosts that have had it, one at a time, the how-manieth this is; null: it is one host's alone. */
	readonly epoch: number | null;
}

/** What our target has in words of the vendor's, 129 to 159: "vb", and the epoch, of which the lowest word comes first. */
const EPOCH_MAGIC = 0x7662;

/** Reads the 512 bytes of IDENTIFY DEVICE. Throws a BadAnswerError if their checksum is wrong. */
export function readIdentity(bytes: Uint8Array): DiskIdentity {
	const view = new DataView(bytes.buffer, bytes.byteOffset, 512);
	const word = (index: number): number => view.getUint16(index * 2, true);
	const bit = (index: number, number: number): boolean => (word(index) & (1 << number)) !== 0;
	// Word 255: 0xa5 in the low byte says that all 512 add up to 0 (7.12.7.96).
	const sum = bytes.reduce((total, byte) => (total + byte) & 0xff, 0);
	if ((word(255) & 0xff) === 0xa5 && sum !== 0) throw new BadAnswerError("IDENTIFY: the checksum is wrong");
	const extended = bit(83, 10) && bit(86, 10);
	const canTrim = bit(169, 0);
	// Word 106 counts only if bit 14 is set and bit 15 is not; bit 13 says that its low nibble means something.
	const isValid = (word(106) & 0xc000) === 0x4000;
	return {
		serial: text(bytes, 10, 19),
		firmware: text(bytes, 23, 26),
		model: text(bytes, 27, 46),
		sectorCount: extended ? Number(view.getBigUint64(200, true)) : word(60) + word(61) * 0x10000,
		extended,
		physicalBlockBytes: 512 << (isValid && bit(106, 13) ? word(106) & 15 : 0),
		canFlush: bit(83, 12) && bit(86, 12),
		canFlushExt: bit(83, 13) && bit(86, 13),
		trimBlocksMax: canTrim ? Math.max(1, word(105)) : 0,
		trimmedIsZero: canTrim && bit(69, 14) && bit(69, 5),
		writeCache: bit(82, 5) && bit(85, 5),
		wwn: bit(84, 8)
			? [108, 109, 110, 111].reduce((name, index) => (name << 16n) | BigInt(word(index)), 0n)
			: 0n,
		epoch: word(129) === EPOCH_MAGIC ? Number(view.getBigUint64(2 * 130, true)) : null,
	};
}

/** A string of words `first` to `last`: two characters in each, the first of them in the high byte (7.12.3.2). */
function text(bytes: Uint8Array, first: number, last: number): string {
	let string = "";
	for (let at = first * 2; at <= last * 2; at += 2)
		string += String.fromCharCode(bytes[at + 1] ?? 0, bytes[at] ?? 0);
	return string.trim();
}
