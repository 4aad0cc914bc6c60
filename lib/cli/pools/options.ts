/**
 * The part of the table in `lib/cli/options.ts` that is of pools and their volumes: their arguments and options. Data only.
 */

import { type Form, HELP, SOCKET } from "../forms.js";

const JSON_OPTION = { name: "json", help: "what it says as JSON" } as const;
const OPTIONS = [HELP, JSON_OPTION] as const;
/** Of commands that also ask a daemon. */
export const EITHER = [...OPTIONS, SOCKET] as const;
const AT_PATH = { name: "pool", help: "a directory or block device: a path that begins with / or ." };
const POOL = { name: "pool", help: `${AT_PATH.help}; or the name of a running daemon's` };
const SNAPSHOT = { name: "snapshot", help: "POOL/NAME@SNAPSHOT" };
/** What it has is a snapshot's, or what a volume was at a moment. */
const PAST = { name: "snapshot", help: "POOL/NAME@SNAPSHOT, or a moment: POOL/NAME@-10m" };
const VOLUME = {
	name: "volume",
	help: "POOL/NAME: a volume of a pool, which is a path that begins with / or ., or a name",
};

const PAGE = {
	name: "page",
	value: "bytes",
	default: "4K",
	help: "what is mapped as a whole: 512 to 256K",
} as const;

export const POOL_CREATE = {
	name: "pool create",
	help: "Makes a pool, in a directory that is empty or not there yet, on a block device, or on a daemon's disks.",
	arguments: [POOL],
	options: [
		...EITHER,
		{ name: "force", short: "f", help: "overwrite what is on a block device, or on the disks" },
		{ name: "preallocate", help: "write all of it with zeros now: the whole device, or --size" },
		{ name: "size", value: "bytes", help: "what --preallocate writes in a directory: 100G" },
		{ name: "adopt", help: "make a pool of its own of a copy of one, which is there" },
		{ name: "history", value: "time", help: "how far back every moment is kept: 1h, if it is not said" },
		{ name: "history-space", value: "share", help: "what that may take: 10%, if it is not said, or 20G" },
		{ name: "history-min", value: "time", help: "how far back it is kept even if writes are refused for it" },
		{ name: "keep", value: "schedule", help: "snapshots made by themselves, and for how long: hourly=7d" },
	],
} as const satisfies Form;

export const POOL_LS = {
	name: "pool ls",
	help: "Lists the pools of a running daemon, or those at paths.",
	arguments: [{ ...AT_PATH, isOptional: true, isRepeated: true }],
	options: EITHER,
} as const satisfies Form;

export const POOL_SHOW = {
	name: "pool show",
	help: "Tells all there is to know of a pool.",
	arguments: [POOL],
	options: EITHER,
} as const satisfies Form;

export const POOL_CHECK = {
	name: "pool check",
	help: "Looks whether a pool's records follow each other and are whole; its pages: scrub.",
	arguments: [POOL],
	options: EITHER,
} as const satisfies Form;

export const POOL_SCRUB = {
	name: "pool scrub",
	help: "Reads all of a pool and compares every page with its checksum.",
	arguments: [POOL],
	options: EITHER,
} as const satisfies Form;

const OF_DAEMON = { name: "pool", help: "the name of a running daemon's that is on disks" };
const DISK = { name: "disk", help: "the name of one of the disks that are configured for it" };

export const POOL_ADD = {
	name: "pool add",
	help: "Has one more of a daemon's disks become a part of a pool, while that is used.",
	arguments: [OF_DAEMON, DISK],
	options: [...EITHER, { name: "force", short: "f", help: "overwrite what is on the disk" }],
} as const satisfies Form;

export const POOL_REMOVE = {
	name: "pool remove",
	help: "Moves what is on a disk of a pool to its other disks, and takes it away from the pool.",
	arguments: [OF_DAEMON, DISK],
	options: [
		...EITHER,
		{ name: "force", short: "f", help: "give up a disk that is missing, and what it has" },
	],
} as const satisfies Form;

export const POOL_SET = {
	name: "pool set",
	help: "Says that a pool's clock is right, although it has jumped by more than a day.",
	arguments: [POOL, { name: "key=value", help: "clock=trusted", isRepeated: true }],
	options: EITHER,
} as const satisfies Form;

export const VOLUME_CREATE = {
	name: "volume create",
	help: "Makes a volume: a thin disk, all zeros.",
	arguments: [VOLUME, { name: "size", help: "bytes, or with K, M, G or T: 10G" }],
	options: [...EITHER, PAGE],
} as const satisfies Form;

export const VOLUME_LS = {
	name: "volume ls",
	help: "Lists the volumes of a pool, or of all that a running daemon has.",
	arguments: [{ ...POOL, isOptional: true }],
	options: EITHER,
} as const satisfies Form;

export const VOLUME_SHOW = {
	name: "volume show",
	help: "Tells all there is to know of a volume.",
	arguments: [VOLUME],
	options: EITHER,
} as const satisfies Form;

export const VOLUME_DU = {
	name: "volume du",
	help: "Tells what volumes and each of their snapshots take up, and what removing a snapshot frees.",
	arguments: [
		{
			name: "what",
			help: "POOL, or POOL/NAME for one volume; without, all that a running daemon has",
			isOptional: true,
		},
	],
	options: EITHER,
} as const satisfies Form;

export const VOLUME_HISTORY = {
	name: "volume history",
	help: "Tells how far back a volume can be looked at: from when on at each moment, and its snapshots.",
	arguments: [VOLUME],
	options: EITHER,
} as const satisfies Form;

const FILE = { name: "file", help: "an image of a disk" };
const FORMAT_OPTION = { name: "format", value: "raw|qcow2" } as const;

export const VOLUME_IMPORT = {
	name: "volume import",
	help: "Makes a volume of an image, raw or qcow2.",
	arguments: [VOLUME, FILE],
	options: [
		...EITHER,
		{ ...FORMAT_OPTION, help: "what the image is; its name or its beginning tells without" },
		PAGE,
	],
} as const satisfies Form;

export const VOLUME_EXPORT = {
	name: "volume export",
	help: "Writes a volume as an image, raw or qcow2.",
	arguments: [VOLUME, FILE],
	options: [
		...EITHER,
		{ ...FORMAT_OPTION, help: "what to write; without, qcow2 if the file is called so, else raw" },
		{ name: "force", short: "f", help: "replace a file that is there" },
	],
} as const satisfies Form;

export const VOLUME_SEND = {
	name: "volume send",
	help: "Writes a volume to standard output, for volume receive.",
	arguments: [VOLUME],
	options: [
		...EITHER,
		{
			name: "incremental",
			short: "i",
			value: "snapshot",
			help: "what differs from that one, which the receiver has",
		},
		{ name: "resume", value: "token", help: "what an interrupted receive lacks; --token of that prints it" },
	],
} as const satisfies Form;

export const VOLUME_RECEIVE = {
	name: "volume receive",
	help: "Makes a volume of what volume send writes, from standard input.",
	arguments: [VOLUME],
	options: [
		...EITHER,
		{ name: "token", help: "print how far an interrupted one has come, for --resume of send, and end" },
	],
} as const satisfies Form;

export const VOLUME_RM = {
	name: "volume rm",
	help: "Deletes a volume with all its snapshots, or one snapshot.",
	arguments: [{ name: "volume", help: "POOL/NAME or POOL/NAME@SNAPSHOT" }],
	options: [...EITHER, { name: "force", short: "f", help: "do not ask" }],
} as const satisfies Form;

export const VOLUME_RENAME = {
	name: "volume rename",
	help: "Gives a volume another name.",
	arguments: [VOLUME, { name: "name", help: "the new name, without a path" }],
	options: EITHER,
} as const satisfies Form;

export const VOLUME_RESIZE = {
	name: "volume resize",
	help: "Gives a volume another size.",
	arguments: [VOLUME, { name: "size", help: "bytes, or with K, M, G or T: 10G" }],
	options: [
		...EITHER,
		{ name: "shrink", help: "if it is less: what is behind the end is lost" },
		{ name: "force", short: "f", help: "shrink also if a disk serves it: its initiators are cut off first" },
	],
} as const satisfies Form;

export const VOLUME_SET = {
	name: "volume set",
	help: "Sets what is kept of a volume, and how much it may hold: history, keep, quota; KEY= takes it away.",
	arguments: [VOLUME, { name: "key=value", help: "quota=10G, history=1h, keep.daily=30d", isRepeated: true }],
	options: EITHER,
} as const satisfies Form;

export const VOLUME_SNAPSHOT = {
	name: "volume snapshot",
	help: "Names what volumes of one pool are now, all at the same moment.",
	arguments: [{ ...SNAPSHOT, isRepeated: true }],
	options: EITHER,
} as const satisfies Form;

export const VOLUME_CLONE = {
	name: "volume clone",
	help: "Makes a volume that begins as a snapshot is, or as a volume was at a moment.",
	arguments: [PAST, { name: "name", help: "of the new volume, without a path" }],
	options: EITHER,
} as const satisfies Form;

export const VOLUME_FLATTEN = {
	name: "volume flatten",
	help: "Gives a clone pages of its own for all that it has from what it began as.",
	arguments: [VOLUME],
	options: EITHER,
} as const satisfies Form;

export const VOLUME_ROLLBACK = {
	name: "volume rollback",
	help: "Has a volume go on as a snapshot of it is, or as it was; how it is now is kept.",
	arguments: [PAST],
	options: [
		...EITHER,
		{ name: "force", short: "f", help: "also if a disk serves it: its initiators are cut off first" },
	],
} as const satisfies Form;

export const VOLUME_HOLD = {
	name: "volume hold",
	help: "Keeps a snapshot from being deleted.",
	arguments: [SNAPSHOT],
	options: EITHER,
} as const satisfies Form;

export const VOLUME_RELEASE = {
	name: "volume release",
	help: "Lets a snapshot be deleted again.",
	arguments: [SNAPSHOT],
	options: EITHER,
} as const satisfies Form;

export const VOLUME_DIFF = {
	name: "volume diff",
	help: "Tells where a volume differs from what it was, or two snapshots from each other.",
	arguments: [
		{ name: "before", help: "PATH/NAME@SNAPSHOT, or a moment: PATH/NAME@-10m" },
		{ name: "after", help: "likewise, in the same pool; without, the volume as it is now", isOptional: true },
	],
	options: EITHER,
} as const satisfies Form;
