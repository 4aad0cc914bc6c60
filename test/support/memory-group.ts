/**
 * A control group of a test's own with a limit for memory, below the one that the test is in. Gone at the end. Versions 1 and 2
 * of the kernel's interface.
 */

import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { atEnd } from "./cleanup.js";

export interface MemoryGroup {
	/** Begins a command that is to run in the group. */
	readonly under: readonly string[];
	/** How often the kernel has ended a process of the group for want of memory. */
	kills(): number;
}

/** Undefined where this machine lets nobody make one. */
export function makeMemoryGroup(limitBytes: number): MemoryGroup | undefined {
	const own = readFileSync("/proc/self/cgroup", "utf8");
	const [, first] = /^\d+:memory:(.*)$/m.exec(own) ?? [];
	const [, second] = /^0::(.*)$/m.exec(own) ?? [];
	const parent =
		first === undefined
			? path.join("/sys/fs/cgroup", second ?? "")
			: path.join("/sys/fs/cgroup/memory", first);
	const directory = path.join(parent, `vblade-test-${process.pid}`);
	try {
		mkdirSync(directory);
		atEnd(() => rmdirSync(directory));
		writeFileSync(
			path.join(directory, first === undefined ? "memory.max" : "memory.limit_in_bytes"),
			`${limitBytes}`,
		);
	} catch {
		return undefined;
	}
	const events = path.join(directory, first === undefined ? "memory.events" : "memory.oom_control");
	return {
		under: ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', directory],
		kills: () => Number(/^oom_kill (\d+)$/m.exec(readFileSync(events, "utf8"))?.[1]),
	};
}
