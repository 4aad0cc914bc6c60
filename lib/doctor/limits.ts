/**
 * What this machine lets a process have: descriptors, threads, locked memory, the memory of its control group; for the servers
 * that run, and for one that would be started from here.
 */

import { sizeText } from "../text.js";
import { type Check, type Finding, fault, note, ok, warn } from "./check.js";
import type { Machine } from "./machine.js";
import { hasCapability } from "./privileges.js";
import { limitOf, type Server } from "./servers.js";

/** What a server has open beside its disks, roughly. */
const FILES_OWN = 64;
const FILES_LEAST = 1024;
const FULL_SHARE = 0.9;
/** With fewer Node.js can't start. */
const THREADS_LEAST = 15;
/** Of the memory that answers are sent from by an XDP socket. */
const LOCKED_LEAST_BYTES = 8 * 2 ** 20;

export const limits: Check = {
	name: "limits",
	limitMs: 10_000,
	run({ machine, servers }) {
		const found = [
			...servers.flatMap(ofServer),
			...ofFiles(machine),
			...ofThreads(machine),
			...ofMemory(machine),
		];
		return found.length > 0 ? found : [ok("descriptors, threads and memory are within their limits")];
	},
};

function ofServer({ pid, openFiles, openFilesMax }: Server): Finding[] {
	if (openFiles === undefined || openFilesMax === undefined) return [];
	if (openFiles < openFilesMax * FULL_SHARE) return [];
	return [
		warn(
			`process ${pid} has ${openFiles} descriptors open, of ${openFilesMax}`,
			"with none left it can open no disk, and no link that comes back",
			"raise the limit (ulimit -n, LimitNOFILE=) and start it again",
		),
	];
}

function ofFiles(machine: Machine): Finding[] {
	const most = limitOf(machine, "self", "Max open files");
	if (most === undefined || most >= FILES_LEAST) return [];
	return [
		warn(
			`a server that is started from here may have ${most} descriptors open`,
			`it needs one for each disk, and some ${FILES_OWN} beside that`,
			`ulimit -n ${FILES_LEAST}, or LimitNOFILE= in its unit`,
		),
	];
}

function ofThreads(machine: Machine): Finding[] {
	const found: Finding[] = [];
	const group = cgroup(machine, "pids");
	const used = group === undefined ? undefined : machine.number(`${group}/pids.current`);
	const most = group === undefined ? undefined : machine.number(`${group}/pids.max`);
	if (used !== undefined && most !== undefined && most - used < THREADS_LEAST)
		found.push(
			fault(
				`the control group of this process has room for ${most - used} more threads, of ${most}`,
				`Node.js does not start with fewer than ${THREADS_LEAST}, and disks that hang take more`,
				"raise its limit of processes (pids.max, TasksMax=)",
			),
		);
	const [, all] = /\d+\/(\d+)/.exec(machine.read("/proc/loadavg") ?? "") ?? [];
	const allMost = machine.number("/proc/sys/kernel/threads-max");
	if (all !== undefined && allMost !== undefined && Number(all) > allMost * FULL_SHARE)
		found.push(warn(`the machine has ${all} threads, of ${allMost} (kernel.threads-max)`));
	return found;
}

function ofMemory(machine: Machine): Finding[] {
	const found: Finding[] = [];
	const group = cgroup(machine, "memory");
	const used = group === undefined ? undefined : machine.number(`${group}/memory.current`);
	const most = group === undefined ? undefined : machine.number(`${group}/memory.max`);
	if (used !== undefined && most !== undefined && used > most * FULL_SHARE)
		found.push(
			warn(`the control group of this process uses ${sizeText(used)} of memory, of ${sizeText(most)}`),
		);
	const locked = limitOf(machine, "self", "Max locked memory");
	if (locked !== undefined && locked < LOCKED_LEAST_BYTES && hasCapability(machine, "CAP_IPC_LOCK") === false)
		found.push(
			note(
				`a server that is started from here may lock ${sizeText(locked)} of memory`,
				"with less than 8M answers leave through the interface's queue, which takes more of the processor",
				"ulimit -l 8192, or LimitMEMLOCK=",
			),
		);
	return found;
}

/** The directory of the control group that has a controller, in the second version of control groups. */
function cgroup(machine: Machine, controller: string): string | undefined {
	const [, path] = /^0::(.*)$/m.exec(machine.read("/proc/self/cgroup") ?? "") ?? [];
	const [, old] =
		new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(.*)$`, "m").exec(
			machine.read("/proc/self/cgroup") ?? "",
		) ?? [];
	if (old !== undefined) return `/sys/fs/cgroup/${controller}${old}`;
	return path === undefined ? undefined : `/sys/fs/cgroup${path}`;
}
