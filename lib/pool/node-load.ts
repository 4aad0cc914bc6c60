/**
 * A node that is being read from a segment of nodes. Where it is not what it was, and the device has several copies, the others are asked for, and what is
 * right is written over all. Who scrubs has all copies looked at, for noise in one that is not asked is not seen until the other one is lost. Used
 * again and again by `node-log.ts`, which hears when it is over.
 */

import type { BlockDevice } from "../block/device.js";
import { BlockOp, BlockRequest, type RequestOwner } from "../block/request.js";
import { invariant, StorageStatus, storageStatusName } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { roundUp, SEGMENT_BYTES } from "./format.js";
import type { NodeReceiver } from "./map/store.js";
import { hasOthers, mendedEnd } from "./mend.js";

export class NodeLoad implements RequestOwner {
	readonly request = new BlockRequest(this);
	slot = 0;
	/** Where the node begins in what is read. */
	start = 0;
	next: NodeLoad | null = null;
	/** A copy had it wrong, and another one right. */
	isMended = false;
	#device: BlockDevice | null = null;
	#receiver: NodeReceiver | null = null;
	#frame = 0;
	/** The copy that was asked for last; 0: any. */
	#copy = 0;
	/** All of them are, also when one was right. */
	#asksAll = false;
	/** How long the node is. */
	#bytes = 0;
	/** Up to where its slot was as it will be when it was asked for: what is appended meanwhile is not in what is read. */
	#firmBytes = 0;
	/** The sectors that it is in, of a copy that has it right, where that is of use to anybody. */
	#right: Uint8Array | null = null;
	#isWrong = false;

	constructor(
		readonly log: { finished(load: NodeLoad): void; firmBytes(slot: number): number },
		memory: Memory,
	) {
		this.request.op = BlockOp.read;
		this.request.memory = memory;
	}

	/** Whatever the request says. `asksAll`: all copies are looked at, if there are several. */
	begin(device: BlockDevice, receiver: NodeReceiver, frame: number, asksAll: boolean): void {
		this.#device = device;
		this.#receiver = receiver;
		this.#frame = frame;
		this.#asksAll = asksAll && hasOthers(device);
		this.#copy = this.#asksAll ? 1 : 0;
		this.#right = null;
		this.#isWrong = false;
		this.isMended = false;
		this.#firmBytes = hasOthers(device) ? this.log.firmBytes(this.slot) : 0;
		this.request.anotherCopy = this.#copy;
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
		const wrong = this.#compare(status, receiver);
		this.#isWrong ||= wrong !== undefined;
		const isSought = this.#right === null ? wrong !== undefined : this.#asksAll;
		if (isSought && hasOthers(device) && this.#copy < device.info.copies) {
			this.request.anotherCopy = ++this.#copy;
			device.submit(this.request.begin());
			return;
		}
		if (this.#right === null && wrong !== undefined) receiver.failed(this.#frame, wrong);
		if (this.#right === null || !this.#isWrong || !this.#mend(device, this.#right)) this.#end();
	}

	/** What is wrong with the copy that was read; undefined: nothing. */
	#compare(status: StorageStatus, receiver: NodeReceiver): string | undefined {
		if (status !== StorageStatus.ok) return whyNot(status);
		const { memory, lengthBytes } = this.request;
		if (this.#right !== null) {
			const end = this.start + this.#bytes;
			const isSame =
				Buffer.compare(memory.bytes.subarray(this.start, end), this.#right.subarray(this.start, end)) === 0;
			return isSame ? undefined : "it differs";
		}
		const found = receiver.loaded(this.#frame, memory, this.start, lengthBytes - this.start);
		if (typeof found === "string") return found;
		this.#bytes = found;
		if (this.#copy > 0) this.#right = memory.bytes.slice(0, roundUp(this.start + found, SECTOR_BYTES));
		return undefined;
	}

	/** By the rule that is said of `mendedEnd`. False: there is nothing to be written. */
	#mend(device: BlockDevice, right: Uint8Array): boolean {
		const { request } = this;
		const begin = request.offsetBytes % SEGMENT_BYTES;
		const to = mendedEnd(this.start + this.#bytes, begin + right.length <= this.#firmBytes);
		this.isMended = true;
		if (to <= 0) return false;
		request.memory.bytes.set(right);
		request.op = BlockOp.write;
		request.lengthBytes = to;
		device.submit(request.begin());
		return true;
	}

	#end(): void {
		this.#device = null;
		this.#receiver = null;
		this.#right = null;
		this.request.op = BlockOp.read;
		this.request.anotherCopy = 0;
		this.log.finished(this);
	}
}

function whyNot(status: StorageStatus): string {
	return `it can't be read: ${storageStatusName(status)}`;
}
