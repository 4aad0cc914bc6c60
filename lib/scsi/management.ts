/**
 * Management of tasks (SAM-5, 7): which are meant, and what else comes of it. Nothing is answered before the storage can no longer change
 * anything for those that are aborted. Called by `target.ts`.
 */

import { unreachable } from "../errors.js";
import type { Nexus } from "./nexus.js";
import { TaskFunction, type TaskResponse } from "./protocol.js";
import type { LogicalUnit } from "./unit.js";

/** What is meant: the unit that is named, and all those of the target. */
interface Meant {
	readonly nexus: Nexus;
	readonly unit: LogicalUnit | undefined;
	readonly all: readonly LogicalUnit[];
	/** Of the task. */
	readonly tag: number;
}

export async function manage(what: TaskFunction, { nexus, unit, all, tag }: Meant): Promise<TaskResponse> {
	if (what === TaskFunction.targetReset) {
		await Promise.all(all.map((each) => each.reset()));
		return "complete";
	}
	if (what === TaskFunction.nexusReset) {
		await Promise.all(all.map((each) => each.with(nexus).abortAll()));
		return "complete";
	}
	if (unit === undefined) return "no-unit";
	const set = unit.with(nexus);
	const task = set.tasks.find((each) => each.tag === tag);
	switch (what) {
		case TaskFunction.abortTask:
			if (task === undefined) return "no-task";
			await set.abort([task]);
			return "complete";
		// (Each nexus has a task set of its own: SAM-5, 7.5.)
		case TaskFunction.abortTaskSet:
		case TaskFunction.clearTaskSet:
			await set.abortAll();
			return "complete";
		case TaskFunction.logicalUnitReset:
			await unit.reset();
			return "complete";
		case TaskFunction.queryTask:
			return task === undefined ? "complete" : "succeeded";
		case TaskFunction.queryTaskSet:
			return set.tasks.length === 0 ? "complete" : "succeeded";
		case TaskFunction.queryAsynchronousEvent:
			return set.attention(false) === undefined ? "complete" : "succeeded";
		case TaskFunction.clearAca:
			return "unsupported";
		default:
			return unreachable(what);
	}
}
