/**
 * The ATA commands this disk knows, by the names of ACS-3 (clause 7), and the sizes that go with them. Read
 * by `disk.ts`, which says what each of them does; a code that is not here ends with ABRT.
 */

/** Values of the command register. */
export const Opcode = {
	nop: 0x00,
	dataSetManagement: 0x06,
	readSectors: 0x20,
	readSectorsExt: 0x24,
	readDmaExt: 0x25,
	readMultipleExt: 0x29,
	readLogExt: 0x2f,
	writeSectors: 0x30,
	writeSectorsExt: 0x34,
	writeDmaExt: 0x35,
	writeMultipleExt: 0x39,
	writeDmaFuaExt: 0x3d,
	readVerifySectors: 0x40,
	readVerifySectorsExt: 0x42,
	executeDeviceDiagnostic: 0x90,
	smart: 0xb0,
	readMultiple: 0xc4,
	writeMultiple: 0xc5,
	setMultipleMode: 0xc6,
	readDma: 0xc8,
	writeDma: 0xca,
	writeMultipleFuaExt: 0xce,
	standbyImmediate: 0xe0,
	idleImmediate: 0xe1,
	standby: 0xe2,
	idle: 0xe3,
	checkPowerMode: 0xe5,
	sleep: 0xe6,
	flushCache: 0xe7,
	flushCacheExt: 0xea,
	identifyDevice: 0xec,
	setFeatures: 0xef,
} as const;

/** Highest LBA that a 28-bit command can name. */
export const LBA28_MAX = 0x0fffffff;
/** Highest LBA that a 48-bit command can name. */
export const LBA48_MAX = 0xffffffffffff;
