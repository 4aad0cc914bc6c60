/** One request to a file of a pool, waited for: used where nothing is in a hurry, by whoever opens, cleans, examines and makes pools. */

import { type BlockDevice, PromisedRequest } from "../block/device.js";
import type { BlockOp } from "../block/request.js";
import { NoSpaceError, OperatorError, StorageStatus, storageStatusName } from "../errors.js";
import type { Memory } from "../wire/memory.js";

/** One request, waited for; `copy`: of a read, the one of the device's copies that is asked, 0 for any. Throws an OperatorError that begins with `name` if it fails. */
export async function run(
	device: BlockDevice,
	op: BlockOp,
	offsetBytes: number,
	lengthBytes: number,
	memory: Memory | undefined,
	name: string,
	memoryOffset = 0,
	copy = 0,
): Promise<void> {
	const promised = new PromisedRequest();
	const { request } = promised;
	request.op = op;
	request.offsetBytes = offsetBytes;
	request.lengthBytes = lengthBytes;
	if (memory !== undefined) request.memory = memory;
	request.memoryOffset = memoryOffset;
	request.anotherCopy = copy;
	const { status, failedOffsetBytes } = await promised.run(device);
	if (status === StorageStatus.ok) return;
	const Kind = status === StorageStatus.noSpace ? NoSpaceError : OperatorError;
	throw new Kind(`${name}: byte ${failedOffsetBytes}: ${storageStatusName(status)}`);
}
