/**
 * Which blocks a CDB is about, and whether the unit has them: for all commands that name a block and a number of blocks. Used by the
 * operations that touch the medium.
 */

import { uint16, uint24, uint32, uint64 } from "./cdb.js";
import { TRANSFER_BYTES_MAX } from "./limits.js";
import { Asc, SenseKey } from "./protocol.js";
import { refuse } from "./reply.js";
import { invalidField, type Sense } from "./sense.js";
import type { ScsiTask } from "./task.js";
import type { LogicalUnit } from "./unit.js";

/** Where a CDB has them. */
export interface RangeForm {
	lba(cdb: Uint8Array): number;
	blocks(cdb: Uint8Array): number;
	/** The byte of the number of blocks, for whoever is told that it is too large. */
	readonly blocksAt: number;
	/** The byte of the flags: PROTECT in the upper three bits, DPO, FUA. 0: there are none. */
	readonly flagsAt: number;
}

export const FORM6: RangeForm = {
	lba: (cdb) => uint24(cdb, 1) & 0x1fffff,
	blocks: (cdb) => cdb[4]! || 256,
	blocksAt: 4,
	flagsAt: 0,
};
export const FORM10: RangeForm = {
	lba: (cdb) => uint32(cdb, 2),
	blocks: (cdb) => uint16(cdb, 7),
	blocksAt: 7,
	flagsAt: 1,
};
export const FORM12: RangeForm = {
	lba: (cdb) => uint32(cdb, 2),
	blocks: (cdb) => uint32(cdb, 6),
	blocksAt: 6,
	flagsAt: 1,
};
export const FORM16: RangeForm = {
	lba: (cdb) => uint64(cdb, 2),
	blocks: (cdb) => uint32(cdb, 10),
	blocksAt: 10,
	flagsAt: 1,
};

const PROTECT_MASK = 0xe0;
const PROTECT_BIT = 7;
const FUA_MASK = 0x08;

export function hasFua(form: RangeForm, cdb: Uint8Array): boolean {
	return form.flagsAt > 0 && (cdb[form.flagsAt]! & FUA_MASK) > 0;
}

export const WRITE_PROTECTED: Sense = { key: SenseKey.dataProtect, asc: Asc.writeProtected };

/** That the unit has no such block. */
export function outOfRange(lba: number): Sense {
	return { key: SenseKey.illegalRequest, asc: Asc.lbaOutOfRange, information: lba };
}

/**
 * False if the task can't be carried out, and has ended: there is no such range, it is longer than `bytesMax`, it is for data with protection
 * information (there is none: SBC-3, 4.22), or `changes` what may not be changed.
 */
export function isPossible(
	task: ScsiTask,
	unit: LogicalUnit,
	form: RangeForm,
	changes: boolean,
	bytesMax = TRANSFER_BYTES_MAX,
): boolean {
	const { cdb } = task;
	const { sizeBytes, logicalBlockBytes, readOnly } = unit.disk.device.info;
	const lba = form.lba(cdb);
	const blocks = form.blocks(cdb);
	const capacity = Math.floor(sizeBytes / logicalBlockBytes);
	let sense: Sense | null = null;
	if (form.flagsAt > 0 && (cdb[form.flagsAt]! & PROTECT_MASK) > 0)
		sense = invalidField(form.flagsAt, PROTECT_BIT);
	else if (lba + blocks > capacity) sense = outOfRange(Math.max(lba, capacity));
	else if (blocks * logicalBlockBytes > bytesMax) sense = invalidField(form.blocksAt);
	else if (changes && readOnly) sense = WRITE_PROTECTED;
	if (sense === null) return true;
	refuse(task, sense);
	return false;
}
