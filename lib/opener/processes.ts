/**
 * What the kernel knows of a process of the daemon: processor time and memory, from /proc. Asked by the opener for status, and for a process that
 * does not answer.
 */

import { readFile } from "node:fs/promises";

/** Of proc(5): the unit of times in `stat` is the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const KIB = 1024;

/** Processor seconds of all threads, and bytes resident; zeros for one that has ended. */
export async function usageOf(pid: number): Promise<{ cpuSeconds: number; residentBytes: number }> {
	try {
		const [stat, status] = await Promise.all([
			readFile(`/proc/${pid}/stat`, "latin1"),
			readFile(`/proc/${pid}/status`, "latin1"),
		]);
		const residentKib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
		return { cpuSeconds: secondsIn(stat), residentBytes: residentKib * KIB };
	} catch {
		return { cpuSeconds: 0, residentBytes: 0 };
	}
}

/** Processor seconds of the thread that its loop runs in; 0 for one that has ended. */
export async function loopSecondsOf(pid: number): Promise<number> {
	try {
		return secondsIn(await readFile(`/proc/${pid}/task/${pid}/stat`, "latin1"));
	} catch {
		return 0;
	}
}

function secondsIn(stat: string): number {
	// The name of the program may hold anything; what follows it begins with field 3.
	const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
	return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
