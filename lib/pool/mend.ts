/**
 * What is not as it was written: where the device has several copies, the others are asked for, and one that is right is written over all. Rare,
 * so in no hurry. Used by `stored-reads.ts` for pages, `blob.ts` for what checkpoints have, by those who move what lies there, and in `chunks/` for labels and heads.
 */

import type { BlockDevice } from "../block/device.js";
import { BlockOp } from "../block/request.js";
import { crc32c } from "../crc32c.js";
import { OperatorError } from "../errors.js";
import { nativeMemory } from "../native.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { roundUp } from "./format.js";
import { run } from "./run.js";

/** Whether there is anybody else to ask. */
export function hasOthers({ info }: BlockDevice): boolean {
	return info.copies > 1;
}

/** Who is to be asked, one after the other, as a request says it: where there is one copy alone, for any. */
export function copiesOf({ info }: BlockDevice): readonly number[] {
	return info.copies > 1 ? Array.from({ length: info.copies }, (_, i) => i + 1) : [0];
}

/** Where something lies. */
export interface StoredRange {
	readonly device: BlockDevice;
	/** For messages. */
	readonly name: string;
	readonly offsetBytes: number;
	readonly lengthBytes: number;
	/** Where in the range it ends. Default: with it. */
	readonly to?: number;
	/** Whether all of the range is as it will be: nothing is being appended to its last sector. Default: it is. */
	readonly isFirm?: () => boolean;
}

/**
 * Up to where what is wrong in one copy is written again: all of the sectors that it is in, for what others have of them is of a copy that has this
 * one right, and a sector goes bad as a whole. Where something is being appended behind it, only those that it fills.
 */
export function mendedEnd(endBytes: number, isFirm: boolean): number {
	return isFirm ? roundUp(endBytes, SECTOR_BYTES) : endBytes - (endBytes % SECTOR_BYTES);
}

/**
 * Reads from one copy, and from others until `isRight`, which is written over all then. `asksAll`: from all copies, whether the first is right or not.
 * Throws an OperatorError if it can't be read.
 */
export async function readRight(
	range: StoredRange,
	memory: Memory,
	isRight: () => boolean,
	asksAll = false,
): Promise<"right" | "mended" | "wrong"> {
	const { device, name, offsetBytes, lengthBytes } = range;
	const asksOthers = asksAll && hasOthers(device);
	if (asksOthers && (await areAllRight(range, memory, isRight))) return "right";
	const read = run(device, BlockOp.read, offsetBytes, lengthBytes, memory, name);
	const failed = await read.then(() => undefined, why);
	if (failed === undefined && isRight() && !asksOthers) return "right";
	if (hasOthers(device) && (await mend(range, memory, isRight))) return "mended";
	if (failed !== undefined) throw failed;
	return "wrong";
}

async function areAllRight(range: StoredRange, memory: Memory, isRight: () => boolean): Promise<boolean> {
	const { device, name, offsetBytes, lengthBytes } = range;
	for (const copy of copiesOf(device)) {
		const read = run(device, BlockOp.read, offsetBytes, lengthBytes, memory, name, 0, copy);
		if ((await read.then(() => undefined, why)) !== undefined || !isRight()) return false;
	}
	return true;
}

function why(error: unknown): OperatorError {
	if (error instanceof OperatorError) return error;
	throw error;
}

/** What is in memory when it resolves is right, and on all copies; false: it is on none. Nobody else writes there meanwhile. */
export async function mend(range: StoredRange, memory: Memory, isRight: () => boolean): Promise<boolean> {
	const { device, name, offsetBytes, lengthBytes } = range;
	for (const copy of copiesOf(device)) {
		// (Asked before it is read: what is appended meanwhile is not in what was read.)
		const last = mendedEnd(range.to ?? lengthBytes, range.isFirm?.() ?? true);
		const read = run(device, BlockOp.read, offsetBytes, lengthBytes, memory, name, 0, copy);
		if ((await read.then(() => undefined, why)) !== undefined || !isRight()) continue;
		// (If that fails it is found wrong another time.)
		if (last > 0) await run(device, BlockOp.write, offsetBytes, last, memory, name).catch(why);
		return true;
	}
	return false;
}

/** Of what is not put elsewhere, where it would replace the other copies too. */
export const COPIES_DIFFER =
	"copies of it differ, so it stays where it is; vblade pool scrub makes pages right in all copies, vblade disk verify shows where disks differ";

/** Reads for whoever puts it elsewhere and can't tell whether it is right; false: not all copies have the same. Throws an OperatorError. */
export async function readSame(
	{ device, name, offsetBytes, lengthBytes }: StoredRange,
	memory: Memory,
): Promise<boolean> {
	const [first = 0, ...others] = copiesOf(device);
	await run(device, BlockOp.read, offsetBytes, lengthBytes, memory, name, 0, first);
	if (others.length === 0) return true;
	const other = nativeMemory(lengthBytes);
	const bytes = memory.bytes.subarray(0, lengthBytes);
	for (const copy of others) {
		await run(device, BlockOp.read, offsetBytes, lengthBytes, other, name, 0, copy);
		if (Buffer.compare(bytes, other.bytes.subarray(0, lengthBytes)) !== 0) return false;
	}
	return true;
}

/** A page as it was; undefined if no copy of it is right. */
export async function mended(
	device: BlockDevice,
	offsetBytes: number,
	lengthBytes: number,
	crc: number,
): Promise<Memory | undefined> {
	const memory = nativeMemory(lengthBytes);
	const isRight = (): boolean => crc32c(memory.bytes, 0, lengthBytes) === crc;
	const range = { device, name: "", offsetBytes, lengthBytes };
	return (await mend(range, memory, isRight)) ? memory : undefined;
}
