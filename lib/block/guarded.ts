/**
 * A write that what is there decides about: that is read, the request's guard is asked, and then it is written or not. Pooled. Begun by
 * `ordering.ts`, which keeps what overlaps it away until the request is over.
 */

import { StorageStatus } from "../errors.js";
import type { BlockDevice } from "./device.js";
import { BlockOp, BlockRequest, type RequestOwner, type WriteGuard } from "./request.js";

export class GuardedWrite implements RequestOwner {
	readonly #device: BlockDevice;
	readonly #unused: GuardedWrite[];
	readonly #read = new BlockRequest(this);
	#write: BlockRequest | null = null;
	#guard: WriteGuard | null = null;

	constructor(device: BlockDevice, unused: GuardedWrite[]) {
		this.#device = device;
		this.#unused = unused;
	}

	/** `request` is a write with a guard. It goes on to the device, or is completed. */
	begin(request: BlockRequest): void {
		this.#write = request;
		this.#guard = request.guard;
		request.guard = null;
		request.park();
		const read = this.#read;
		read.op = BlockOp.read;
		read.offsetBytes = request.offsetBytes;
		read.lengthBytes = request.lengthBytes;
		read.memory = this.#guard!.memory;
		read.memoryOffset = this.#guard!.memoryOffset;
		this.#device.submit(read.begin());
	}

	finished({ status, errno, failedOffsetBytes }: BlockRequest): void {
		const request = this.#write!;
		const guard = this.#guard!;
		this.#write = null;
		this.#guard = null;
		this.#unused.push(this);
		if (status !== StorageStatus.ok) {
			// (Nothing has been decided: it can be asked for once more.)
			request.guard = guard;
			request.complete(status, errno, failedOffsetBytes);
		} else if (guard.allows(request)) this.#device.submit(request);
		else request.complete(StorageStatus.ok);
	}
}
