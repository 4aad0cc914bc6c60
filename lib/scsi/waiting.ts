/** Commands that wait for something other than the medium or their initiator: that a change is kept, that tasks are over. For what is rare. */

import { PromisedRequest } from "../block/device.js";
import { BlockOp, type BlockRequest } from "../block/request.js";
import { failureOf } from "./outcome.js";
import { ScsiStatus } from "./protocol.js";
import type { ScsiTask, TaskWork } from "./task.js";
import type { LogicalUnit } from "./unit.js";

/** (What is waited for comes to an end by itself: so it can't be cut short.) */
const WAITING: TaskWork = { awaitedBytes: 0, dataOut: () => true, advance() {}, abort() {} };

/** Has `then` called with what `awaited` comes to, unless the task was aborted meanwhile: it is over then. */
export function waitFor<T>(task: ScsiTask, awaited: Promise<T>, then: (value: T) => void): void {
	task.work = WAITING;
	void awaited.then((value) => {
		if (task.isAborted) task.end(ScsiStatus.taskAborted);
		else then(value);
	});
}

/** Has `then` called when all that was written before is on stable storage; if that fails, so does the task. */
export function flushThen(task: ScsiTask, { disk }: LogicalUnit, then: () => void): void {
	const promised = new PromisedRequest();
	promised.request.op = BlockOp.flush;
	waitFor(task, promised.run(disk.device), ({ status, errno }: BlockRequest) => {
		const sense = failureOf(disk, BlockOp.flush, status, errno, 0);
		if (sense === null) {
			disk.stats.did(BlockOp.flush, 0);
			then();
		} else task.end(ScsiStatus.checkCondition, sense);
	});
}
