/**
 * SYNCHRONIZE CACHE (SBC-3, 5.23 and 5.24): whatever range it names, all that was written is on stable storage when it is over. With IMMED it
 * is over at once, and one flush of the unit is under way, or one more as soon as that is over.
 */

import { type BlockDevice, PromisedRequest } from "../block/device.js";
import { BlockOp } from "../block/request.js";
import type { Operation } from "./operation.js";
import { failureOf } from "./outcome.js";
import { ScsiStatus } from "./protocol.js";
import { isPossible, type RangeForm } from "./range.js";
import { RangeWork } from "./range-work.js";
import type { ScsiTask } from "./task.js";
import type { LogicalUnit } from "./unit.js";

const IMMED = 0x02;

/** Units that are being flushed and nobody waits for it; true: once more when that is over. */
const later = new WeakMap<BlockDevice, boolean>();

async function flushLater({ disk }: LogicalUnit): Promise<void> {
	const { device } = disk;
	if (later.has(device)) {
		later.set(device, true);
		return;
	}
	const flush = new PromisedRequest();
	flush.request.op = BlockOp.flush;
	do {
		later.set(device, false);
		const { status, errno } = await flush.run(device.entry);
		failureOf(disk, BlockOp.flush, status, errno, 0);
	} while (later.get(device) === true);
	later.delete(device);
}

export class SynchronizeCache implements Operation {
	constructor(readonly form: RangeForm) {}

	start(task: ScsiTask, unit: LogicalUnit): void {
		if (!isPossible(task, unit, this.form, false, Number.POSITIVE_INFINITY)) return;
		if ((task.cdb[1]! & IMMED) > 0) {
			void flushLater(unit);
			task.end(ScsiStatus.good);
		} else RangeWork.take().flush(task);
	}
}
