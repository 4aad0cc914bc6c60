/**
 * A node that is being read from a segment of nodes. Where it is not what it was, and the device has several copies, the others are asked for, and what is
 * right is written over all, as far as sectors have nothing else. Used again and again by `node-log.ts`, which hears when it is over.
 */

import type { BlockDevice } from "../block/device.js";
import { BlockOp, BlockRequest, type RequestOwner } from "../block/request.js";
import { invariant, StorageStatus, storageStatusName } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import type { NodeReceiver } from "./map/store.js";
import { hasOthers } from "./mend.js";

export class NodeLoad implements RequestOwner {
	readonly request = new BlockRequest(this);
	slot = 0;
	/** Where the node begins in what is read. */
	start = 0;
	next: NodeLoad | null = null;
	/** Another copy had it. */
	isMended = false;
	#device: BlockDevice | null = null;
	#receiver: NodeReceiver | null = null;
	#frame = 0;
	/** The copy that was asked for last; 0: any. */
	#copy = 0;

	constructor(
		readonly log: { finished(load: NodeLoad): void },
		memory: Memory,
	) {
		this.request.op = BlockOp.read;
		this.request.memory = memory;
	}

	/** Whatever the request says. */
	begin(device: BlockDevice, receiver: NodeReceiver, frame: number): void {
		this.#device = device;
		this.#receiver = receiver;
		this.#frame = frame;
		this.#copy = 0;
		this.isMended = false;
		device.submit(this.request.begin());
	}

	finished({ op, status }: BlockRequest): void {
		const device = this.#device;
		const receiver = this.#receiver;
		invariant(device !== null && receiver !== null, "nobody has asked for a node that was read");
		if (op === BlockOp.write) {
			this.#end();
			return;
		}
		const found = status === StorageStatus.ok ? this.#look(receiver) : whyNot(status);
		if (typeof found === "number") {
			if (this.#copy === 0 || !this.#mend(device, found)) this.#end();
		} else if (hasOthers(device) && this.#copy < device.info.copies) {
			this.request.anotherCopy = ++this.#copy;
			device.submit(this.request.begin());
		} else {
			receiver.failed(this.#frame, found);
			this.#end();
		}
	}

	#look(receiver: NodeReceiver): number | string {
		const { memory, lengthBytes } = this.request;
		return receiver.loaded(this.#frame, memory, this.start, lengthBytes - this.start);
	}

	/** False: no sector has only what is known to be right. */
	#mend(device: BlockDevice, bytes: number): boolean {
		this.isMended = true;
		const from = Math.ceil(this.start / SECTOR_BYTES) * SECTOR_BYTES;
		const to = Math.floor((this.start + bytes) / SECTOR_BYTES) * SECTOR_BYTES;
		if (to <= from) return false;
		const { request } = this;
		request.op = BlockOp.write;
		request.offsetBytes += from;
		request.memoryOffset = from;
		request.lengthBytes = to - from;
		device.submit(request.begin());
		return true;
	}

	#end(): void {
		const { request } = this;
		this.#device = null;
		this.#receiver = null;
		request.op = BlockOp.read;
		request.memoryOffset = 0;
		request.anotherCopy = 0;
		this.log.finished(this);
	}
}

function whyNot(status: StorageStatus): string {
	return `it can't be read: ${storageStatusName(status)}`;
}
