/**
 * Control, started again in the midst of load, stands back until it has read its code and what is configured: of a processor that a
 * worker has to itself it takes next to nothing, and what nobody else wants. Not at a start of all, when nobody is served yet. Only
 * where what is taken can be given back, which needs a capability (sched(7)). Used by `children.ts`.
 */

import { readdirSync, readFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import type { Clock } from "../clock.js";
import { isCapable } from "../privileges.js";

/** As nice(1) puts it: a seventieth of what the others get, where there is not enough for all. */
const BACK = 19;
/** Where all processors are at work for so long, it comes back at their cost: what initiators set waits for it. */
const BACK_MS = 10_000;
/** Its bit (capabilities(7)). */
const CAP_SYS_NICE = 23;

function mayGiveBack(): boolean {
	try {
		return isCapable(readFileSync("/proc/self/status", "utf8"), CAP_SYS_NICE) === true;
	} catch {
		return false;
	}
}

/** Of a process; none if it has ended. To Linux each of its threads has a priority of its own, and new ones that of whoever starts them. */
function threadsOf(pid: number): readonly number[] {
	try {
		return readdirSync(`/proc/${pid}/task`).map(Number);
	} catch {
		return [];
	}
}

export interface Priorities {
	readonly mayGiveBack: () => boolean;
	/** This process's, which those that it starts have too. */
	readonly own: () => number;
	readonly threadsOf: (pid: number) => readonly number[];
	/** setpriority(2), of a thread. */
	readonly set: (thread: number, priority: number) => void;
}

const SYSTEM: Priorities = { mayGiveBack, own: () => getPriority(), threadsOf, set: setPriority };

/** The process has just been started. `isThere` says later whether it still is: its number may be another's by then. */
export function standBack(
	pid: number,
	isThere: () => boolean,
	clock: Clock,
	priorities: Priorities = SYSTEM,
): void {
	if (!priorities.mayGiveBack()) return;
	const setAll = (priority: number): void => {
		for (const thread of priorities.threadsOf(pid))
			try {
				priorities.set(thread, priority);
			} catch {
				// It has ended meanwhile.
			}
	};
	setAll(BACK);
	clock.after(BACK_MS, () => {
		if (isThere()) setAll(priorities.own());
	});
}
