/**
 * Frames for the comparison with Debian's vblade 25. Where the two must differ is not said here but in the table of
 * `docs/differences.md`, which `side-by-side.test.ts` reads; words for what comes back are in `wire-replies.ts`.
 */

import {
	aoeFrame,
	ataFrame,
	BROADCAST,
	configFrame,
	fieldsOf,
	maskFrame,
	reserveFrame,
	tagged,
} from "../support/frames.js";
import { CLIENT_MAC, FILE_SECTORS, SERVER_MAC } from "./stage.js";
import { ata, config, E, everyone, ext, header, sectors, trimList, write } from "./wire-frames.js";

const OTHER = "02:00:00:00:00:03";
const STRANGER = "02:00:00:00:00:09";
/** The first sector that is not there. */
const END = FILE_SECTORS;

export interface WireCase {
	/** As in the first column of docs/differences.md, if there is a row for it. */
	readonly name: string;
	/** Sent one after the other; the answer to the last one counts. */
	readonly frames: readonly Buffer[];
	/** What of the answer is told in the table; `describe` if not given. */
	readonly tell?: (reply: Buffer) => string;
}

/** Cases that follow each other on the same pair of servers, freshly started. */
export interface WireGroup {
	readonly name: string;
	readonly cases: readonly WireCase[];
}
const one = (name: string, ...frames: Buffer[]): WireCase => ({ name, frames });

const CONFIG: WireGroup = {
	name: "query config information",
	cases: [
		one("config read", config(0)),
		one("config read, broadcast", configFrame(header(everyone), 0)),
		one("config read of every slot of the shelf", configFrame(header({ dst: BROADCAST, slot: 0xff }), 0)),
		one("config read of this slot of every shelf", configFrame(header({ dst: BROADCAST, shelf: 0xffff }), 0)),
		one("config read of another slot", configFrame(header({ slot: 1 }), 0)),
		one("config read with tag 0", configFrame(header({ tag: 0 }), 0)),
		one("config set of an empty string", config(3, "hello")),
		one("config set of the same string", config(3, "hello")),
		one("config set of another string", config(3, "other")),
		one("config test that matches", config(1, "hello")),
		one("config test that does not", config(1, "hell")),
		one("config prefix test that matches", config(2, "hell")),
		one("config prefix test that does not", config(2, "x")),
		one("config force set", config(4, "new")),
		one("config force set of 1024 bytes", config(4, "a".repeat(1024))),
		one("config force set to nothing", config(4, "")),
		one("config command 7", config(7)),
		one("config read with 1024 bytes of junk (aoeping)", config(0, "x".repeat(1024))),
		one("config string of 1025 bytes", config(4, "a".repeat(1025))),
		one("config string longer than the frame", config(4, "abc", 200)),
		one("config string 32 bytes longer than the frame", config(4, "x".repeat(64)), config(4, "abc", 35)),
	],
};

const IDENTIFY: WireGroup = {
	name: "identify",
	cases: [
		{
			name: "IDENTIFY DEVICE: sectors",
			frames: [ata(0xec, { count: 1 })],
			tell: (reply) => `${word32(reply, 60)} and ${word32(reply, 100)} sectors`,
		},
		{
			name: "IDENTIFY DEVICE: LBA48 is said to be there",
			frames: [ata(0xec, { count: 1 })],
			tell: (reply) => String((word(reply, 83) & 0xc400) === 0x4400),
		},
		{
			name: "IDENTIFY DEVICE: integrity word",
			frames: [ata(0xec, { count: 1 })],
			tell: (reply) => (sumsToZero(reply) ? "valid" : "none"),
		},
		{
			name: "IDENTIFY DEVICE: world wide name",
			frames: [ata(0xec, { count: 1 })],
			tell: (reply) => (word(reply, 108) >>> 12 === 3 ? "locally assigned" : "none"),
		},
		{
			name: "IDENTIFY DEVICE: TRIM",
			frames: [ata(0xec, { count: 1 })],
			tell: (reply) => (word(reply, 169) & 1 ? "supported" : "none"),
		},
		{ name: "IDENTIFY DEVICE with count 0", frames: [ata(0xec, { count: 0 })] },
		{
			name: "IDENTIFY DEVICE, broadcast",
			frames: [ataFrame(header(everyone), { command: 0xec, count: 1 })],
			tell: (reply) => `${word32(reply, 60)} sectors`,
		},
		one("IDENTIFY PACKET DEVICE", ata(0xa1, { count: 1 })),
	],
};

const TRANSFER: WireGroup = {
	name: "reads and writes",
	cases: [
		one("WRITE SECTORS", ata(0x30, { aflags: 1, count: 1, lba: 3, data: sectors(1, 0xab) })),
		one("READ SECTORS", ata(0x20, { count: 1, lba: 3 })),
		one(
			"READ SECTORS with the device register as Linux sets it",
			ata(0x20, { aflags: 0x10, count: 2, lba: 0xe0000003 }),
		),
		one("READ SECTORS with E and the device register", ata(0x20, { ...E, count: 2, lba: 0xe0000003 })),
		one("READ SECTORS with E and all 48 bits", ata(0x20, { ...E, count: 1, lba: 0x0102f0000003 })),
		one(
			"WRITE SECTORS with E and the device register",
			ata(0x30, { aflags: 0x51, count: 1, lba: 0xe0000005, data: sectors(1, 0xaa) }),
		),
		one("WRITE SECTORS with E and the device register: where it went", ata(0x20, { count: 1, lba: 5 })),
		one(
			"READ SECTORS with E and the device register past the end",
			ata(0x20, { ...E, count: 1, lba: 0xe0000000 + END }),
		),
		one("READ SECTORS EXT without E", ata(0x24, { count: 1, lba: 0xe0000003 })),
		one("WRITE SECTORS EXT", write(0x34, 8, 0xcd, 2)),
		one("WRITE SECTORS EXT, asynchronous", ext(0x34, { aflags: 0x43, lba: 9, data: sectors(1, 0xce) })),
		one("READ SECTORS EXT", ext(0x24, { lba: 8, count: 2 })),
		one("READ SECTORS EXT of the last sector", ext(0x24, { lba: END - 1 })),
		one("READ SECTORS EXT past the end", ext(0x24, { lba: END })),
		one("READ SECTORS EXT across the end", ext(0x24, { lba: END - 1, count: 2 })),
		one("READ SECTORS EXT at the highest address", ext(0x24, { lba: 0xffffffffffff })),
		one("WRITE SECTORS EXT past the end", write(0x34, END, 1)),
		one("READ SECTORS EXT with count 0", ext(0x24, { count: 0 })),
		one("READ SECTORS EXT of more than a frame holds", ext(0x24, { count: 3 })),
		one(
			"WRITE SECTORS EXT with less data than its count",
			ext(0x34, { aflags: 0x41, count: 2, data: sectors(1, 1) }),
		),
		one("WRITE SECTORS EXT without the write flag", ext(0x34, { lba: 20, data: sectors(1, 0x77) })),
		one("READ SECTORS EXT with the write flag", ext(0x24, { aflags: 0x41, lba: 8, data: sectors(1, 0x66) })),
		one("READ DMA", ata(0xc8, { count: 1, lba: 8 })),
		one("READ DMA EXT", ext(0x25, { lba: 8 })),
		one("READ MULTIPLE", ata(0xc4, { count: 1, lba: 8 })),
		one("READ MULTIPLE EXT", ext(0x29, { lba: 8 })),
		one("WRITE DMA", ata(0xca, { aflags: 1, count: 1, lba: 30, data: sectors(1, 1) })),
		one("WRITE DMA EXT", write(0x35, 30, 2)),
		one("WRITE DMA FUA EXT", write(0x3d, 30, 3)),
		one("WRITE MULTIPLE", ata(0xc5, { aflags: 1, count: 1, lba: 30, data: sectors(1, 4) })),
		one("WRITE MULTIPLE EXT", write(0x39, 30, 5)),
		one("READ VERIFY SECTORS", ata(0x40, { count: 1 })),
		one("READ VERIFY SECTORS EXT", ext(0x42)),
		one("WRITE UNCORRECTABLE EXT", ext(0x45)),
		{
			name: "what follows an answer shorter than 60 bytes",
			frames: [write(0x34, 40, 0xee), ext(0x24, { lba: END })],
			tell: (reply) => (reply.length < 60 ? `ends after ${reply.length} bytes` : "zeros up to 60"),
		},
	],
};

const COMMANDS: WireGroup = {
	name: "other ATA commands",
	cases: [
		one("FLUSH CACHE", ata(0xe7)),
		one("FLUSH CACHE EXT", ata(0xea)),
		one("CHECK POWER MODE", ata(0xe5)),
		one("CHECK POWER MODE with count 1", ata(0xe5, { count: 1 })),
		one("IDLE", ata(0xe3)),
		one("IDLE IMMEDIATE", ata(0xe1)),
		one("STANDBY", ata(0xe2)),
		one("STANDBY IMMEDIATE", ata(0xe0)),
		one("SLEEP", ata(0xe6)),
		one("SET FEATURES: write cache on", ata(0xef, { feature: 0x02 })),
		one("SET FEATURES: subcommand 0", ata(0xef)),
		one("SET MULTIPLE MODE", ata(0xc6, { count: 1 })),
		one("SMART ENABLE OPERATIONS", ata(0xb0, { feature: 0xd8, lba: 0xc24f00 })),
		one("SMART RETURN STATUS", ata(0xb0, { feature: 0xda, lba: 0xc24f00 })),
		one("SMART READ DATA", ata(0xb0, { feature: 0xd0, count: 1, lba: 0xc24f00 })),
		one("SMART without its signature", ata(0xb0, { feature: 0xd8 })),
		one("READ LOG EXT: directory", ext(0x2f)),
		one("DATA SET MANAGEMENT: TRIM", ext(0x06, { aflags: 0x41, feature: 1, data: trimList(64, 8) })),
		one("READ NATIVE MAX ADDRESS", ata(0xf8)),
		one("SECURITY UNLOCK", ata(0xf2)),
		one("NOP", ata(0x00)),
		one("an ATA command that does not exist", ata(0xff)),
	],
};

const MASK: WireGroup = {
	name: "MAC mask list",
	cases: [
		one("mask read, empty", maskFrame(header(), 0)),
		one(
			"mask edit: add",
			maskFrame(header(), 1, [
				[1, CLIENT_MAC],
				[1, OTHER],
			]),
		),
		one("mask read", maskFrame(header(), 0)),
		one("config read by one who is not in the mask", configFrame(header({ src: STRANGER }), 0)),
		one(
			"mask edit with a bad directive",
			maskFrame(header(), 1, [
				[1, STRANGER],
				[9, OTHER],
			]),
		),
		{ name: "mask edit with a bad directive: what it leaves", frames: [maskFrame(header(), 0)] },
		one("mask command 5", maskFrame(header(), 5)),
		one("mask edit: delete", maskFrame(header(), 1, [[2, OTHER]])),
		one("mask edit with a count past the frame", maskFrame(header(), 1, [], 3)),
	],
};

const MASK_DELETE: WireGroup = {
	name: "MAC mask list: delete",
	cases: [
		one(
			"mask edit: delete the first of two",
			maskFrame(header(), 1, [
				[1, OTHER],
				[1, CLIENT_MAC],
			]),
			maskFrame(header(), 1, [[2, OTHER]]),
		),
	],
};

const RESERVE: WireGroup = {
	name: "reserve and release",
	cases: [
		one("reserve read, nobody", reserveFrame(header(), 0)),
		one("reserve set", reserveFrame(header(), 1, [CLIENT_MAC])),
		one("reserve read", reserveFrame(header(), 0)),
		one("READ by the holder", ext(0x24)),
		one(
			"READ by another while reserved",
			ataFrame(header({ src: STRANGER }), { command: 0x24, aflags: 0x40, count: 1 }),
		),
		one("reserve set by another", reserveFrame(header({ src: STRANGER }), 1, [STRANGER])),
		one("reserve command 9", reserveFrame(header(), 9)),
		one("reserve set with a count past the frame", reserveFrame(header(), 1, [], 5)),
		one("release", reserveFrame(header(), 1)),
		one(
			"reserve force set by another",
			reserveFrame(header(), 1, [CLIENT_MAC]),
			reserveFrame(header({ src: STRANGER }), 2, []),
		),
	],
};

const HEADERS: WireGroup = {
	name: "headers",
	cases: [
		one("AoE command 4", aoeFrame(header(), 4, Buffer.alloc(36))),
		one("vendor's AoE command 0xf0", aoeFrame(header(), 0xf0, Buffer.alloc(36))),
		one("AoE version 2", configFrame(header({ version: 2 }), 0)),
		one("a frame with the response flag", configFrame(header({ flags: 8, src: SERVER_MAC }), 0)),
		one("a frame for another MAC address", configFrame(header({ dst: "02:00:00:00:00:55" }), 0)),
		one("a frame of VLAN 5", tagged(configFrame(header(), 0), 5)),
		one("READ, broadcast", ataFrame(header(everyone), { command: 0x24, aflags: 0x40, count: 1 })),
		one("a frame of 20 bytes", config(0).subarray(0, 20)),
		one("an ATA frame of 30 bytes", ata(0xec, { count: 1 }).subarray(0, 30)),
		one("config read after all of the above", config(0)),
	],
};

export const WIRE_GROUPS: readonly WireGroup[] = [
	CONFIG,
	IDENTIFY,
	TRANSFER,
	COMMANDS,
	MASK,
	MASK_DELETE,
	RESERVE,
	HEADERS,
];

function word(reply: Buffer, number: number): number {
	return fieldsOf(reply).data.readUInt16LE(number * 2);
}

function word32(reply: Buffer, number: number): number {
	return fieldsOf(reply).data.readUInt32LE(number * 2);
}

/** The checksum of ACS-3 7.12.7.86: the signature A5h in place, and all 512 bytes together are 0 modulo 256. */
function sumsToZero(reply: Buffer): boolean {
	const data = fieldsOf(reply).data;
	return data[510] === 0xa5 && data.reduce((sum, byte) => (sum + byte) & 0xff, 0) === 0;
}
