/**
 * SANITIZE (SBC-3, 5.20): overwrites or erases the whole unit (`sanitization.ts`). It is answered when that is done: after a restart it does not go on, but has
 * failed, so nobody is told at once that it will be. Rows of the table of operations.
 */

import { uint16 } from "./cdb.js";
import { gather } from "./gather.js";
import type { Operation, Row } from "./operation.js";
import { Asc, ScsiStatus, SenseKey } from "./protocol.js";
import { WRITE_PROTECTED } from "./range.js";
import { refuse } from "./reply.js";
import { SANITIZE_FAILED, type Sanitizing } from "./sanitization.js";
import { invalidField, type Sense } from "./sense.js";
import type { ScsiTask, TaskWork } from "./task.js";
import type { LogicalUnit } from "./unit.js";
import { waitFor } from "./waiting.js";

const Action = { overwrite: 1, blockErase: 2, exitFailureMode: 0x1f } as const;
const IMMED = 0x80;
const RESERVED = 0x40;
const AUSE = 0x20;
const INVERT = 0x80;
const LIST_BYTES = 4;
const LENGTH_AT = 7;

/** Nothing was changed, since it would not be known after a restart that it was. */
const UNKEPT: Sense = { key: SenseKey.hardwareError, asc: Asc.internalFailure };

/** Whoever does not want to wait any more does not stop it. */
const WAITING: TaskWork = {
	awaitedBytes: 0,
	dataOut: () => true,
	advance() {},
	abort: (task) => task.end(ScsiStatus.taskAborted),
};

/** False: the CDB makes no sense, and the task has ended. */
function makesSense(task: ScsiTask): boolean {
	const { cdb } = task;
	const reserved = cdb.subarray(2, LENGTH_AT).findIndex((byte) => byte !== 0);
	if ((cdb[1]! & IMMED) > 0) refuse(task, invalidField(1, 7));
	else if ((cdb[1]! & RESERVED) > 0) refuse(task, invalidField(1, 6));
	else if (reserved >= 0) refuse(task, invalidField(2 + reserved));
	else return true;
	return false;
}

function run(task: ScsiTask, unit: LogicalUnit, how: Omit<Sanitizing, "mayLeave">): void {
	if (unit.isWriteProtected) {
		refuse(task, WRITE_PROTECTED);
		return;
	}
	task.work = WAITING;
	const mayLeave = (task.cdb[1]! & AUSE) > 0;
	void unit.sanitize({ ...how, mayLeave }, task).then((isDone) => {
		if (task.work !== WAITING) return;
		if (isDone === null) refuse(task, UNKEPT);
		else if (isDone) task.end(ScsiStatus.good);
		else task.end(ScsiStatus.checkCondition, SANITIZE_FAILED);
	});
}

function overwrite(task: ScsiTask, unit: LogicalUnit, list: Buffer): void {
	const { logicalBlockBytes } = unit.disk.device.info;
	const passes = list[0]! & 0x1f;
	const patternBytes = uint16(list, 2);
	const pattern = list.subarray(LIST_BYTES, LIST_BYTES + patternBytes);
	// (The suite of libiscsi wants it of the CDB, where SBC-3 leaves open which: what the list says does not agree with that.)
	if (passes === 0 || patternBytes === 0 || pattern.length < patternBytes)
		refuse(task, invalidField(LENGTH_AT));
	else
		run(task, unit, {
			block: Buffer.alloc(logicalBlockBytes, pattern),
			passes,
			isInverted: (list[0]! & INVERT) > 0,
		});
}

const overwriteOperation: Operation = {
	mayFollowFailure: true,
	start(task, unit) {
		if (!makesSense(task)) return;
		const listBytes = uint16(task.cdb, LENGTH_AT);
		const longest = LIST_BYTES + unit.disk.device.info.logicalBlockBytes;
		if (listBytes <= LIST_BYTES || listBytes > longest || task.dataOutBytes < listBytes)
			refuse(task, invalidField(LENGTH_AT));
		else gather(task, listBytes, (_, list) => overwrite(task, unit, list));
	},
};

const blockErase: Operation = {
	mayFollowFailure: true,
	start(task, unit) {
		if (!makesSense(task)) return;
		if (uint16(task.cdb, LENGTH_AT) > 0) refuse(task, invalidField(LENGTH_AT));
		else if (!unit.disk.device.info.canTrim) refuse(task, invalidField(1, 4));
		else run(task, unit, { block: null, passes: 1, isInverted: false });
	},
};

const exitFailureMode: Operation = {
	mayFollowFailure: true,
	start(task, unit) {
		if (!makesSense(task)) return;
		if (uint16(task.cdb, LENGTH_AT) > 0) refuse(task, invalidField(LENGTH_AT));
		else
			waitFor(task, unit.sanitization.leaveFailure(), (isLeft) => {
				if (isLeft) task.end(ScsiStatus.good);
				else refuse(task, invalidField(1, 4));
			});
	},
};

export const SANITIZE_ROWS: readonly Row[] = [
	{ usage: "48210000000000ffff07", action: Action.overwrite, operation: overwriteOperation },
	{ usage: "48220000000000000007", action: Action.blockErase, operation: blockErase },
	{ usage: "481f0000000000000007", action: Action.exitFailureMode, operation: exitFailureMode },
];
