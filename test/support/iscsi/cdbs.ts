/** CDBs (SPC-4, SBC-3) that tests of the transport need: those of the command set have their own. */

export function inquiry(bytes = 96): number[] {
	return [0x12, 0, 0, bytes >> 8, bytes & 0xff, 0];
}

export const TEST_UNIT_READY: readonly number[] = [0, 0, 0, 0, 0, 0];

export const READ_CAPACITY_10: readonly number[] = [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0];

function ten(opcode: number, lba: number, blocks: number): Buffer {
	const cdb = Buffer.alloc(10);
	cdb.writeUInt8(opcode);
	cdb.writeUInt32BE(lba, 2);
	cdb.writeUInt16BE(blocks, 7);
	return cdb;
}

/** `blocks` of the unit's own size. */
export function read10(lba: number, blocks: number): Buffer {
	return ten(0x28, lba, blocks);
}

export function write10(lba: number, blocks: number): Buffer {
	return ten(0x2a, lba, blocks);
}
