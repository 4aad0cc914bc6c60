/**
 * What the kernel says about running processes: CPU time and resident memory, the kernel's work on their behalf included.
 * Asked by the benchmark before and after each run.
 */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ: what the kernel tells to programs, whatever it counts in. */
const TICKS_PER_SECOND = 100;

/** CPU seconds that the threads of these processes have used since they began, in user mode and in the kernel. */
export function cpuSeconds(pids: readonly number[]): number {
	return pids.reduce((sum, pid) => sum + cpuNanoseconds(pid), 0) / 1e9;
}

/**
 * The first number of each thread's schedstat is exact to the nanosecond. The times in /proc/PID/stat are not: they come
 * in hundredths of a second, and one of those is all that an idle process may use in the ten seconds we look.
 */
function cpuNanoseconds(pid: number): number {
	let nanoseconds = 0;
	for (const thread of readdirSync(`/proc/${pid}/task`)) {
		try {
			nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
		} catch {
			// This thread has just ended.
		}
	}
	return nanoseconds;
}

/** The same of whole processes, threads that have ended included; in hundredths of a second. */
export function cpuOfAll(pids: readonly number[]): number {
	return pids.reduce((sum, pid) => {
		// utime and stime, of proc_pid_stat(5): numbers 14 and 15, of which 3 is the first behind the name.
		const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
		return sum + (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
	}, 0);
}

/**
 * What is in memory because of these processes together, in KiB (their proportional set size, in which a page shared by
 * many counts in parts), without the mapped pages of files in `imageDirectory`: those are the page cache's, and are there
 * whether a server maps them or copies from them.
 */
export function residentKib(pids: readonly number[], imageDirectory: string): number {
	return pids.reduce(
		(sum, pid) => sum + ownKib(readFileSync(`/proc/${pid}/smaps`, "utf8"), imageDirectory),
		0,
	);
}

/** Sums what /proc/PID/smaps says: a line that begins with an address range opens a mapping, its path comes last. */
export function ownKib(smaps: string, imageDirectory: string): number {
	let kib = 0;
	let counts = true;
	for (const line of smaps.split("\n")) {
		const [, pss] = /^Pss:\s+(\d+) kB/.exec(line) ?? [];
		if (pss !== undefined) kib += counts ? Number(pss) : 0;
		else if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) counts = !line.includes(` ${imageDirectory}/`);
	}
	return kib;
}

/** Has a process that runs already stay on one core, with all its threads. */
export function pin(pid: number, core: number): void {
	execFileSync("taskset", ["-a", "-p", "-c", String(core), String(pid)], { stdio: "ignore" });
}
