/** Sectors that are full of a number each, so that it is seen who wrote what of a volume: written and read by the crash runs of pools. */

import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { CrashError } from "./crash-model.js";

export const SECTOR = 512;

/** Asks for something of sectors; what is written is `stamp`, what is read is in `bytes`. */
export async function askStamped(
	device: BlockDevice,
	op: BlockOp,
	sector: number,
	sectors: number,
	stamp = 0,
): Promise<{ request: BlockRequest; bytes: Uint8Array }> {
	const promised = new PromisedRequest();
	const memory = heapMemory(sectors * SECTOR);
	new Uint32Array(memory.bytes.buffer).fill(stamp);
	Object.assign(promised.request, { op, memory, offsetBytes: sector * SECTOR });
	promised.request.lengthBytes = sectors * SECTOR;
	return { request: await promised.run(device), bytes: memory.bytes };
}

/** The stamps of so many sectors from the beginning on. Throws a CrashError if they can't be read, or one is a mixture. */
export async function readStamps(device: BlockDevice, sectors: number): Promise<number[]> {
	const { request, bytes } = await askStamped(device, BlockOp.read, 0, sectors);
	if (request.status !== StorageStatus.ok) throw new CrashError(`a read ended with ${request.status}`);
	const view = new DataView(bytes.buffer);
	return Array.from({ length: sectors }, (_, sector) => {
		const stamp = view.getUint32(sector * SECTOR, true);
		if (view.getUint32((sector + 1) * SECTOR - 4, true) !== stamp)
			throw new CrashError("a sector is a mixture");
		return stamp;
	});
}
