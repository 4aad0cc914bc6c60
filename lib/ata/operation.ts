/**
 * What the operations in the table of `disk.ts` have in common. Each carries out one kind of ATA command: it answers at once
 * (see `reply.ts`), or submits the command's block request and is called back. Here is what several of them need: counts,
 * address checks, submitting.
 */

import type { BlockOp } from "../block/request.js";
import { invariant } from "../errors.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import type { AtaCommand, Operation } from "./command.js";
import { LBA28_MAX, LBA48_MAX } from "./opcodes.js";
import { notFound } from "./reply.js";
import type { DiskState } from "./state.js";

/** An operation that never asks the storage. */
export class Immediate implements Operation {
	readonly start: (disk: DiskState, command: AtaCommand) => void;

	constructor(start: (disk: DiskState, command: AtaCommand) => void) {
		this.start = start;
	}

	finished(): void {
		invariant(false, "a command without a block request was called back");
	}
}

/**
 * How a command's registers are to be read. The command code decides, not the AoE flag E: that flag only says
 * how many bits of LBA the frame carries. So an EXT command without E is carried out on the 28 bits that
 * came, and a 28-bit command with E on the lowest 28: what is above them is the device register, and more.
 */
export interface Form {
	/** Sectors that a count of 0 means. */
	readonly countZeroMeans: number;
	readonly lbaMax: number;
}

export const LBA28: Form = { countZeroMeans: 256, lbaMax: LBA28_MAX };
export const LBA48: Form = { countZeroMeans: 65536, lbaMax: LBA48_MAX };

/** Sectors that the count register asks for: 1..255, or what 0 means. */
export function sectorsAsked(command: AtaCommand, form: Form): number {
	return command.count === 0 ? form.countZeroMeans : command.count;
}

/**
 * True if `sectors` from the command's LBA are on the disk; if not, the command has been answered with IDNF.
 */
export function isOnDisk(disk: DiskState, command: AtaCommand, form: Form, sectors: number): boolean {
	if (command.lba > form.lbaMax) narrow(command, form);
	const { lba } = command;
	const capacity = disk.capacitySectors;
	if (lba + sectors <= capacity) return true;
	notFound(disk, command, Math.max(lba, capacity));
	return false;
}

/** From here on the command has no more bits of LBA than its form, and its answer keeps the others as they came. */
function narrow(command: AtaCommand, form: Form): void {
	command.lba %= form.lbaMax + 1;
	command.replyLba = command.lba;
	command.extended = false;
}

/**
 * Hands the command's request to the storage, on `lengthBytes` from its `offsetBytes`. That is set already, and where its
 * memory is; as an argument an offset of more than 31 bits might be put on the heap.
 */
export function submit(disk: DiskState, command: AtaCommand, op: BlockOp, lengthBytes: number): void {
	disk.standby = false;
	const { request } = command;
	request.op = op;
	request.lengthBytes = lengthBytes;
	disk.entry.submit(request.begin());
}

/** Whole sectors that the room for the answer's data holds. */
export function roomSectors(command: AtaCommand): number {
	return Math.floor(command.dataInCapacityBytes / SECTOR_BYTES);
}
