/**
 * A page that is not what it was: where the device has several copies, the others are asked for, and one that is right is written over all. Rare,
 * so in no hurry. Used by `stored-reads.ts`.
 */

import { type BlockDevice, PromisedRequest } from "../block/device.js";
import { BlockOp } from "../block/request.js";
import { crc32c } from "../crc32c.js";
import { StorageStatus } from "../errors.js";
import { nativeMemory } from "../native.js";
import type { Memory } from "../wire/memory.js";

/** Whether there is anybody else to ask. */
export function hasOthers({ info }: BlockDevice): boolean {
	return info.copies > 1;
}

/** The page as it was; undefined if no copy of it is right. Nobody else writes there meanwhile. */
export async function mended(
	device: BlockDevice,
	offsetBytes: number,
	lengthBytes: number,
	crc: number,
): Promise<Memory | undefined> {
	const memory = nativeMemory(lengthBytes);
	const promised = new PromisedRequest();
	const { request } = promised;
	Object.assign(request, { offsetBytes, lengthBytes, memory });
	for (let copy = 1; copy <= device.info.copies; copy++) {
		request.op = BlockOp.read;
		request.anotherCopy = copy;
		const { status } = await promised.run(device);
		if (status !== StorageStatus.ok || crc32c(memory.bytes, 0, lengthBytes) !== crc) continue;
		request.op = BlockOp.write;
		await promised.run(device);
		return memory;
	}
	return undefined;
}
