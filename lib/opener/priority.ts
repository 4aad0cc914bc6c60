/**
 * Control, started again in the midst of load, stands back until it has read its code and what is configured: of a processor that a
 * worker has to itself it takes what nobody else wants, and gives it up at once whenever the worker wakes. Not at a start of all, when
 * nobody is served yet. Only where what is taken can be given back, which needs a capability (sched(7)). Used by `children.ts`.
 */

import { readdirSync, readFileSync } from "node:fs";
import type { Clock } from "../clock.js";
import { native } from "../native.js";
import { isCapable } from "../privileges.js";

/** Policies of sched(7): the usual one, the usual one for those that never wait, and of those that run where nobody else wants to. */
const SCHED_OTHER = 0;
const SCHED_BATCH = 3;
export const SCHED_IDLE = 5;
/** Where all processors are at work for so long, it comes back at their cost: what initiators set waits for it. */
const BACK_MS = 10_000;
/** Its bit (capabilities(7)). */
const CAP_SYS_NICE = 23;

/** What an operator has given a priority of its own is left as it is. */
function mayGiveBack(): boolean {
	try {
		const isUsual = [SCHED_OTHER, SCHED_BATCH].includes(native.schedulingOf(process.pid));
		return isUsual && isCapable(readFileSync("/proc/self/status", "utf8"), CAP_SYS_NICE) === true;
	} catch {
		return false;
	}
}

/** Of a process; none if it has ended. To Linux each of its threads has a policy of its own, and new ones that of whoever starts them. */
function threadsOf(pid: number): readonly number[] {
	try {
		return readdirSync(`/proc/${pid}/task`).map(Number);
	} catch {
		return [];
	}
}

export interface Scheduling {
	readonly mayGiveBack: () => boolean;
	/** This process's policy, which those that it starts have too. */
	readonly own: () => number;
	readonly threadsOf: (pid: number) => readonly number[];
	/** sched_setscheduler(2), of a thread. */
	readonly set: (thread: number, policy: number) => void;
}

const SYSTEM: Scheduling = {
	mayGiveBack,
	own: () => native.schedulingOf(process.pid),
	threadsOf,
	set: (thread, policy) => native.schedule(thread, policy),
};

/** The process has just been started. `isThere` says later whether it still is: its number may be another's by then. */
export function standBack(
	pid: number,
	isThere: () => boolean,
	clock: Clock,
	scheduling: Scheduling = SYSTEM,
): void {
	if (!scheduling.mayGiveBack()) return;
	const setAll = (policy: number): void => {
		for (const thread of scheduling.threadsOf(pid))
			try {
				scheduling.set(thread, policy);
			} catch {
				// It has ended meanwhile.
			}
	};
	setAll(SCHED_IDLE);
	clock.after(BACK_MS, () => {
		if (isThere()) setAll(scheduling.own());
	});
}
