/**
 * What can be typed after `vblade`, as one table: the commands, their arguments and options. `getopt.ts` takes command lines
 * apart by it, `usage.ts` makes `--help` of it, `commands.ts` says what carries each out, and a test holds the manual pages and
 * the README against it. Data only.
 */

import { CLASSIC_OPTIONS } from "../spec/classic.js";
import { SHELF_MAX, SLOT_MAX } from "../spec/ranges.js";
import * as ASKING from "./asking/options.js";
import { FILENAME, type Form, HELP, SOCKET } from "./forms.js";
import * as POOLS from "./pools/options.js";
import * as OWNERS from "./pools/owner-options.js";
import { ISCSI, NBD } from "./stream-options.js";

const SHELF = { name: "shelf", help: `0 to ${SHELF_MAX}` };
const SLOT = { name: "slot", help: `0 to ${SLOT_MAX}` };
const LINK = { name: "netif", help: "an interface, gre:ADDRESS or unix:PATH" };

export const SERVE = {
	name: "",
	help: "Exports files and block devices as ATA-over-Ethernet disks.",
	// Repeated for each blade.
	arguments: [
		SHELF,
		SLOT,
		{
			name: "netif",
			help: "an interface, a list (eth0,eth1), a glob ('eth*'), pcap:NAME, gre:ADDRESS or unix:PATH",
		},
		FILENAME,
	],
	options: [...CLASSIC_OPTIONS, HELP, { name: "version", help: "print the version and exit" }],
} as const satisfies Form;

/** The arguments that a blade is made of, as usage shows them. */
export const BLADE = SERVE.arguments.map(({ name }) => name).join(" ");

export const DISCOVER = {
	name: "discover",
	help: "Lists the blades that answer.",
	arguments: [LINK],
	options: [
		HELP,
		{ name: "seconds", value: "seconds", default: "0.5", help: "how long to wait for answers" },
	],
} as const satisfies Form;

export const BENCH = {
	name: "bench",
	help: "Measures how fast a blade is.",
	arguments: [LINK, SHELF, SLOT],
	options: [
		HELP,
		{
			name: "write",
			value: "percent",
			alone: "100",
			help: "all requests write, or so many percent: DESTROYS what is on the disk",
		},
		{ name: "sequential", help: "in order, not anywhere" },
		{
			name: "size",
			value: "bytes",
			help: "of one request: bytes, or with k or M; 4k, or less where a frame holds less",
		},
		{ name: "window", value: "requests", default: "16", help: "requests under way at a time" },
		{ name: "seconds", value: "seconds", help: "how long to measure; 3 without --requests" },
		{ name: "requests", value: "requests", help: "how many requests at most" },
		{
			name: "verify",
			help: "stamp what is written and check what is read; needs --write=percent",
		},
		{ name: "json", help: "the result as JSON" },
	],
} as const satisfies Form;

export const DOCTOR = {
	name: "doctor",
	help: "Looks for what is wrong here.",
	arguments: [
		{ name: "netif", help: "an interface, a list or a glob; all of them without", isOptional: true },
	],
	options: [
		HELP,
		{ name: "peer", value: "address", help: "try frames with this host too, by its IPv4 address" },
		{ ...SOCKET, help: "the socket of the daemon to ask, if there is one" },
		{
			name: "config",
			value: "file",
			default: "/etc/vblade/vblade.toml",
			help: "the configuration that goes into a report",
		},
		{ name: "bundle", value: "file", help: "write a report, without secrets, to a .tar.gz file" },
		{ name: "json", help: "the findings as JSON" },
	],
} as const satisfies Form;

export const CAPTURE = {
	name: "capture",
	help: "Writes the AoE frames that pass an interface to a file.",
	arguments: [
		{ name: "netif", help: "an interface" },
		{ name: "file", help: "a new file in pcap format; - for standard output" },
	],
	options: [
		HELP,
		{ name: "count", short: "c", value: "frames", help: "end after so many frames" },
		{ name: "seconds", value: "seconds", help: "end after so long" },
	],
} as const satisfies Form;

export const DAEMON = {
	name: "daemon",
	help: "Serves what the configuration says, in the foreground.",
	arguments: [],
	options: [
		HELP,
		{
			name: "config",
			value: "file",
			default: "/etc/vblade/vblade.toml",
			help: "the configuration, with conf.d beside it",
		},
		{ ...SOCKET, help: "where commands ask the daemon" },
		{ name: "verbose", help: "log more" },
	],
} as const satisfies Form;

export const OBJECTS = {
	name: "objects",
	help: "Serves a directory as an object store (S3), for pools of other hosts.",
	arguments: [{ name: "directory", help: "where buckets and objects are kept; made if there is none" }],
	options: [
		HELP,
		{
			name: "listen",
			value: "address",
			help: "an address and port: 192.0.2.1:9472, [::1]:9472; may be given more than once",
		},
		{ name: "access-key", value: "name", help: "what clients call their key" },
		{ name: "secret-file", value: "file", help: "the secret that belongs to it, one line" },
		{ name: "certificate", value: "file", help: "what the server shows, in PEM: all is behind TLS then" },
		{ name: "key-file", value: "file", help: "the key of that" },
		{ name: "user", value: "name", help: "whom to go on as instead of root (default: vblade)" },
		{ name: "verbose", help: "log what is refused, too" },
	],
} as const satisfies Form;

export const CHECK = {
	name: "check",
	help: "Says whether a configuration file is good.",
	arguments: [
		{ name: "file", help: "instead of /etc/vblade/vblade.toml, with conf.d beside it", isOptional: true },
	],
	options: [HELP, { name: "json", help: "the result as JSON" }],
} as const satisfies Form;

/** What vblade does instead of serving, in the order in which it is shown. */
export const COMMANDS = [
	DAEMON,
	NBD,
	ISCSI,
	OBJECTS,
	CHECK,
	ASKING.RELOAD,
	ASKING.DIFF,
	ASKING.DUMP,
	ASKING.STATUS,
	ASKING.TOP,
	ASKING.IOSTAT,
	ASKING.EVENTS,
	ASKING.MACHINE_LS,
	ASKING.MACHINE_RESET,
	ASKING.MACHINE_KEEP,
	ASKING.MACHINE_GOLDEN,
	ASKING.MACHINE_RM,
	ASKING.DISK_LS,
	ASKING.DISK_SHOW,
	ASKING.DISK_ADD,
	ASKING.DISK_SET,
	ASKING.DISK_RM,
	ASKING.DISK_FENCE,
	ASKING.DISK_UNFENCE,
	ASKING.DISK_VERIFY,
	ASKING.DISK_RESYNC,
	POOLS.POOL_CREATE,
	POOLS.POOL_LS,
	POOLS.POOL_SHOW,
	POOLS.POOL_CHECK,
	POOLS.POOL_SCRUB,
	POOLS.POOL_ADD,
	POOLS.POOL_REMOVE,
	OWNERS.POOL_TAKEOVER,
	OWNERS.POOL_PROMOTE,
	OWNERS.POOL_DEMOTE,
	OWNERS.POOL_HANDOVER,
	POOLS.POOL_SET,
	POOLS.VOLUME_CREATE,
	POOLS.VOLUME_LS,
	POOLS.VOLUME_SHOW,
	POOLS.VOLUME_DU,
	POOLS.VOLUME_HISTORY,
	POOLS.VOLUME_IMPORT,
	POOLS.VOLUME_EXPORT,
	POOLS.VOLUME_SEND,
	POOLS.VOLUME_RECEIVE,
	POOLS.VOLUME_RM,
	POOLS.VOLUME_RENAME,
	POOLS.VOLUME_RESIZE,
	POOLS.VOLUME_SET,
	POOLS.VOLUME_SNAPSHOT,
	POOLS.VOLUME_CLONE,
	POOLS.VOLUME_FLATTEN,
	POOLS.VOLUME_ROLLBACK,
	POOLS.VOLUME_HOLD,
	POOLS.VOLUME_RELEASE,
	POOLS.VOLUME_DIFF,
	DISCOVER,
	BENCH,
	DOCTOR,
	CAPTURE,
] as const satisfies readonly Form[];
/** First words of several commands. */
export const GROUPS = [
	{ name: "disk", help: "Disks of a running daemon." },
	{ name: "machine", help: "Machines that boot from clones of an image." },
	{ name: "pool", help: "Pools: one log for many thin volumes." },
	{ name: "volume", help: "Volumes of a pool." },
] as const;
export const FORMS = [SERVE, ...COMMANDS] as const satisfies readonly Form[];

/** The names of a form's options. */
export type OptionName<F extends Form> = F["options"][number]["name"];
