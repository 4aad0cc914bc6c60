/**
 * IDENTIFY DEVICE: 256 words in which the disk says who it is and what it can do (ACS-3, 7.12). Built anew
 * each time it is asked for, because size, write cache and modes change. Every bit set here is one that some
 * command in this room keeps. Used by `disk.ts` and, as a log page, by `logs.ts`.
 */

import { SECTOR_BYTES } from "../wire/sector.js";
import { LBA28_MAX } from "./opcodes.js";
import { type DiskState, MULTIPLE_SECTORS_MAX } from "./state.js";
import { TRIM_BLOCKS_MAX } from "./trim.js";

/** Index of a word, or of the first word of a field; the names of ACS-3, table 45. */
const Word = {
	generalConfiguration: 0,
	logicalCylinders: 1,
	specificConfiguration: 2,
	logicalHeads: 3,
	logicalSectorsPerTrack: 6,
	serialNumber: 10,
	firmwareRevision: 23,
	modelNumber: 27,
	multipleMaximum: 47,
	trustedComputing: 48,
	capabilities: 49,
	capabilities2: 50,
	fieldValidity: 53,
	currentCylinders: 54,
	currentHeads: 55,
	currentSectorsPerTrack: 56,
	currentCapacity: 57,
	multipleCurrent: 59,
	capacity28: 60,
	multiwordDma: 63,
	pioModes: 64,
	cycleTimes: 65,
	additionalSupported: 69,
	majorVersion: 80,
	minorVersion: 81,
	commandsSupported: 82,
	commandsSupported2: 83,
	commandsSupported3: 84,
	commandsEnabled: 85,
	commandsEnabled2: 86,
	commandsEnabled3: 87,
	ultraDma: 88,
	capacity48: 100,
	trimBlocksMaximum: 105,
	sectorSize: 106,
	worldWideName: 108,
	commandsSupported4: 119,
	commandsEnabled4: 120,
	epochMagic: 129,
	epoch: 130,
	dataSetManagement: 169,
	alignment: 209,
	rotationRate: 217,
	integrity: 255,
} as const;

/**
 * In words that may be all zeros or all ones on old disks: bit 14 set and bit 15 clear say that the word is
 * valid.
 */
const VALID = 1 << 14;

/** Word 82 and 85: NOP, look-ahead, write cache, power management, SMART. */
const NOP = 1 << 14;
const LOOK_AHEAD = 1 << 6;
const WRITE_CACHE = 1 << 5;
const POWER_MANAGEMENT = 1 << 3;
const SMART = 1 << 0;
/** Word 83 and 86: FLUSH CACHE EXT, FLUSH CACHE, 48-bit addresses. */
const COMMANDS_2 = (1 << 13) | (1 << 12) | (1 << 10);
/** Word 86: words 119 and 120 are valid. */
const WORDS_119_120_VALID = 1 << 15;
/**
 * Word 84 and 87: world wide name, WRITE ... FUA EXT, general purpose logging. No SMART error log, no
 * self-test.
 */
const COMMANDS_3 = (1 << 8) | (1 << 6) | (1 << 5);

/** "vb": the words behind it say which of the hosts that have had the disk, one at a time, this is. Our own initiator looks for that (`lib/client/far-heirs.ts`). */
const EPOCH_MAGIC = 0x7662;

/** The 512 bytes that describe `disk` at this moment. */
export function identifyDevice(disk: DiskState): Uint8Array {
	const bytes = new Uint8Array(SECTOR_BYTES);
	const words = new Words(bytes);
	writeIdentity(words, disk);
	writeCapacity(words, disk);
	writeTransferModes(words, disk);
	writeCommandSets(words, disk);
	words.set(Word.integrity, 0xa5);
	// All 512 bytes add up to 0 (modulo 256).
	bytes[511] = -bytes.reduce((sum, byte) => sum + byte, 0);
	return bytes;
}

function writeIdentity(words: Words, disk: DiskState): void {
	const { serial, firmware, model, wwn } = disk.identity;
	// Fixed disk (obsolete bit 6, still looked at).
	words.set(Word.generalConfiguration, 1 << 6);
	// Nothing has to be done for the disk to spin up, and this data is complete.
	words.set(Word.specificConfiguration, 0xc837);
	words.setText(Word.serialNumber, 10, serial);
	words.setText(Word.firmwareRevision, 4, firmware);
	words.setText(Word.modelNumber, 20, model);
	words.set(Word.trustedComputing, VALID);
	// ATA8-ACS, ACS-2 and ACS-3; the last as published, INCITS 522-2014.
	words.set(Word.majorVersion, (1 << 8) | (1 << 9) | (1 << 10));
	words.set(Word.minorVersion, 0x010a);
	// (Words 129 to 159 are the vendor's.)
	const { tenure } = disk.device;
	if (tenure !== undefined) {
		words.set(Word.epochMagic, EPOCH_MAGIC);
		words.setNumber(Word.epoch, 4, tenure.epoch);
	}
	for (let i = 0; i < 4; i++)
		words.set(Word.worldWideName + i, Number((wwn >> BigInt(48 - 16 * i)) & 0xffffn));
}

function writeCapacity(words: Words, disk: DiskState): void {
	const { info } = disk.device;
	const sectors = disk.capacitySectors;
	const perTrack = Math.max(1, Math.min(63, sectors));
	const heads = Math.max(1, Math.min(16, Math.floor(sectors / perTrack)));
	const cylinders = Math.min(16383, Math.floor(sectors / (perTrack * heads)));
	words.set(Word.logicalCylinders, cylinders);
	words.set(Word.logicalHeads, heads);
	words.set(Word.logicalSectorsPerTrack, perTrack);
	words.set(Word.currentCylinders, cylinders);
	words.set(Word.currentHeads, heads);
	words.set(Word.currentSectorsPerTrack, perTrack);
	words.setNumber(Word.currentCapacity, 2, cylinders * heads * perTrack);
	words.setNumber(Word.capacity28, 2, Math.min(sectors, LBA28_MAX));
	words.setNumber(Word.capacity48, 4, sectors);
	const perPhysicalLog2 = Math.log2(info.physicalBlockBytes / SECTOR_BYTES);
	// Bit 13: a physical sector holds several logical ones. The first of them is aligned (word 209, bits 13:0
	// clear).
	words.set(Word.sectorSize, VALID | (perPhysicalLog2 > 0 ? 1 << 13 : 0) | perPhysicalLog2);
	words.set(Word.alignment, VALID);
	words.set(Word.rotationRate, info.nonRotational ? 1 : 0);
}

/**
 * There is no bus between an AoE disk and its host. Tools and drivers expect modes all the same, so it offers
 * all of them.
 */
function writeTransferModes(words: Words, disk: DiskState): void {
	const selected = 1 << (8 + (disk.transferMode & 0x07));
	const isUltra = disk.transferMode >>> 3 === 8;
	words.set(Word.multipleMaximum, 0x8000 | MULTIPLE_SECTORS_MAX);
	// Bit 8: the current setting is valid.
	words.set(Word.multipleCurrent, disk.multipleSectors === 0 ? 0 : (1 << 8) | disk.multipleSectors);
	// IORDY supported and may be disabled, LBA, DMA. Bit 13 clear: standby timer values are ours to
	// interpret.
	words.set(Word.capabilities, (1 << 11) | (1 << 10) | (1 << 9) | (1 << 8));
	words.set(Word.capabilities2, VALID);
	// Words 88, 64 to 70 and 54 to 58 are valid.
	words.set(Word.fieldValidity, 0x07);
	words.set(Word.multiwordDma, 0x07 | (isUltra ? 0 : selected));
	// PIO modes 3 and 4; minimum and recommended cycles of both kinds, in nanoseconds.
	words.set(Word.pioModes, 0x03);
	for (let i = 0; i < 4; i++) words.set(Word.cycleTimes + i, 120);
	words.set(Word.ultraDma, 0x7f | (isUltra ? selected : 0));
}

function writeCommandSets(words: Words, disk: DiskState): void {
	const { info } = disk.device;
	const always = NOP | POWER_MANAGEMENT;
	const lookAhead = disk.readLookAhead ? LOOK_AHEAD : 0;
	const writeCache = info.writeCache ? WRITE_CACHE : 0;
	words.set(Word.commandsSupported, always | LOOK_AHEAD | WRITE_CACHE | SMART);
	words.set(Word.commandsEnabled, always | lookAhead | writeCache | (disk.smartEnabled ? SMART : 0));
	words.set(Word.commandsSupported2, VALID | COMMANDS_2);
	words.set(Word.commandsEnabled2, WORDS_119_120_VALID | COMMANDS_2);
	words.set(Word.commandsSupported3, VALID | COMMANDS_3);
	words.set(Word.commandsEnabled3, VALID | COMMANDS_3);
	words.set(Word.commandsSupported4, VALID);
	words.set(Word.commandsEnabled4, VALID);
	if (!info.canTrim || info.readOnly) return;
	words.set(Word.dataSetManagement, 1);
	words.set(Word.trimBlocksMaximum, TRIM_BLOCKS_MAX);
	// Trimmed sectors read the same every time (bit 14), and what they read is zeros (bit 5).
	words.set(Word.additionalSupported, (1 << 14) | (1 << 5));
}

/** 16-bit words, each least significant byte first, and the fields that ATA makes of several. */
class Words {
	readonly #view: DataView;

	constructor(bytes: Uint8Array) {
		this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	}

	set(word: number, value: number): void {
		this.#view.setUint16(word * 2, value, true);
	}

	/** An unsigned number over `wordCount` words, least significant first. */
	setNumber(word: number, wordCount: number, value: number): void {
		let rest = value;
		for (let i = 0; i < wordCount; i++) {
			this.set(word + i, rest % 0x10000);
			rest = Math.floor(rest / 0x10000);
		}
	}

	/** Printable ASCII, two characters a word, the first in the high byte; padded with spaces. */
	setText(word: number, wordCount: number, text: string): void {
		const padded = text
			.replace(/[^\x20-\x7e]/g, "?")
			.slice(0, wordCount * 2)
			.padEnd(wordCount * 2);
		for (let i = 0; i < wordCount; i++)
			this.set(word + i, (padded.charCodeAt(i * 2) << 8) | padded.charCodeAt(i * 2 + 1));
	}
}
