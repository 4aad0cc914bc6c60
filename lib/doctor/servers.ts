/**
 * The servers that run on this machine and its network, found in /proc: each process of vblade's, its limits, what it has open, and which blades
 * its command line names. Read once, for `Context`.
 */

import { SHELF_MAX, SLOT_MAX } from "../spec/ranges.js";
import type { Machine } from "./machine.js";

export interface ServedBlade {
	readonly shelf: number;
	readonly slot: number;
	/** As it was written: an interface, a list, a glob. */
	readonly netif: string;
}

export interface Server {
	readonly pid: number;
	/** The words behind the program's name. */
	readonly words: readonly string[];
	readonly blades: readonly ServedBlade[];
	/** Descriptors that are open, and the most there may be; undefined if it does not say. */
	readonly openFiles: number | undefined;
	readonly openFilesMax: number | undefined;
	/** Regular files and block devices that it has open, but for its standard streams; paths that hold only for this process are those in /proc. */
	readonly files: readonly OpenFile[];
}

export interface OpenFile {
	readonly name: string;
	/** By which it can be looked at, also if it is in another mount namespace. */
	readonly path: string;
}

/** The program, whatever it was started by: `vblade`, `node .../vblade.js`, `/usr/sbin/vblade`. */
const PROGRAM = /(?:^|\/)vblade(?:\.js)?$/;
/** Commands that are no servers. */
const COMMANDS = new Set([
	"discover",
	"bench",
	"doctor",
	"capture",
	"check",
	"status",
	"top",
	"iostat",
	"events",
]);
/** How many words of a command line are looked at for the program's name: what starts a program has few of its own. */
const STARTER_WORDS = 6;

export function findServers(machine: Machine): Server[] {
	return machine
		.names("/proc")
		.filter((name) => /^\d+$/.test(name))
		.map((name) => serverOf(machine, Number(name)))
		.filter((server) => server !== undefined);
}

function serverOf(machine: Machine, pid: number): Server | undefined {
	const line = machine.read(`/proc/${pid}/cmdline`)?.split("\0") ?? [];
	const at = line.slice(0, STARTER_WORDS).findIndex((word) => PROGRAM.test(word));
	// A shell that starts it, or a supervisor, has the program's name in its command line, too.
	const isStarter = /^(?:env|sh|bash|sudo|ip|setpriv)$/.test(machine.read(`/proc/${pid}/comm`) ?? "");
	if (at === -1 || isStarter) return undefined;
	const words = line.slice(at + 1).filter((word) => word !== "");
	if (words.length === 0 || COMMANDS.has(words[0] ?? "") || isElsewhere(machine, pid)) return undefined;
	const folder = `/proc/${pid}/fd`;
	const descriptors = machine.names(folder);
	const files = descriptors
		// (Where its output goes is nothing that it serves.)
		.filter((name) => Number(name) > 2)
		.map((name) => ({ name: machine.link(`${folder}/${name}`) ?? "", path: `${folder}/${name}` }))
		.filter(
			({ name }) => name.startsWith("/") && !/^\/(?:proc|sys|memfd:|dev\/(?!\w+\d*$|mapper\/))/.test(name),
		)
		.filter(({ name }) => !/^\/dev\/(?:null|zero|u?random|tty|ptmx|pts)/.test(name));
	return {
		pid,
		words,
		blades: bladesOf(words),
		openFiles: descriptors.length === 0 ? undefined : descriptors.length,
		openFilesMax: limitOf(machine, pid, "Max open files"),
		files: [...new Map(files.map((file) => [file.name, file])).values()],
	};
}

/** True for a process in another network namespace: its interfaces are others, and it is none of ours. */
function isElsewhere(machine: Machine, pid: number): boolean {
	const namespace = machine.link(`/proc/${pid}/ns/net`);
	return namespace !== undefined && namespace !== machine.link("/proc/self/ns/net");
}

/** The soft limit of a process; Infinity if it has none. */
export function limitOf(machine: Machine, pid: number | "self", name: string): number | undefined {
	const line = machine.lines(`/proc/${pid}/limits`).find((each) => each.startsWith(name));
	const [, soft] = /^\s*(\S+)/.exec(line?.slice(name.length) ?? "") ?? [];
	if (soft === undefined) return undefined;
	return soft === "unlimited" ? Infinity : Number(soft);
}

/** Shelf, slot, netif and file in a row: whatever options are in between, numbers that follow each other are nothing else. */
function bladesOf(words: readonly string[]): ServedBlade[] {
	return words.flatMap((word, index) => {
		const [slot = "", netif = "", file] = words.slice(index + 1);
		if (!isNumber(word, SHELF_MAX) || !isNumber(slot, SLOT_MAX) || file === undefined) return [];
		return /^-|^\d+$/.test(netif) ? [] : [{ shelf: Number(word), slot: Number(slot), netif }];
	});
}

function isNumber(word: string, max: number): boolean {
	return /^\d+$/.test(word) && Number(word) <= max;
}

/** What servers that were started by themselves have on an interface: the process of each address, `9.0`. */
export function servedByProcess(servers: readonly Server[], interfaceName: string): Map<string, number> {
	const served = new Map<string, number>();
	for (const { pid, blades } of servers)
		for (const { shelf, slot, netif } of blades)
			if (isMeant(netif, interfaceName)) served.set(`${shelf}.${slot}`, pid);
	return served;
}

/** True if a list of names and of a shell's globs means the interface. */
export function isMeant(netif: string, interfaceName: string): boolean {
	return netif.split(",").some((part) => {
		const pattern = part
			.replace(/^pcap:/, "")
			.replace(/[.+^$(){}|\\]/g, "\\$&")
			.replaceAll("*", ".*")
			.replaceAll("?", ".");
		try {
			return new RegExp(`^${pattern}$`).test(interfaceName);
		} catch {
			return false;
		}
	});
}
