/**
 * REQUEST SENSE (SPC-4, 6.39): what an initiator is to be told, without a command that fails for it. And LOG SENSE (SPC-4, 6.7), which has no logs to tell
 * of but which there are. In the table of operations.
 */

import { absence } from "./absence.js";
import { uint16 } from "./cdb.js";
import type { Row } from "./operation.js";
import { Asc, SenseKey } from "./protocol.js";
import { refuse, succeedWith } from "./reply.js";
import { invalidField, type Sense, senseBytes } from "./sense.js";
import type { ScsiTask } from "./task.js";
import type { LogicalUnit } from "./unit.js";

const DESC = 0x01;

function requestSense(task: ScsiTask, sense: Sense): void {
	succeedWith(task, senseBytes(sense, (task.cdb[1]! & DESC) > 0), task.cdb[4]!);
}

function senseOf(unit: LogicalUnit, { nexus }: ScsiTask): Sense {
	const asc = unit.attention(nexus);
	if (asc !== undefined) return { key: SenseKey.unitAttention, asc };
	if (unit.sanitization.sense !== null) return unit.sanitization.sense;
	const { trouble } = unit.medium;
	return trouble === undefined
		? { key: SenseKey.noSense, asc: Asc.none }
		: { key: SenseKey.notReady, asc: trouble };
}

/** The page of pages, and that with subpages. */
function logSense(task: ScsiTask): void {
	const { cdb } = task;
	const page = cdb[2]! & 0x3f;
	const subpage = cdb[3]!;
	if ((cdb[1]! & 0x01) > 0) refuse(task, invalidField(1, 0));
	else if (page !== 0) refuse(task, invalidField(2, 5));
	else if (subpage === 0) succeedWith(task, Uint8Array.of(0x00, 0, 0, 1, 0x00), uint16(cdb, 7));
	else if (subpage === 0xff)
		succeedWith(task, Uint8Array.of(0x40, 0xff, 0, 4, 0x00, 0x00, 0x00, 0xff), uint16(cdb, 7));
	else refuse(task, invalidField(3));
}

export const REPORT_SENSE_ROWS: readonly Row[] = [
	{
		usage: "03010000ff00",
		operation: {
			ignoresAttention: true,
			start: (task, unit) => requestSense(task, senseOf(unit, task)),
			startWithout: (task, units) => requestSense(task, absence(units, task.lun)),
		},
	},
	{ usage: "4d00ffff000000ffff00", operation: { start: logSense } },
];
