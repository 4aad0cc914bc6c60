/**
 * RESERVE and RELEASE, of 6 and of 10 bytes (SPC-2, 7.21 to 7.24), which the standards after that have no more and old clusters still use: one
 * nexus has a whole unit to itself, until it releases it or is gone. In the table of operations.
 */

import { Hold } from "../holds.js";
import { onceHere } from "./elsewhere.js";
import type { Row } from "./operation.js";
import { isHolder } from "./persistent.js";
import { conflict, refuse, succeed } from "./reply.js";
import { invalidField } from "./sense.js";
import type { ScsiTask } from "./task.js";
import type { LogicalUnit } from "./unit.js";

/** For somebody else, or of a part: neither is known any more. */
const OTHERS = 0x11;
const LONG_ID = 0x02;

function isWhole(task: ScsiTask): boolean {
	if ((task.cdb[1]! & (OTHERS | LONG_ID)) === 0) return true;
	refuse(task, invalidField(1));
	return false;
}

function reserve(task: ScsiTask, { reservations, disk }: LogicalUnit): void {
	const { nexus } = task;
	const { persistent } = reservations;
	if (!isWhole(task)) return;
	// (Who holds it persistently has it already: SPC-4, 5.13.3.)
	if (isHolder(persistent, nexus.key)) succeed(task);
	else if (persistent.registrations.size > 0 || disk.holds.against("scsi") !== Hold.none) conflict(task);
	else if (reservations.isHeldBefore(nexus)) conflict(task);
	else {
		reservations.legacy = nexus;
		succeed(task);
	}
}

function release(task: ScsiTask, { reservations }: LogicalUnit): void {
	const { nexus } = task;
	const { persistent } = reservations;
	if (!isWhole(task)) return;
	if (persistent.registrations.size > 0 && !isHolder(persistent, nexus.key)) {
		conflict(task);
		return;
	}
	if (reservations.legacy === nexus) reservations.legacy = null;
	succeed(task);
}

export const RESERVE_ROWS: readonly Row[] = [
	{ usage: "160000000000", operation: { start: onceHere(reserve) } },
	{ usage: "170000000000", operation: { start: onceHere(release) } },
	{ usage: "56000000000000000000", operation: { start: onceHere(reserve) } },
	{ usage: "57000000000000000000", operation: { start: onceHere(release) } },
];
