/**
 * Whether this machine has what the configuration asks for: processors and memory for its workers, descriptors for its disks. What is wanting
 * is a warning, for all is served that can be. Told by `opener.ts` at the start, and by `vblade check`.
 */

import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { counted, sizeText } from "../text.js";

export interface Means {
	readonly processors: number;
	readonly memoryBytes: number;
	/** That one process may have open. */
	readonly descriptors: number;
}

const MIB = 1024 * 1024;
/** Of a worker that serves nothing yet, without what all share. */
const WORKER_BYTES = 60 * MIB;
/** Of the memory, before it is said how much workers take. */
const MEMORY_SHARE = 0.5;
/** What a process has open beside its disks, roughly, and for each disk. */
const FILES_OWN = 64;
const FILES_OF_DISK = 2;

export function meansHere(): Means {
	// Of the control group, if that has less; a number that is none of memory if it has no limit.
	const most = process.constrainedMemory() || Infinity;
	return {
		processors: availableParallelism(),
		memoryBytes: Math.min(totalmem(), most),
		descriptors: descriptorsHere(),
	};
}

/** Node has raised what is asked first to what may be had. */
function descriptorsHere(): number {
	const [, most = ""] = /^Max open files +(\S+)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? [];
	return most === "unlimited" ? Infinity : Number(most);
}

/** A line for each thing. */
export function wanting(workers: number, disks: number, means: Means): string[] {
	const lines: string[] = [];
	const bytes = workers * WORKER_BYTES;
	if (workers > means.processors)
		lines.push(
			`[daemon] workers = ${workers}: this machine has ${counted(means.processors, "processor")}; more workers than that serve nothing faster`,
		);
	if (workers > 1 && bytes > means.memoryBytes * MEMORY_SHARE)
		lines.push(
			`[daemon] workers = ${workers}: they take ${sizeText(bytes)} of memory before they serve anything, of ${sizeText(means.memoryBytes)}`,
		);
	const files = FILES_OWN + FILES_OF_DISK * Math.ceil(disks / workers);
	if (files > means.descriptors)
		lines.push(
			`a process may have ${means.descriptors} descriptors open, and a worker wants some ${files}: not all disks may be served; raise the limit (ulimit -n, LimitNOFILE=)`,
		);
	return lines;
}
