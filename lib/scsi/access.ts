/**
 * What commands do to a unit, as far as reservations are concerned: which of them a reservation lets pass, whoever sends them (SPC-4, table 66, and
 * SBC-3, table 13). Asked by `conflicts.ts`.
 */

import { MaintenanceIn, Opcode, ServiceIn } from "./opcodes.js";

export const Access = {
	/** May be carried out in spite of any reservation. */
	harmless: 0,
	/** Reads, or tells what only those need to know who may: kept from others by exclusive access. */
	reads: 1,
	/** Changes something. */
	changes: 2,
	/** Reserves by the commands of SPC-2, or of SPC-3 and later: both have rules of their own. */
	reserves: 3,
	reservesPersistently: 4,
} as const;
export type Access = (typeof Access)[keyof typeof Access];

const HARMLESS: readonly number[] = [
	Opcode.testUnitReady,
	Opcode.requestSense,
	Opcode.inquiry,
	Opcode.readCapacity10,
	Opcode.logSense,
	Opcode.reportLuns,
];
const READING: readonly number[] = [
	Opcode.read6,
	Opcode.read10,
	Opcode.read12,
	Opcode.read16,
	Opcode.verify10,
	Opcode.verify12,
	Opcode.verify16,
	Opcode.preFetch10,
	Opcode.preFetch16,
	Opcode.readDefectData10,
	Opcode.readDefectData12,
	Opcode.modeSense6,
	Opcode.modeSense10,
	Opcode.receiveCopyResults,
];

/** Carried out whether there is a medium or not, and whether it may be changed or not. */
const ABOUT_UNIT: readonly number[] = [
	Opcode.requestSense,
	Opcode.inquiry,
	Opcode.modeSelect6,
	Opcode.modeSelect10,
	Opcode.modeSense6,
	Opcode.modeSense10,
	Opcode.reserve6,
	Opcode.reserve10,
	Opcode.release6,
	Opcode.release10,
	Opcode.startStopUnit,
	Opcode.preventAllowMediumRemoval,
	Opcode.logSense,
	Opcode.persistentReserveIn,
	Opcode.persistentReserveOut,
	Opcode.receiveCopyResults,
	Opcode.reportLuns,
	Opcode.maintenanceIn,
	Opcode.maintenanceOut,
];

/** By operation code; what is not known changes something. */
const ACCESS = new Uint8Array(256).fill(Access.changes);
for (const opcode of HARMLESS) ACCESS[opcode] = Access.harmless;
for (const opcode of READING) ACCESS[opcode] = Access.reads;
for (const opcode of [Opcode.reserve6, Opcode.reserve10, Opcode.release6, Opcode.release10])
	ACCESS[opcode] = Access.reserves;
ACCESS[Opcode.persistentReserveIn] = Access.reservesPersistently;
ACCESS[Opcode.persistentReserveOut] = Access.reservesPersistently;

const HARMLESS_MAINTENANCE: readonly number[] = [
	MaintenanceIn.reportTargetPortGroups,
	MaintenanceIn.reportIdentifyingInformation,
];

export function accessOf(cdb: Uint8Array): Access {
	const opcode = cdb[0]!;
	switch (opcode) {
		case Opcode.maintenanceIn:
			return HARMLESS_MAINTENANCE.includes(cdb[1]! & 0x1f) ? Access.harmless : Access.reads;
		case Opcode.serviceActionIn16:
			return (cdb[1]! & 0x1f) === ServiceIn.readCapacity16 ? Access.harmless : Access.reads;
		case Opcode.preventAllowMediumRemoval:
			return (cdb[4]! & 0x03) === 0 ? Access.harmless : Access.changes;
		case Opcode.startStopUnit:
			// (Only what makes it ready: START, and no power condition.)
			return (cdb[4]! & 0xf1) === 0x01 ? Access.harmless : Access.changes;
		default:
			return ACCESS[opcode] as Access;
	}
}

/** It can't be carried out without the medium. */
export function isAboutMedium(cdb: Uint8Array): boolean {
	return !ABOUT_UNIT.includes(cdb[0]!);
}

/** It is about what is on the medium: not whether it is there, nor how large it is. */
export function usesMedium(cdb: Uint8Array): boolean {
	return isAboutMedium(cdb) && accessOf(cdb) !== Access.harmless;
}

/** It writes to the medium. (SYNCHRONIZE CACHE changes nothing that was not written.) */
export function mayChangeMedium(cdb: Uint8Array): boolean {
	const opcode = cdb[0]!;
	if (opcode === Opcode.synchronizeCache10 || opcode === Opcode.synchronizeCache16) return false;
	// (Copies look at what they write to.)
	return opcode !== Opcode.extendedCopy && isAboutMedium(cdb) && accessOf(cdb) === Access.changes;
}
