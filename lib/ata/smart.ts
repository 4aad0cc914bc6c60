/**
 * SMART (ACS-3, 7.48): the disk's health. What it reports is what this process has seen of its storage: a
 * read, write or sync that failed makes the disk "failing" until the operator has looked and started it anew.
 * It keeps no error log and has no self-tests, and IDENTIFY says so. Listed in `disk.ts`.
 */

import { SECTOR_BYTES } from "../wire/sector.js";
import type { AtaCommand } from "./command.js";
import { readLog } from "./logs.js";

import { abort, succeedWithData } from "./reply.js";
import type { DiskState } from "./state.js";

/** The subcommands we know, by the feature register. */
const Smart = {
	readData: 0xd0,
	readThresholds: 0xd1,
	attributeAutosave: 0xd2,
	executeOfflineImmediate: 0xd4,
	readLog: 0xd5,
	enableOperations: 0xd8,
	disableOperations: 0xd9,
	returnStatus: 0xda,
} as const;

/** LBA bits 23:8 of every SMART command: 4Fh in LBA mid, C2h in LBA high. */
const SIGNATURE = 0xc24f;
/** LBA bits 23:8 of the answer to RETURN STATUS if a threshold has been exceeded; the signature if not. */
const THRESHOLD_EXCEEDED = 0x2cf4;

/** SMART ENABLE/DISABLE ATTRIBUTE AUTOSAVE: what the count register may be. Nothing is saved either way. */
const AUTOSAVE_COUNTS: ReadonlySet<number> = new Set([0x00, 0xf1]);

/** Version of the attribute and threshold tables, as most disks have it. */
const TABLE_VERSION = 0x0010;
const ATTRIBUTE_BYTES = 12;
/** Flags of an attribute: collected all the time; below its threshold the disk is failing. */
const ONLINE = 0x02;
const PRE_FAILURE = 0x01;

interface Attribute {
	readonly id: number;
	readonly flags: number;
	readonly threshold: number;
	/** The normalised value: 100 is as good as new. */
	readonly value: (disk: DiskState) => number;
	readonly raw: (disk: DiskState) => number;
}

/** The numbers are the ones that disks and tools have agreed on; all count from the start of this process. */
const ATTRIBUTES: readonly Attribute[] = [
	{
		// Reported uncorrectable errors.
		id: 187,
		flags: PRE_FAILURE | ONLINE,
		threshold: 50,
		value: ({ disk }) => (disk.faults === 0 ? 100 : 1),
		raw: ({ disk }) => disk.faults,
	},
	{
		// Sectors written.
		id: 241,
		flags: ONLINE,
		threshold: 0,
		value: () => 100,
		raw: (disk) => disk.stats.writtenBytes / SECTOR_BYTES,
	},
	{
		// Sectors read.
		id: 242,
		flags: ONLINE,
		threshold: 0,
		value: () => 100,
		raw: (disk) => disk.stats.readBytes / SECTOR_BYTES,
	},
];

export function smart(disk: DiskState, command: AtaCommand): void {
	const signed = Math.floor(command.lba / 0x100) % 0x10000 === SIGNATURE;
	if (!signed || (!disk.smartEnabled && command.feature !== Smart.enableOperations)) {
		abort(disk, command);
		return;
	}
	switch (command.feature) {
		case Smart.readData:
			succeedWithData(disk, command, smartData(disk));
			return;
		case Smart.readThresholds:
			succeedWithData(disk, command, smartThresholds());
			return;
		case Smart.readLog:
			readLog(disk, command, command.lba % 0x100, 0);
			return;
		case Smart.enableOperations:
		case Smart.disableOperations:
			disk.smartEnabled = command.feature === Smart.enableOperations;
			command.answer();
			return;
		case Smart.attributeAutosave:
			if (!AUTOSAVE_COUNTS.has(command.count)) break;
			command.answer();
			return;
		case Smart.executeOfflineImmediate:
			// LBA low says what: 0 collects attributes, which we do all the time; the rest are self-tests.
			if (command.lba % 0x100 !== 0) break;
			disk.offlineCollected = true;
			command.answer();
			return;
		case Smart.returnStatus:
			if (disk.disk.faults > 0) command.replyLba = THRESHOLD_EXCEEDED * 0x100 + (command.lba % 0x100);
			command.answer();
			return;
	}
	abort(disk, command);
}

/** SMART READ DATA: the attributes and what the disk can do. */
function smartData(disk: DiskState): Uint8Array {
	const bytes = new Uint8Array(SECTOR_BYTES);
	const view = new DataView(bytes.buffer);
	view.setUint16(0, TABLE_VERSION, true);
	ATTRIBUTES.forEach((attribute, i) => {
		const at = 2 + i * ATTRIBUTE_BYTES;
		const value = attribute.value(disk);
		const raw = attribute.raw(disk);
		view.setUint8(at, attribute.id);
		view.setUint16(at + 1, attribute.flags, true);
		view.setUint8(at + 3, value);
		// The worst value so far: they never recover.
		view.setUint8(at + 4, value);
		view.setUint32(at + 5, raw, true);
		view.setUint16(at + 9, Math.floor(raw / 2 ** 32), true);
	});
	// Off-line data collection: never started, or completed. No self-test has ever been run (363).
	view.setUint8(362, disk.offlineCollected ? 0x02 : 0x00);
	// EXECUTE OFF-LINE IMMEDIATE is known, self-tests are not.
	view.setUint8(367, 0x01);
	// ATTRIBUTE AUTOSAVE is known; nothing survives a power cycle. No error log (370).
	view.setUint16(368, 0x0002, true);
	return withChecksum(bytes);
}

/** SMART READ ATTRIBUTE THRESHOLDS: obsolete since ATA-5, and asked for by every tool. */
function smartThresholds(): Uint8Array {
	const bytes = new Uint8Array(SECTOR_BYTES);
	new DataView(bytes.buffer).setUint16(0, TABLE_VERSION, true);
	ATTRIBUTES.forEach(({ id, threshold }, i) => {
		bytes.set([id, threshold], 2 + i * ATTRIBUTE_BYTES);
	});
	return withChecksum(bytes);
}

/** Sets the last byte so that all 512 add up to 0 (modulo 256). */
function withChecksum(bytes: Uint8Array): Uint8Array {
	bytes[SECTOR_BYTES - 1] = -bytes.reduce((sum, byte) => sum + byte, 0);
	return bytes;
}
