/**
 * Control, started again in the midst of load, stands back until it has read its code: half a second of a processor is taken from
 * no worker that shares it. Not at a start of all, when nobody is served yet. Only where what is taken can be given back, which
 * needs a capability (sched(7)). Used by `children.ts`.
 */

import { readFileSync } from "node:fs";
import { setPriority } from "node:os";
import type { Clock } from "../clock.js";
import { isCapable } from "../privileges.js";

/** As nice(1) puts it: a tenth of what the others get, where there is not enough for all. */
const BACK = 10;
/** Less than anybody waits for a page. */
const BACK_MS = 5000;
/** Its bit (capabilities(7)). */
const CAP_SYS_NICE = 23;

function mayGiveBack(): boolean {
	try {
		return isCapable(readFileSync("/proc/self/status", "utf8"), CAP_SYS_NICE) === true;
	} catch {
		return false;
	}
}

/**
 * The process has just been started. `isThere` says later whether it still is: its number may be another's by then.
 * @param set in place of setpriority(2), for tests
 */
export function standBack(
	pid: number,
	isThere: () => boolean,
	clock: Clock,
	set: (pid: number, priority: number) => void = setPriority,
	may: () => boolean = mayGiveBack,
): void {
	if (!may()) return;
	try {
		set(pid, BACK);
	} catch {
		// It has ended already.
		return;
	}
	clock.after(BACK_MS, () => {
		if (!isThere()) return;
		try {
			set(pid, 0);
		} catch {
			// It has ended meanwhile.
		}
	});
}
