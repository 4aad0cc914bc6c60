/**
 * Operation codes, and service actions of those that have any (SPC-4, SBC-3, SBC-4). Used by the table of operations, by what tells
 * of it, and by reservations, which let some of them pass.
 */

export const Opcode = {
	testUnitReady: 0x00,
	requestSense: 0x03,
	read6: 0x08,
	write6: 0x0a,
	inquiry: 0x12,
	modeSelect6: 0x15,
	reserve6: 0x16,
	release6: 0x17,
	modeSense6: 0x1a,
	startStopUnit: 0x1b,
	preventAllowMediumRemoval: 0x1e,
	readCapacity10: 0x25,
	read10: 0x28,
	write10: 0x2a,
	writeAndVerify10: 0x2e,
	verify10: 0x2f,
	preFetch10: 0x34,
	synchronizeCache10: 0x35,
	readDefectData10: 0x37,
	writeSame10: 0x41,
	unmap: 0x42,
	sanitize: 0x48,
	logSense: 0x4d,
	modeSelect10: 0x55,
	reserve10: 0x56,
	release10: 0x57,
	modeSense10: 0x5a,
	persistentReserveIn: 0x5e,
	persistentReserveOut: 0x5f,
	extendedCopy: 0x83,
	receiveCopyResults: 0x84,
	read16: 0x88,
	compareAndWrite: 0x89,
	write16: 0x8a,
	orWrite16: 0x8b,
	writeAndVerify16: 0x8e,
	verify16: 0x8f,
	preFetch16: 0x90,
	synchronizeCache16: 0x91,
	writeSame16: 0x93,
	writeAtomic16: 0x9c,
	serviceActionIn16: 0x9e,
	reportLuns: 0xa0,
	maintenanceIn: 0xa3,
	maintenanceOut: 0xa4,
	read12: 0xa8,
	write12: 0xaa,
	writeAndVerify12: 0xae,
	verify12: 0xaf,
	readDefectData12: 0xb7,
} as const;

/** Of SERVICE ACTION IN (16). */
export const ServiceIn = { readCapacity16: 0x10, getLbaStatus: 0x12 } as const;

/** Of MAINTENANCE IN. */
export const MaintenanceIn = {
	reportIdentifyingInformation: 0x05,
	reportTargetPortGroups: 0x0a,
	reportSupportedOperationCodes: 0x0c,
	reportSupportedTaskManagementFunctions: 0x0d,
} as const;

/** Of PERSISTENT RESERVE IN (SPC-4, 6.15). */
export const ReserveIn = {
	readKeys: 0x00,
	readReservation: 0x01,
	reportCapabilities: 0x02,
	readFullStatus: 0x03,
} as const;

/** Of PERSISTENT RESERVE OUT (SPC-4, 6.16). */
export const ReserveOut = {
	register: 0x00,
	reserve: 0x01,
	release: 0x02,
	clear: 0x03,
	preempt: 0x04,
	preemptAndAbort: 0x05,
	registerAndIgnore: 0x06,
	registerAndMove: 0x07,
} as const;
