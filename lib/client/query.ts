/**
 * What an initiator can ask of a target, as frames: each query knows how to write its arguments and how to read the answer
 * to them. Made by `remote-disk.ts` and `initiator.ts`, sent and repeated by `Initiator.ask`. Sections 3.1 and 3.2 of the
 * AoE specification.
 */

import {
	ATA_HEADER_BYTES,
	AtaFlag,
	ataCommand,
	ataCount,
	ataError,
	ataFeature,
	ataFlags,
	ataLba,
	ataLba3,
	ataReserved,
	ataStatus,
} from "../aoe/ata-section.js";
import {
	CONFIG_HEADER_BYTES,
	ConfigCommand,
	configBufferCount,
	configFirmware,
	configLength,
	configSectors,
	configVersionCommand,
} from "../aoe/config.js";
import { AoeCommand, aoeShelf, aoeSlot } from "../aoe/header.js";
import { Status } from "../ata/status.js";
import { ethSource } from "../wire/ethernet.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { BadAnswerError, DiskError } from "./errors.js";

/** A request, but for the header of its frame. `T` is what the answer means. */
export interface Query<T> {
	readonly command: AoeCommand;
	/** For error messages: `read of LBA 8`. */
	readonly what: string;
	/** Bytes of the frame, header included. */
	readonly frameBytes: number;
	/** True if carrying it out late, a second time, could undo what came after it. Default false. */
	readonly changes?: boolean;
	/** Writes what follows the AoE header of the frame at `bytes[at]`. May be called again for a retransmission. */
	encode(bytes: Uint8Array, at: number): void;
	/** Reads an answer without the E flag; its bytes hold for this call only. Throws an InitiatorError. */
	decode(bytes: Uint8Array, at: number, frameBytes: number, peer: number): T;
}

/** A blade, what is said of it, and by whom. */
export interface FoundBlade {
	readonly shelf: number;
	readonly slot: number;
	/** Of the target that answers for it. */
	readonly mac: number;
	/** The link's number for that target. */
	readonly peer: number;
	/** Frames that may be outstanding. */
	readonly bufferCount: number;
	readonly firmwareVersion: number;
	/** Most sectors in a frame; 0 leaves it to the MTU. */
	readonly sectorsPerFrame: number;
	readonly configString: Uint8Array;
}

/** Asks who is there, and what it is like. */
export const configQuery: Query<FoundBlade> = {
	command: AoeCommand.config,
	what: "config query",
	frameBytes: CONFIG_HEADER_BYTES,
	encode(bytes, at) {
		configBufferCount.set(bytes, at, 0);
		configFirmware.set(bytes, at, 0);
		configSectors.set(bytes, at, 0);
		configVersionCommand.set(bytes, at, ConfigCommand.read);
		configLength.set(bytes, at, 0);
	},
	decode(bytes, at, frameBytes, peer) {
		const length = configLength.get(bytes, at);
		if (frameBytes < CONFIG_HEADER_BYTES + length)
			throw new BadAnswerError(`config query: a string of ${length} bytes does not fit the answer`);
		const string = at + CONFIG_HEADER_BYTES;
		return {
			shelf: aoeShelf.get(bytes, at),
			slot: aoeSlot.get(bytes, at),
			mac: ethSource.get(bytes, at),
			peer,
			bufferCount: configBufferCount.get(bytes, at),
			firmwareVersion: configFirmware.get(bytes, at),
			sectorsPerFrame: configSectors.get(bytes, at),
			configString: bytes.slice(string, string + length),
		};
	},
};

/** Registers of an ATA command. */
export interface TaskFile {
	readonly command: number;
	readonly feature?: number;
	/** 0..255 */
	readonly count?: number;
	/** 28 bits, or 48 if `extended`. */
	readonly lba?: number;
	/** The command is one with 48-bit registers. */
	readonly extended?: boolean;
	/** Goes with the command: whole sectors. */
	readonly dataOut?: Uint8Array;
	/** Where the data of the answer goes: whole sectors, and exactly so many must come. */
	readonly dataIn?: Uint8Array;
	/** For error messages. */
	readonly what?: string;
}

/** Registers that a disk answered with. */
export interface AtaAnswer {
	readonly status: number;
	readonly error: number;
	readonly count: number;
	readonly lba: number;
}

/** What the high nibble of LBA byte 3 is without the E flag: LBA mode, device 0, as Linux's driver has it. */
const LBA_MODE = 0xe0;
/** What a status register must not have set after success: BSY, DF, DRQ and ERR. */
const STATUS_BAD = 0x80 | Status.df | 0x08 | Status.err;

/** Asks the disk to carry out an ATA command. The data's bytes are the caller's until the answer has come. */
export function ataQuery(file: TaskFile): Query<AtaAnswer> {
	const { command, feature = 0, count = 0, lba = 0, extended = false, dataOut, dataIn } = file;
	const what = file.what ?? `ATA command 0x${command.toString(16).padStart(2, "0")}`;
	return {
		command: AoeCommand.ata,
		what,
		frameBytes: ATA_HEADER_BYTES + (dataOut?.length ?? 0),
		changes: dataOut !== undefined,
		encode(bytes, at) {
			ataFlags.set(bytes, at, (extended ? AtaFlag.extended : 0) | (dataOut ? AtaFlag.write : 0));
			ataFeature.set(bytes, at, feature);
			ataCount.set(bytes, at, count);
			ataCommand.set(bytes, at, command);
			ataLba.set(bytes, at, lba);
			if (!extended) ataLba3.set(bytes, at, ataLba3.get(bytes, at) | LBA_MODE);
			ataReserved.set(bytes, at, 0);
			if (dataOut) bytes.set(dataOut, at + ATA_HEADER_BYTES);
		},
		decode(bytes, at, frameBytes) {
			if (frameBytes < ATA_HEADER_BYTES) throw new BadAnswerError(`${what}: the answer has no registers`);
			const answer = decodeRegisters(bytes, at, extended);
			if ((answer.status & STATUS_BAD) !== 0)
				throw new DiskError(what, answer.status, answer.error, answer.lba);
			if (dataIn) copyData(bytes, at, frameBytes, dataIn, what);
			return answer;
		},
	};
}

function decodeRegisters(bytes: Uint8Array, at: number, extended: boolean): AtaAnswer {
	const lba = ataLba.get(bytes, at);
	return {
		status: ataStatus.get(bytes, at),
		error: ataError.get(bytes, at),
		count: ataCount.get(bytes, at),
		lba: extended ? lba : lba & 0x0fffffff,
	};
}

function copyData(bytes: Uint8Array, at: number, frameBytes: number, to: Uint8Array, what: string): void {
	const data = at + ATA_HEADER_BYTES;
	const count = Math.floor((frameBytes - ATA_HEADER_BYTES) / SECTOR_BYTES) * SECTOR_BYTES;
	if (count < to.length)
		throw new BadAnswerError(`${what}: ${count} bytes of data came instead of ${to.length}`);
	to.set(bytes.subarray(data, data + to.length));
}
