/**
 * AoE frames for tests, written byte by byte from the specification (r11, section 2 and 3) without any of the code under
 * test, and read back the same way. Used by the namespace tests; MAC addresses are text, `02:00:00:00:00:01`.
 */

export interface FrameHeader {
	/** Destination; broadcast if not given. */
	readonly dst?: string;
	readonly src: string;
	readonly shelf: number;
	readonly slot: number;
	/** 32 bits, echoed by the target. */
	readonly tag?: number;
	/** AoE version; 1 if not given. */
	readonly version?: number;
	/** AoE flags, the low 4 bits of byte 14; 0 if not given. */
	readonly flags?: number;
}

/** Bytes 12 and 13. */
export const ETHERTYPE_AOE = 0x88a2;
export const BROADCAST = "ff:ff:ff:ff:ff:ff";

/** The Ethernet and AoE headers, and after them `rest`, whatever it is. */
export function aoeFrame(header: FrameHeader, command: number, rest: Buffer): Buffer {
	const head = Buffer.alloc(24);
	mac(header.dst ?? BROADCAST).copy(head, 0);
	mac(header.src).copy(head, 6);
	head.writeUInt16BE(ETHERTYPE_AOE, 12);
	head[14] = ((header.version ?? 1) << 4) | (header.flags ?? 0);
	head.writeUInt16BE(header.shelf, 16);
	head[18] = header.slot;
	head[19] = command;
	head.writeUInt32BE((header.tag ?? 0) >>> 0, 20);
	return Buffer.concat([head, rest]);
}

export interface AtaArguments {
	/** 0x40 extended, 0x10 device/head, 0x02 asynchronous, 0x01 write. */
	readonly aflags?: number;
	readonly feature?: number;
	readonly count?: number;
	readonly command: number;
	/** 48 bits; for a 28-bit command with the device register's bits in 24..31. */
	readonly lba?: number;
	readonly data?: Buffer;
}

/** Command 0: issue ATA command. */
export function ataFrame(header: FrameHeader, ata: AtaArguments): Buffer {
	const rest = Buffer.alloc(12);
	rest[0] = ata.aflags ?? 0;
	rest[1] = ata.feature ?? 0;
	rest[2] = ata.count ?? 0;
	rest[3] = ata.command;
	rest.writeUIntLE(ata.lba ?? 0, 4, 6);
	return aoeFrame(header, 0, Buffer.concat([rest, ata.data ?? Buffer.alloc(0)]));
}

/** Command 1: query config information. `command`: 0 read, 1 test, 2 test prefix, 3 set, 4 force set. */
export function configFrame(
	header: FrameHeader,
	command: number,
	string = "",
	stringLength = string.length,
): Buffer {
	const rest = Buffer.alloc(8);
	rest[5] = 0x10 | command;
	rest.writeUInt16BE(stringLength, 6);
	return aoeFrame(header, 1, Buffer.concat([rest, Buffer.from(string, "latin1")]));
}

/** Command 2: MAC mask list. `command`: 0 read, 1 edit. Directives: 1 add, 2 delete. */
export function maskFrame(
	header: FrameHeader,
	command: number,
	entries: readonly (readonly [directive: number, mac: string])[] = [],
	count = entries.length,
): Buffer {
	const head = Buffer.from([0, command, 0, count]);
	const list = entries.map(([directive, address]) =>
		Buffer.concat([Buffer.from([0, directive]), mac(address)]),
	);
	return aoeFrame(header, 2, Buffer.concat([head, ...list]));
}

/** Command 3: reserve/release. `command`: 0 read, 1 set, 2 force set. */
export function reserveFrame(
	header: FrameHeader,
	command: number,
	macs: readonly string[] = [],
	count = macs.length,
): Buffer {
	return aoeFrame(header, 3, Buffer.concat([Buffer.from([command, count]), ...macs.map(mac)]));
}

/** The same frame with an 802.1Q tag: VLAN `vlan`, priority 0. */
export function tagged(frame: Buffer, vlan: number): Buffer {
	return Buffer.concat([
		frame.subarray(0, 12),
		Buffer.from([0x81, 0x00, vlan >>> 8, vlan & 0xff]),
		frame.subarray(12),
	]);
}

/** True for a frame with an AoE header that is a response. */
export function isResponse(frame: Buffer): boolean {
	return frame.length >= 24 && frame.readUInt16BE(12) === ETHERTYPE_AOE && (frame[14]! & 8) !== 0;
}

/** True for an AoE response with this tag. */
export function respondsTo(frame: Buffer, tag: number): boolean {
	return isResponse(frame) && frame.readUInt32BE(20) === tag >>> 0;
}

/** Fields of a reply, by the names used in the specification. Those past the frame's end are undefined. */
export function fieldsOf(frame: Buffer) {
	return {
		dst: macText(frame, 0),
		src: macText(frame, 6),
		version: frame[14]! >>> 4,
		flags: frame[14]! & 15,
		error: frame[15]!,
		shelf: frame.readUInt16BE(16),
		slot: frame[18]!,
		command: frame[19]!,
		tag: frame.readUInt32BE(20),
		/** For command 0: the ATA error and status registers, and the data. */
		ataError: frame[25],
		ataCount: frame[26],
		ataStatus: frame[27],
		lba: frame.length >= 34 ? frame.readUIntLE(28, 6) : undefined,
		data: frame.subarray(36),
		/** For command 1. */
		bufferCount: frame.readUInt16BE(24),
		sectorsPerFrame: frame[28],
		configString:
			frame.length >= 32 ? frame.subarray(32, 32 + frame.readUInt16BE(30)).toString("latin1") : "",
	};
}

function mac(text: string): Buffer {
	return Buffer.from(text.replaceAll(":", ""), "hex");
}

function macText(frame: Buffer, at: number): string {
	return [...frame.subarray(at, at + 6)].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
