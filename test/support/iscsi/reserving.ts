/** Persistent reservations, for tests of a whole server: what an initiator sends, and is told. */

import type { Initiator } from "./initiator.js";

/** PERSISTENT RESERVE OUT; `flags`: 1 to keep it. */
export async function out(
	one: Initiator,
	lun: number,
	action: number,
	keys: readonly number[],
	flags = 0,
	type = 1,
) {
	const write = Buffer.alloc(24);
	for (const [index, key] of keys.entries()) write.writeBigUInt64BE(BigInt(key), 8 * index);
	write[20] = flags;
	const cdb = [0x5f, action, type, 0, 0, 0, 0, 0, write.length, 0];
	return (await one.command({ lun, cdb, write, immediate: write.length })).status;
}

export async function keys(one: Initiator, lun: number): Promise<number[]> {
	const { data } = await one.command({ lun, cdb: [0x5e, 0, 0, 0, 0, 0, 0, 1, 0, 0], read: 256 });
	const count = data.readUInt32BE(4) / 8;
	return Array.from({ length: count }, (_, index) => Number(data.readBigUInt64BE(8 + 8 * index)));
}
