/**
 * Data-out that is looked at as a whole when all of it has come: lists of parameters, and blocks that are compared. Used by the operations
 * that take some. What all tasks have gathered is bounded; whoever finds that full is told to come again.
 */

import type { Room } from "../stream/rooms.js";
import type { Memory } from "../wire/memory.js";
import { ScsiStatus } from "./protocol.js";
import type { ScsiTask, TaskWork } from "./task.js";

/** Of all tasks of this thread. */
const GATHERED_BYTES_MAX = 32 * 1024 * 1024;
let gatheredBytes = 0;

class Gathering implements TaskWork {
	readonly #data: Buffer;
	readonly #then: (task: ScsiTask, data: Buffer) => void;
	#cameBytes = 0;

	constructor(bytes: number, then: (task: ScsiTask, data: Buffer) => void) {
		this.#data = Buffer.allocUnsafeSlow(bytes);
		this.#then = then;
	}

	get awaitedBytes(): number {
		return this.#data.length - this.#cameBytes;
	}

	dataOut(task: ScsiTask, _room: Room, { bytes }: Memory, offset: number, length: number): boolean {
		this.#data.set(bytes.subarray(offset, offset + length), this.#cameBytes);
		this.#cameBytes += length;
		if (this.awaitedBytes > 0) return true;
		task.work = null;
		this.#then(task, this.#data);
		return true;
	}

	advance(): void {}

	abort(task: ScsiTask): void {
		task.end(ScsiStatus.taskAborted);
	}
}

/**
 * `then` carries on when `bytes` have come, or as many as the initiator has; what it is given is its own until the task ends. That is in the call in which the last of
 * them come, or in this one if there are none.
 */
export function gather(task: ScsiTask, bytes: number, then: (task: ScsiTask, data: Buffer) => void): void {
	const wanted = Math.min(bytes, task.dataOutBytes);
	task.transferBytes = bytes;
	if (wanted === 0) then(task, Buffer.alloc(0));
	else if (gatheredBytes + wanted > GATHERED_BYTES_MAX) task.end(ScsiStatus.busy);
	else {
		gatheredBytes += wanted;
		task.onEnd = () => {
			gatheredBytes -= wanted;
		};
		task.work = new Gathering(wanted, then);
	}
}
