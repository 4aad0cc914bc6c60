/**
 * The part of the table in `lib/cli/options.ts` that is of commands which ask a running daemon: their arguments and options. Data only.
 */

import { type Form, HELP, SOCKET } from "../forms.js";

/** Of every command that asks a daemon. */
export const ASKING_OPTIONS = [HELP, SOCKET, { name: "json", help: "what it says as JSON" }] as const;
const DISK_NAME = { name: "name", help: "the name of a disk" };
const SETTINGS = {
	name: "key=value",
	help: "a key of [disk.NAME] in vblade.toml(5), as in limit.iops=5000",
	isRepeated: true,
};
const DRY_RUN = { name: "dry-run", help: "say what would be done, and do nothing" } as const;

export const STATUS = {
	name: "status",
	help: "Says what a daemon serves, who uses it, and what is wrong.",
	arguments: [],
	options: ASKING_OPTIONS,
} as const satisfies Form;

export const TOP = {
	name: "top",
	help: "Shows what disks do, live.",
	arguments: [],
	options: [
		...ASKING_OPTIONS,
		{ name: "batch", short: "b", help: "for scripts: one list after the other, no screen" },
		{ name: "count", short: "n", value: "number", help: "end after so many" },
		{ name: "delay", short: "d", value: "seconds", default: "2", help: "from one to the next" },
		{
			name: "sort",
			value: "column",
			default: "reads",
			help: "what stands at the top: name, reads, writes, latency or errors",
		},
	],
} as const satisfies Form;

export const IOSTAT = {
	name: "iostat",
	help: "Prints what disks have done, as iostat(1) does.",
	arguments: [{ name: "seconds", help: "go on, with a report each time so long is over", isOptional: true }],
	options: [
		...ASKING_OPTIONS,
		{ name: "disk", value: "name", help: "this disk alone" },
		{ name: "count", short: "n", value: "number", help: "end after so many reports" },
	],
} as const satisfies Form;

export const EVENTS = {
	name: "events",
	help: "Tells what has happened.",
	arguments: [],
	options: [
		...ASKING_OPTIONS,
		{ name: "follow", short: "f", help: "go on, with what happens" },
		{ name: "lines", short: "n", value: "number", default: "100", help: "how many of the latest" },
		{ name: "disk", value: "name", help: "those of this disk alone" },
	],
} as const satisfies Form;

export const RELOAD = {
	name: "reload",
	help: "Has the daemon read its files again, and make what they say so.",
	arguments: [],
	options: ASKING_OPTIONS,
} as const satisfies Form;

export const DIFF = {
	name: "diff",
	help: "Says what a reload would change.",
	arguments: [],
	options: ASKING_OPTIONS,
} as const satisfies Form;

export const DUMP = {
	name: "dump",
	help: "Prints what is running as a configuration file.",
	arguments: [],
	options: ASKING_OPTIONS,
} as const satisfies Form;

export const DISK_LS = {
	name: "disk ls",
	help: "Lists the disks.",
	arguments: [],
	options: [
		...ASKING_OPTIONS,
		{ name: "search", value: "text", help: "those whose name, storage or address has this in it" },
		{ name: "state", value: "state", help: "those in this state: open, failed, fenced ..." },
		{ name: "sort", value: "column", help: "by name, or the most of reads, writes, latency or errors first" },
	],
} as const satisfies Form;

export const DISK_SHOW = {
	name: "disk show",
	help: "Tells all there is to know of a disk.",
	arguments: [DISK_NAME],
	options: ASKING_OPTIONS,
} as const satisfies Form;

export const DISK_ADD = {
	name: "disk add",
	help: "Adds a disk.",
	arguments: [DISK_NAME, SETTINGS],
	options: [...ASKING_OPTIONS, DRY_RUN],
} as const satisfies Form;

export const DISK_SET = {
	name: "disk set",
	help: "Changes a disk; key= takes a key away.",
	arguments: [DISK_NAME, SETTINGS],
	options: [...ASKING_OPTIONS, DRY_RUN, { name: "yes", help: "do not ask" }],
} as const satisfies Form;

export const DISK_RM = {
	name: "disk rm",
	help: "Removes a disk; what it is stored in stays.",
	arguments: [DISK_NAME],
	options: [
		...ASKING_OPTIONS,
		DRY_RUN,
		{ name: "force", help: "do not ask, and do it although initiators use it" },
	],
} as const satisfies Form;

export const DISK_FENCE = {
	name: "disk fence",
	help: "Has nobody be answered any more; the disk stays open.",
	arguments: [DISK_NAME],
	options: ASKING_OPTIONS,
} as const satisfies Form;

export const DISK_UNFENCE = {
	name: "disk unfence",
	help: "Has all be answered again.",
	arguments: [DISK_NAME],
	options: ASKING_OPTIONS,
} as const satisfies Form;

export const DISK_VERIFY = {
	name: "disk verify",
	help: "Compares the disks of a mirror, while it serves.",
	arguments: [DISK_NAME],
	options: [
		...ASKING_OPTIONS,
		{ name: "repair", help: "where they differ, those that differ from most get what most have" },
		{
			name: "from",
			value: "disk",
			help: "the others get what this one has; with --repair where no majority is",
		},
	],
} as const satisfies Form;

export const DISK_RESYNC = {
	name: "disk resync",
	help: "Has a disk of a mirror that takes no part overwritten with what the mirror has.",
	arguments: [DISK_NAME, { name: "part", help: "the name of that disk" }],
	options: ASKING_OPTIONS,
} as const satisfies Form;

const MACHINE_NAME = { name: "name", help: "the name of a machine, as vblade machine ls tells it" };
const MACHINE_FORCE = { name: "force", help: "also while it runs: it is cut off" } as const;

export const MACHINE_LS = {
	name: "machine ls",
	help: "Lists the machines that have come.",
	arguments: [],
	options: [...ASKING_OPTIONS, { name: "template", value: "name", help: "those of this template alone" }],
} as const satisfies Form;

export const MACHINE_RESET = {
	name: "machine reset",
	help: "Has a machine begin anew, as its template's image is now; what it has written is lost.",
	arguments: [MACHINE_NAME],
	options: [...ASKING_OPTIONS, MACHINE_FORCE],
} as const satisfies Form;

export const MACHINE_KEEP = {
	name: "machine keep",
	help: "Has what a machine writes stay from boot to boot.",
	arguments: [MACHINE_NAME],
	options: [
		...ASKING_OPTIONS,
		{ name: "anew", help: "the other way: it is made anew whenever it boots" },
		{ name: "as-template", help: "as its template says" },
	],
} as const satisfies Form;

export const MACHINE_GOLDEN = {
	name: "machine golden",
	help: "Has what a machine holds be the image of its template; the other machines stay as they are.",
	arguments: [MACHINE_NAME],
	options: ASKING_OPTIONS,
} as const satisfies Form;

export const MACHINE_RM = {
	name: "machine rm",
	help: "Removes a machine with all that it holds; its slot is free then.",
	arguments: [MACHINE_NAME],
	options: [...ASKING_OPTIONS, MACHINE_FORCE],
} as const satisfies Form;
