/**
 * A process whose loop hangs is ended, so that another takes its place: it is asked now and then whether it is alive, and has to answer one
 * of a few questions in a row. With a worker goes what is under way, so of a worker it must be sure that it is the loop: one that has
 * had no processor time waits for something, perhaps for a disk that hangs, or was stopped, and goes on when that is over. (Of such a one
 * control tells, and the service manager judges: `manager.ts`.) One that has never answered may still be reading its program, which takes long
 * on a slow machine with much to do: ended for that, it would begin anew for ever. Used by `opener.ts`.
 */

import { type Clock, systemClock } from "../clock.js";
import type { Child } from "./children.js";
import type { ProcessKind } from "./messages.js";
import { loopSecondsOf } from "./processes.js";

interface Patience {
	readonly everyMs: number;
	readonly limitMs: number;
	/** How many questions in a row: a machine that was asleep wakes with one that is too old. */
	readonly misses: number;
	/** The same of one that has not answered any yet. */
	readonly firstMisses: number;
	/** Of the time for an answer, how much its loop has had of a processor before that counts as none. */
	readonly busyPart: number;
}

/** Who answers within that is not looked at further: thousands of idle disks shall not have /proc read all day long. */
const SOON_MS = 200;

const PATIENCE: Readonly<Record<ProcessKind, Patience>> = {
	control: { everyMs: 10_000, limitMs: 10_000, misses: 3, firstMisses: 12, busyPart: 0 },
	// Before a service manager gives up on all of it: within a third of the unit's WatchdogSec=.
	worker: { everyMs: 1000, limitMs: 4000, misses: 2, firstMisses: 48, busyPart: 0.25 },
};

/** Returns what stops it. */
export function watchForHang(
	child: Pick<Child, "kind" | "isAlive" | "kill" | "pid">,
	clock: Clock = systemClock,
	secondsOf = loopSecondsOf,
): () => void {
	const { everyMs, limitMs, misses, firstMisses, busyPart } = PATIENCE[child.kind];
	let silences = 0;
	let asked: number | undefined;
	/** The one that has answered once. */
	let known: number | undefined;
	let stop = (): void => {};
	const answers = async (pid: number, withinMs: number): Promise<boolean> => {
		if (!(await child.isAlive(withinMs))) return false;
		if (child.pid === pid) known = pid;
		return true;
	};
	const hangs = async (pid: number): Promise<boolean> => {
		if (busyPart === 0) return !(await answers(pid, limitMs));
		if (await answers(pid, SOON_MS)) return false;
		const before = await secondsOf(pid);
		if (await answers(pid, limitMs - SOON_MS)) return false;
		return (await secondsOf(pid)) - before >= (busyPart * limitMs) / 1000;
	};
	const look = async (): Promise<void> => {
		const { pid } = child;
		const isSilent = pid !== undefined && (await hangs(pid));
		silences = isSilent && pid === asked ? silences + 1 : 0;
		asked = pid;
		const allowed = pid === known ? misses : firstMisses;
		if (silences < allowed || child.pid !== pid) return;
		silences = 0;
		const silentMs = allowed * (limitMs + everyMs);
		const how = busyPart > 0 ? "its loop has been busy, and" : "it";
		child.kill(`${how} has not answered for ${silentMs / 1000} s`);
	};
	let isStopped = false;
	const again = (): void => {
		if (!isStopped) stop = clock.after(everyMs, () => void look().then(again));
	};
	again();
	return () => {
		isStopped = true;
		stop();
	};
}
