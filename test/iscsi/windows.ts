/**
 * What Windows (Server 2012 R2 and later) sends to a disk, and what has to be answered, as bytes: from SPC-4 and SBC-3, by what is documented of its
 * drivers (storport, disk, MPIO, volume optimization); not captured. The disk has 4 TiB, in blocks of 512 bytes, 4 KiB
 * physically, is thin in units of 64 KiB, and has a write cache. Played by `windows.test.ts`.
 */

import { ascii, number, type Vector, zeros } from "./by-hand.js";

/** What the identity of the disk "web" comes to: the first half of SHA-256 of its name, and of the second half 60 bits. */
const SERIAL = "4b5e57f6eb2f42b9039b";
export const WWN = "3f231749c510cbe3";
const NAME = "iqn.2026-11.org.example:web";

const BLOCKS = "ffffffff 00000200";
const RECOVERY = `01 0a ${zeros(10)}`;
const CACHING = `08 12 04 ${zeros(17)}`;
const CONTROL = "0a 0a 20 10 00 0000 00 ffff 0000";
const EXCEPTIONS = `1c 0a 08 ${zeros(9)}`;

/** Sense data in fixed form: a key, a code, and what is specific to the key. */
const sense = (key: string, code: string, specific = "000000"): string =>
	`70 00 ${key} 00000000 0a 00000000 ${code} 00 ${specific}`;
export const UNIT_ATTENTION = (code: string): Pick<Vector, "status" | "sense"> => ({
	status: 2,
	sense: sense("06", code),
});
/** A field of the CDB makes no sense: byte 2, from its bit 5 on. */
const NO_SUCH_PAGE = { status: 2, sense: sense("05", "2400", "cd 0002") };

export const TEST_UNIT_READY = { what: "TEST UNIT READY", cdb: "00 00 00 00 00 00" };

const STANDARD = `00 00 06 02 5b 18 00 02 ${ascii("vblade  virtual disk    1   ")} ${zeros(22)} 00a0 0960 0460 04c0 ${zeros(30)}`;

const DESIGNATORS = `01 03 00 08 ${WWN}
	02 01 00 1c ${ascii(`vblade  ${SERIAL}`)}
	51 94 00 04 00000001
	51 95 00 04 00000001
	53 98 00 28 ${ascii(`${NAME},t,0x0001`)} 00000000
	53 a8 00 1c ${ascii(NAME)} 00`;

/** As soon as somebody has logged in: storport looks what is there, disk and MPIO what it is called. */
export const FOUND: readonly Vector[] = [
	{
		what: "REPORT LUNS",
		cdb: "a0 00 00 000000 00001000 00 00",
		takes: 4096,
		gives: `00000008 00000000 ${zeros(8)}`,
	},
	{
		what: "INQUIRY, as short as it was once",
		cdb: "12 00 00 0024 00",
		takes: 36,
		gives: STANDARD.replaceAll(/\s/g, "").slice(0, 72),
	},
	{ what: "INQUIRY", cdb: "12 00 00 00ff 00", takes: 255, gives: STANDARD },
	{
		what: "which pages there are",
		cdb: "12 01 00 00ff 00",
		takes: 255,
		gives: "00 00 000a 00 80 83 86 87 88 8f b0 b1 b2",
	},
	{ what: "VPD 80", cdb: "12 01 80 00ff 00", takes: 255, gives: `00 80 0014 ${ascii(SERIAL)}` },
	{ what: "VPD 83", cdb: "12 01 83 00ff 00", takes: 255, gives: `00 83 0088 ${DESIGNATORS}` },
	{ ...TEST_UNIT_READY, what: "it was switched on", ...UNIT_ATTENTION("2900") },
	TEST_UNIT_READY,
];

/** What disk and classpnp want to know before it is used. */
export const STARTED: readonly Vector[] = [
	{ what: "READ CAPACITY (10)", cdb: `25 ${zeros(9)}`, takes: 8, gives: "ffffffff 00000200" },
	{
		what: "READ CAPACITY (16): thin, zeros where nothing is, 8 blocks are a physical one",
		cdb: `9e 10 ${zeros(8)} 00000020 00 00`,
		takes: 32,
		gives: `00000001ffffffff 00000200 00 03 c000 ${zeros(16)}`,
	},
	{
		what: "MODE SENSE (6), all pages",
		cdb: "1a 00 3f 00 c0 00",
		takes: 192,
		gives: `43 00 10 08 ${BLOCKS} ${RECOVERY} ${CACHING} ${CONTROL} ${EXCEPTIONS}`,
	},
	{
		what: "MODE SENSE (6), caching",
		cdb: "1a 00 08 00 c0 00",
		takes: 192,
		gives: `1f 00 10 08 ${BLOCKS} ${CACHING}`,
	},
	{
		what: "MODE SENSE (6), which of caching may be changed",
		cdb: "1a 08 48 00 c0 00",
		takes: 192,
		gives: `17 00 10 00 08 12 04 ${zeros(17)}`,
	},
	{
		what: "MODE SENSE (10), all pages",
		cdb: "5a 00 3f 00 000000 00c0 00",
		takes: 192,
		gives: `0046 00 10 00 00 0008 ${BLOCKS} ${RECOVERY} ${CACHING} ${CONTROL} ${EXCEPTIONS}`,
	},
	{
		what: "MODE SENSE (10), caching",
		cdb: "5a 08 08 00 000000 00c0 00",
		takes: 192,
		gives: `001a 00 10 00 00 0000 ${CACHING}`,
	},
	{
		what: "MODE SENSE (6), exceptions",
		cdb: "1a 08 1c 00 c0 00",
		takes: 192,
		gives: `0f 00 10 00 ${EXCEPTIONS}`,
	},
	{
		what: "VPD 86",
		cdb: "12 01 86 00ff 00",
		takes: 255,
		gives: `00 86 003c 00 07 01 01 ${zeros(56)}`,
	},
	{
		what: "VPD B0: how much at once, and where a unit begins that can be freed",
		cdb: "12 01 b0 00ff 00",
		takes: 255,
		gives: `00 b0 003c 00 80 0008 00010000 00000080 00000000 ffffffff 00000800 00000080 80000000 0000000000200000 ${zeros(20)}`,
	},
	{
		what: "VPD B1: nothing turns",
		cdb: "12 01 b1 00ff 00",
		takes: 255,
		gives: `00 b1 003c 0001 00 40 ${zeros(56)}`,
	},
	{ what: "VPD B2: thin", cdb: "12 01 b2 00ff 00", takes: 255, gives: "00 b2 0004 00 e4 02 00" },
	{
		what: "VPD 8F: copies, and none by tokens",
		cdb: "12 01 8f 1000 00",
		takes: 4096,
		gives: `00 8f 0060 0001 0008 07 83 01 00 84 02 00 03
			0004 001c 00000000 0010 0040 00000900 ${zeros(16)}
			0008 0004 02 02 e4 00
			000c 0004 0000 0000
			8001 0020 00000010 00000010 00000000 09 ${zeros(19)}`,
	},
	{
		what: "whether there is UNMAP",
		cdb: "a3 0c 01 42 0000 00000200 00 00",
		takes: 512,
		gives: "00 03 000a 42 00 00000000 00 ffff 07",
	},
	{
		what: "whether there is GET LBA STATUS",
		cdb: "a3 0c 02 9e 0012 00000200 00 00",
		takes: 512,
		gives: "00 03 0010 9e 12 ffffffffffffffff ffffffff 00 07",
	},
	{
		what: "whether there are copies by tokens",
		cdb: "a3 0c 02 83 0010 00000200 00 00",
		takes: 512,
		gives: "00 01 0000",
	},
	{
		what: "which functions of task management there are",
		cdb: "a3 0d 00 000000 00000010 00 00",
		takes: 16,
		gives: "de 03 00 00",
	},
	{
		what: "LOG SENSE: which pages there are",
		cdb: "4d 00 40 00 00 0000 0200 00",
		takes: 512,
		gives: "00 00 0001 00",
	},
	{ what: "LOG SENSE: temperature", cdb: "4d 00 4d 00 00 0000 0200 00", takes: 512, ...NO_SUCH_PAGE },
	{ what: "START STOP UNIT", cdb: "1b 00 00 00 01 00" },
	{ what: "the partition table", cdb: "28 00 00000000 00 0001 00", takes: 512, gives: zeros(512) },
	{
		what: "and that at the end",
		cdb: "88 00 00000001ffffffff 00000001 00 00",
		takes: 512,
		gives: zeros(512),
	},
	{ what: "SYNCHRONIZE CACHE", cdb: `35 ${zeros(9)}` },
];

/** GET LBA STATUS, with space for one range alone: from where, how many blocks, whether they are mapped; and how many ranges are known from there on. */
const status = (lba: number, blocks: number, isMapped: boolean, ranges: number): Vector => ({
	what: `GET LBA STATUS from ${lba} on`,
	cdb: `9e 12 ${number(lba, 8)} 00000018 00 00`,
	takes: 24,
	gives: `${number(4 + 16 * ranges)} 00000000 ${number(lba, 8)} ${number(blocks)} ${isMapped ? "00" : "01"} 000000`,
});

/** What is written is there; what a file system has freed is told by "Optimize", in whole units. */
export const OPTIMIZED: readonly Vector[] = [
	{
		what: "WRITE (10) of 64 KiB",
		cdb: "2a 00 00000000 00 0080 00",
		sends: "a5".repeat(65_536),
	},
	{
		what: "WRITE (16) of 128 KiB, half of it with the command",
		cdb: "8a 00 0000000000000800 00000100 00 00",
		sends: "5a".repeat(131_072),
	},
	{ what: "WRITE (10), to stable storage", cdb: "2a 08 00002000 00 0008 00", sends: "3c".repeat(4096) },
	{
		what: "READ (10)",
		cdb: "28 00 000008f8 00 0010 00",
		takes: 8192,
		gives: "5a".repeat(4096) + zeros(4096),
	},
	status(0, 128, true, 6),
	status(128, 1920, false, 5),
	status(2048, 256, true, 4),
	status(2050, 254, true, 4),
	{
		what: "UNMAP of two ranges",
		cdb: "42 00 00000000 00 0028 00",
		sends: "0026 0020 00000000 0000000000000000 00000080 00000000 0000000000000880 00000080 00000000",
	},
	{ what: "UNMAP of none", cdb: "42 00 00000000 00 0008 00", sends: "0006 0000 00000000" },
	{ what: "SYNCHRONIZE CACHE (16)", cdb: `91 ${zeros(15)}` },
	status(0, 2048, false, 5),
	status(2048, 128, true, 4),
	{ what: "what is freed reads as zeros", cdb: "28 00 00000000 00 0008 00", takes: 4096, gives: zeros(4096) },
	{
		what: "what is not freed is there",
		cdb: "28 00 00000878 00 0010 00",
		takes: 8192,
		gives: "5a".repeat(4096) + zeros(4096),
	},
];
