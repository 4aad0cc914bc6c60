/** What can be done only where a unit's storage is, of a unit that two hosts serve, waits until that has come here. Used by operations of this room. */

import { Coming } from "./coming.js";
import { conflicts } from "./conflicts.js";
import type { Operation } from "./operation.js";
import { conflict, refuse } from "./reply.js";
import { COMES_HERE, ELSEWHERE } from "./sense.js";
import type { ScsiTask } from "./task.js";
import type { LogicalUnit } from "./unit.js";

/** Has `then` called when it is here, at once if it is; who may do what is known only then. */
export function whenHere(task: ScsiTask, unit: LogicalUnit, then: () => void): void {
	const { partner } = unit;
	if (partner?.hasIt !== true) {
		then();
		return;
	}
	const coming = partner.bring?.() ?? null;
	if (coming === null) refuse(task, ELSEWHERE);
	else
		Coming.waitFor(task, coming, (isHere) => {
			if (!isHere) refuse(task, ELSEWHERE);
			else if (conflicts(unit, task.nexus, task.cdb)) conflict(task);
			else then();
		});
}

/** The same of what tells or changes what is reserved: nobody is told that who may not have it any more. */
export function whenKnownHere(task: ScsiTask, unit: LogicalUnit, then: () => void): void {
	whenHere(task, unit, () => {
		if (isLeaving(unit)) refuse(task, COMES_HERE);
		else then();
	});
}

/** The same of an operation that takes no data, or looks itself when that has come. */
export function onceHere(start: Operation["start"]): Operation["start"] {
	return (task, unit, units) => whenKnownHere(task, unit, () => start(task, unit, units));
}

/** Another host may have it by now, or in a moment. */
export function isLeaving({ disk: { device }, partner }: LogicalUnit): boolean {
	return partner !== undefined && device.tenure?.mayAnswer === false;
}
