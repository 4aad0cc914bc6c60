/**
 * START STOP UNIT (SBC-3, 5.25) and PREVENT ALLOW MEDIUM REMOVAL (SPC-4, 6.15): a unit that is stopped, or whose medium is out, carries out nothing
 * that wants the medium. In the table of operations; what is kept of it is in `medium-state.ts`.
 */

import type { Row } from "./operation.js";
import { Asc } from "./protocol.js";
import { refuse, succeed } from "./reply.js";
import { illegal, invalidField } from "./sense.js";
import type { ScsiTask } from "./task.js";
import type { LogicalUnit } from "./unit.js";
import { flushThen } from "./waiting.js";

const START = 0x01;
const LOAD_EJECT = 0x02;
const NO_FLUSH = 0x04;
/** The command is about starting and stopping, not about a condition of power. */
const START_VALID = 0x0;

function startStop(task: ScsiTask, unit: LogicalUnit): void {
	const { cdb } = task;
	const power = cdb[4]! >> 4;
	const isStart = (cdb[4]! & START) > 0;
	const movesMedium = (cdb[4]! & LOAD_EJECT) > 0;
	// (There are no conditions of power: whichever it should be in, one that is not known yet too, it is as ready as ever. START and LOEJ mean nothing
	// then.)
	if (power !== START_VALID) succeed(task);
	else if (movesMedium && !unit.isRemovable) refuse(task, invalidField(4, 1));
	else if (movesMedium && unit.medium.isPrevented && unit.medium.isEjected === isStart)
		refuse(task, illegal(Asc.removalPrevented));
	else if (isStart) start(task, unit, movesMedium);
	else if ((cdb[4]! & NO_FLUSH) > 0 || unit.medium.trouble !== undefined) stop(task, unit, movesMedium);
	else flushThen(task, unit, () => stop(task, unit, movesMedium));
}

function start(task: ScsiTask, unit: LogicalUnit, loads: boolean): void {
	const { medium } = unit;
	if (medium.isEjected && !loads) {
		refuse(task, illegal(Asc.mediumNotPresent));
		return;
	}
	// (Whoever else uses it may have known another one.)
	if (medium.isEjected) unit.attendOthers(task.nexus, Asc.mediumChanged);
	medium.isEjected = false;
	medium.isStopped = false;
	succeed(task);
}

/** (A medium that can be taken out and is not can be used, as that of a card reader can: there is nothing that turns.) */
function stop(task: ScsiTask, { medium, isRemovable }: LogicalUnit, ejects: boolean): void {
	medium.isStopped = ejects || !isRemovable;
	if (ejects) medium.isEjected = true;
	succeed(task);
}

function preventAllow(task: ScsiTask, { medium }: LogicalUnit): void {
	const prevent = task.cdb[4]! & 0x03;
	if (prevent > 1) {
		refuse(task, invalidField(4, 1));
		return;
	}
	medium.prevent(task.nexus, prevent === 1);
	succeed(task);
}

export const START_STOP_ROWS: readonly Row[] = [
	{ usage: "1b010000f700", operation: { start: startStop } },
	{ usage: "1e0000000300", operation: { start: preventAllow } },
];
