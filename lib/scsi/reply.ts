/**
 * How commands end that do not touch the medium: with data that is made for the occasion, or refused. Used by their operations.
 */

import { ScsiStatus } from "./protocol.js";
import type { Sense } from "./sense.js";
import type { ScsiTask } from "./task.js";

/** Good, with `bytes`, of which no more than the CDB's allocation length are sent: that is no error (SPC-4, 4.2.5.6). */
export function succeedWith(task: ScsiTask, bytes: Uint8Array, allocationBytes: number): void {
	const wanted = Math.min(bytes.length, allocationBytes);
	task.transferBytes = wanted;
	const taken = Math.min(wanted, task.dataInBytes);
	if (taken > 0) task.host.reply(task, bytes.subarray(0, taken));
	task.end(ScsiStatus.good);
}

export function refuse(task: ScsiTask, sense: Sense): void {
	task.end(ScsiStatus.checkCondition, sense);
}
