/**
 * The machine that figures are taken on: what a reader has to know to compare them with those of another one, and whether
 * somebody else was using it at the time. Asked by `main.ts`; printed and saved with the figures.
 */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, cpus, loadavg, release, totalmem } from "node:os";
import { pause } from "../support/cleanup.js";
import { PROJECT } from "../support/paths.js";

export interface Machine {
	readonly processor: string;
	readonly cores: number;
	readonly memoryGib: number;
	/** Frequency governor, where the kernel shows one. */
	readonly governor: string;
	readonly kernel: string;
	readonly node: string;
	/** Versions of what is compared. */
	readonly ours: string;
	readonly vblade: string;
	/** Over the last minute, at the start. */
	readonly loadAverage: number;
	/** Share of all cores that were at work just before the start, 0..1. */
	readonly busy: number;
}

/** More than this at work before we begin is somebody else's doing, and will disturb. */
const BUSY_MAX = 0.05;
const LOOK_MS = 1000;

/** Looks for a second, in which this process does nothing. */
export async function lookAtMachine(): Promise<Machine> {
	const before = coreTimes();
	await pause(LOOK_MS);
	return {
		processor: cpus()[0]?.model.trim() ?? "unknown",
		cores: cpus().length,
		memoryGib: Math.round(totalmem() / 2 ** 30),
		governor: firstLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") ?? "not shown",
		kernel: `${release()} ${arch()}`,
		node: process.version,
		ours: said("git", "-C", PROJECT, "describe", "--always", "--dirty") ?? "unknown",
		vblade: said("dpkg-query", "-W", "-f", "$" + "{Version}", "vblade") ?? "unknown",
		loadAverage: loadavg()[0] ?? 0,
		busy: shareBetween(before, coreTimes(), (times) => times.total - times.idle),
	};
}

/** What is wrong with measuring here and now, in lines for the operator. */
export function warnings(machine: Machine): string[] {
	const lines: string[] = [];
	if (machine.busy > BUSY_MAX) {
		const percent = Math.round(machine.busy * 100);
		lines.push(`the machine is not idle (${percent} % at work before the start): these figures are noise`);
	}
	if (machine.cores < 2) lines.push("there is one core: servers and load generator get in each other's way");
	return lines;
}

/** Watches from now on; the function returned tells the share of time that the hypervisor gave to others since. */
export function watchStolen(): () => number {
	const before = coreTimes();
	return () => shareBetween(before, coreTimes(), (times) => times.stolen);
}

/** A core for the server and one for the load generator, of those that we may use; on different physical cores if possible. */
export function chooseCores(): { targetCore: number; loadCore: number } {
	const allowed = parseList(
		/^Cpus_allowed_list:\s+(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1],
	);
	const targetCore = allowed[0] ?? 0;
	const siblings = parseList(
		firstLine(`/sys/devices/system/cpu/cpu${targetCore}/topology/thread_siblings_list`),
	);
	const loadCore = allowed.find((core) => !siblings.includes(core)) ?? allowed[1] ?? targetCore;
	return { targetCore, loadCore };
}

/** The numbers in the kernel's `0-2,5`. */
export function parseList(text = ""): number[] {
	return text
		.split(",")
		.filter((part) => part !== "")
		.flatMap((part) => {
			const [first = 0, last = first] = part.split("-").map(Number);
			return Array.from({ length: last - first + 1 }, (_, index) => first + index);
		});
}

interface CoreTimes {
	readonly total: number;
	readonly idle: number;
	readonly stolen: number;
}

/** Of all cores together, since they were started: the first line of /proc/stat (see proc(5)). */
function coreTimes(): CoreTimes {
	const [, user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0, stolen = 0] = (
		firstLine("/proc/stat") ?? ""
	)
		.split(/\s+/)
		.map(Number);
	return { total: user + nice + system + idle + wait + irq + softirq + stolen, idle: idle + wait, stolen };
}

function shareBetween(before: CoreTimes, after: CoreTimes, part: (times: CoreTimes) => number): number {
	return (part(after) - part(before)) / Math.max(1, after.total - before.total);
}

function firstLine(file: string): string | undefined {
	try {
		return readFileSync(file, "utf8").split("\n")[0];
	} catch {
		return undefined;
	}
}

/** What a command prints, or undefined if it can't be run. */
function said(command: string, ...args: string[]): string | undefined {
	try {
		return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
	} catch {
		return undefined;
	}
}
