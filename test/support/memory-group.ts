/**
 * A control group of a test's own with a limit for memory, below the one that the test is in. Gone at the end. Versions 1 and 2
 * of the kernel's interface.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { atEnd } from "./cleanup.js";

export interface MemoryGroup {
	/** Begins a command that is to run in the group. */
	readonly under: readonly string[];
	/** How often the kernel has ended a process of the group for want of memory. */
	kills(): number;
}

/** The interface's version, where its folders are, and the group that this process is in. */
interface Hierarchy {
	readonly version: 1 | 2;
	readonly root: string;
	readonly own: string;
}

let made = 0;

/**
 * Undefined where this machine lets nobody make one. For a mount namespace of the test's own: who enters a network namespace
 * sees a /sys without control groups, so they are mounted there.
 */
export function makeMemoryGroup(limitBytes: number): MemoryGroup | undefined {
	made += 1;
	const hierarchy = memoryHierarchy();
	const { version, root, own } = hierarchy;
	mountIfMissing(hierarchy);
	for (const parent of new Set([path.join(root, own), root])) {
		const directory = path.join(parent, `vblade-test-${process.pid}-${made}`);
		if (!limited(directory, version, limitBytes)) continue;
		atEnd(() => rmdirSync(directory));
		const events = path.join(directory, version === 1 ? "memory.oom_control" : "memory.events");
		return {
			under: ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', directory],
			kills: () => Number(/^oom_kill (\d+)$/m.exec(readFileSync(events, "utf8"))?.[1]),
		};
	}
	return undefined;
}

function memoryHierarchy(): Hierarchy {
	const groups = readFileSync("/proc/self/cgroup", "utf8");
	const [, first] = /^\d+:memory:(.*)$/m.exec(groups) ?? [];
	if (first !== undefined) return { version: 1, root: "/sys/fs/cgroup/memory", own: first };
	return { version: 2, root: "/sys/fs/cgroup", own: /^0::(.*)$/m.exec(groups)?.[1] ?? "" };
}

function mountIfMissing({ version, root }: Hierarchy): void {
	if (existsSync(path.join(root, "cgroup.procs"))) return;
	if (version === 2) {
		execFileSync("mount", ["-t", "cgroup2", "none", root]);
		return;
	}
	execFileSync("mount", ["-t", "tmpfs", "none", path.dirname(root)]);
	mkdirSync(root);
	execFileSync("mount", ["-t", "cgroup", "-o", "memory", "none", root]);
}

function limited(directory: string, version: 1 | 2, limitBytes: number): boolean {
	try {
		mkdirSync(directory);
		writeFileSync(
			path.join(directory, version === 1 ? "memory.limit_in_bytes" : "memory.max"),
			`${limitBytes}`,
		);
		return true;
	} catch {
		if (existsSync(directory)) rmdirSync(directory);
		return false;
	}
}
