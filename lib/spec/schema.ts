/**
 * What may stand in a configuration file: its tables and keys, and which reader of `values.ts` understands each value, so that a
 * mistake is told as on the command line. The plain values (`DiskSettings`: as they are written) and what they mean
 * (`DiskValues`) have the same keys. Used by `parts.ts` for files, and by whoever takes a disk from a program: the same keys there.
 */

import { z } from "zod";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { iscsiExportSchema } from "./iscsi-schema.js";
import { nbdExportSchema } from "./nbd-schema.js";
import { readNetif } from "./netif.js";
import { type Period, readDiskTimeout, readDuration, readHistorySpace, readInterval } from "./policy.js";
import {
	ACCESS_LIST_MAX,
	CONFIG_STRING_MAX,
	MEMBERS_MAX,
	MIRRORED_MAX,
	NUMBERS,
	POOL_DISKS_MAX,
} from "./ranges.js";
import { readDaemonRemote } from "./remote.js";
import { poolName, replicaSchema, storePoolKeys } from "./store-schema.js";
import { text, understood } from "./understood.js";
import {
	addressIn,
	readBandwidth,
	readDurability,
	readMacs,
	readMemorySize,
	readNumber,
	readOperations,
	readUser,
} from "./values.js";

/** Processes that serve: more than any machine has cores for. */
const WORKERS_MAX = 64;

const number = (name: string, range: Parameters<typeof readNumber>[2]) =>
	understood(z.number(), (value) => readNumber(name, String(value), range));
const flag = z.boolean();

function readPath(name: string) {
	return (path: string): string => {
		if (path.startsWith("/") && !path.includes("\0")) return path;
		throw new OperatorError(
			`${name} ${quote(path)}: an absolute path is allowed, such as /srv/vblade/web.img`,
		);
	};
}

/** A listener for TCP; `name` is as it is written. */
export interface ListenSpec {
	readonly name: string;
	readonly host: string;
	readonly port: number;
}

function readListen(name: string): ListenSpec {
	const found = addressIn(name);
	if (found === undefined)
		throw new OperatorError(
			`listen ${quote(name)}: an address and a port are allowed, such as 127.0.0.1:9470 or [::1]:9470`,
		);
	return { name, host: found.address, port: found.port };
}

function readAddress(address: string): { shelf: number; slot: number } {
	const [, shelf, slot] = /^([0-9]+)\.([0-9]+)$/.exec(address) ?? [];
	if (shelf === undefined || slot === undefined)
		throw new OperatorError(`address ${quote(address)}: shelf and slot are allowed, as in 9.0`);
	return {
		shelf: readNumber("shelf", shelf, NUMBERS.shelf),
		slot: readNumber("slot", slot, NUMBERS.slot),
	};
}

/** A volume of a pool of the configuration. */
export interface VolumeName {
	readonly pool: string;
	readonly volume: string;
}

function readVolumeName(text: string): VolumeName {
	const [, pool, volume] = /^([^/]+)\/([^/\0]+)$/.exec(text) ?? [];
	if (pool !== undefined && volume !== undefined) return { pool, volume };
	throw new OperatorError(`volume ${quote(text)}: a pool and a volume of it are allowed, as in fast/web`);
}

/** A snapshot of a volume of a pool of the configuration. */
export interface ImageName extends VolumeName {
	readonly snapshot: string;
}

/** Throws an OperatorError if it is not written as one. */
export function readImage(text: string): ImageName {
	const [, pool, volume, snapshot] = /^([^/]+)\/([^/@\0]+)@([^/@\0]+)$/.exec(text) ?? [];
	if (pool !== undefined && volume !== undefined && snapshot !== undefined) return { pool, volume, snapshot };
	throw new OperatorError(`image ${quote(text)}: a snapshot of a volume is allowed, as in fast/gold@v3`);
}

function readConfigString(string: string): string {
	// On the wire each character is a byte.
	if (string.length <= CONFIG_STRING_MAX && /^[\0-\xff]*$/.test(string)) return string;
	throw new OperatorError(
		`config_string ${quote(string)}: at most ${CONFIG_STRING_MAX} characters of Latin-1 are allowed`,
	);
}

/** So many disks that something is made of. */
const MEMBERS = { linear: [1, MEMBERS_MAX], mirror: [2, MIRRORED_MAX], disks: [1, POOL_DISKS_MAX] } as const;

const members = (key: keyof typeof MEMBERS) =>
	understood(z.array(text(readDiskName)), (names: readonly string[]): readonly string[] => {
		const [least, most] = MEMBERS[key];
		if (names.length >= least && names.length <= most) return names;
		throw new OperatorError(`${key}: ${names.length} disks are given; ${least} to ${most} are allowed`);
	});

const operations = (name: string) => understood(z.number(), (value) => readOperations(name, String(value)));
const bandwidth = (name: string) =>
	understood(z.union([z.string(), z.number()], 'bytes per second are expected, as in "100M"'), (value) =>
		readBandwidth(name, String(value)),
	);

const limitSchema = z
	.strictObject({
		iops: operations("iops"),
		bandwidth: bandwidth("bandwidth"),
		read_iops: operations("read_iops"),
		write_iops: operations("write_iops"),
		read_bandwidth: bandwidth("read_bandwidth"),
		write_bandwidth: bandwidth("write_bandwidth"),
	})
	.partial();

/** Keys of an AoE export that may also stand in the disk's own table. */
const aoeOptions = {
	buffer_count: number("buffer_count", NUMBERS["buffer count"]),
	force: flag,
	poll_us: number("poll_us", NUMBERS["poll-us"]),
	no_xdp: flag,
};
export const AOE_OPTIONS = Object.keys(aoeOptions) as (keyof typeof aoeOptions)[];

const netif = z.array(
	text((name) => {
		readNetif(name);
		return name;
	}),
);
const macs = understood(
	z.array(
		text((mac) => {
			readMacs([mac], ACCESS_LIST_MAX);
			return mac;
		}),
	),
	(list) => readMacs(list, ACCESS_LIST_MAX),
);

const aoeSchema = z
	.strictObject({
		address: text(readAddress),
		netif,
		macs,
		config_string: text(readConfigString),
		...aoeOptions,
	})
	.partial();

export const diskSchema = z
	.strictObject({
		file: text(readPath("file")),
		memory: text((size) => readMemorySize("memory", size)),
		volume: text(readVolumeName),
		remote: text(readDaemonRemote),
		linear: members("linear"),
		mirror: members("mirror"),
		from: text(readDiskName),
		degraded: flag,
		resync_rate: bandwidth("resync_rate"),
		disk_timeout: text(readDiskTimeout),
		resend: number("resend", NUMBERS.resend),
		interval: text(readInterval),
		read_only: flag,
		scratch: flag,
		durability: text((durability) => readDurability(durability)),
		direct: flag,
		offset: number("offset", NUMBERS.offset),
		length: number("length", NUMBERS.length),
		limit: limitSchema,
		...aoeOptions,
		aoe: aoeSchema,
		nbd: nbdExportSchema,
		iscsi: iscsiExportSchema,
	})
	.partial();

/** What a disk can be stored in: one of these. */
export const STORAGE_KEYS = [
	"file",
	"memory",
	"volume",
	"remote",
	"linear",
	"mirror",
] as const satisfies readonly (keyof DiskValues)[];

const periodTime = (period: Period) => text((time) => readDuration(period, time));
export const keepKeys = {
	hourly: periodTime("hourly"),
	daily: periodTime("daily"),
	weekly: periodTime("weekly"),
} satisfies Record<Period, z.ZodType>;
export const keepSchema = z.strictObject(keepKeys).partial();
export const historyTime = text((time) => readDuration("history", time));

/** Without its path, disks or store a pool is none, which `pools.ts` tells. */
export const poolSchema = z
	.strictObject({
		path: text(readPath("path")),
		disks: members("disks"),
		partial: flag,
		...storePoolKeys,
		tail: poolName,
		replica: z.array(replicaSchema),
		history: historyTime,
		history_space: text(readHistorySpace),
		history_min: text((time) => readDuration("history_min", time)),
		keep: keepSchema,
	})
	.partial();

/** What it can't do without `templates.ts` tells. */
export const templateSchema = z
	.strictObject({ image: text(readImage), shelf: number("shelf", NUMBERS.shelf), netif, macs, keep: flag })
	.partial();

export const bootSchema = z.strictObject({ listen: z.array(text(readListen)) }).partial();

export const daemonSchema = z
	.strictObject({
		state: text(readPath("state")),
		user: text(readUser),
		allow: z.array(text(readPath("allow"))),
		workers: number("workers", { min: 1, max: WORKERS_MAX, called: "a number of workers" }),
	})
	.partial();

export const httpSchema = z
	.strictObject({
		listen: z.array(text(readListen)),
		token_file: text(readPath("token_file")),
		disk_histograms: flag,
	})
	.partial();

/** A disk's table, as it is written. */
export type DiskSettings = z.input<typeof diskSchema>;
export type DiskValues = z.output<typeof diskSchema>;
export type LimitValues = z.output<typeof limitSchema>;
export type PoolSettings = z.input<typeof poolSchema>;
export type PoolValues = z.output<typeof poolSchema>;
export type TemplateSettings = z.input<typeof templateSchema>;
export type TemplateValues = z.output<typeof templateSchema>;
export type BootValues = z.output<typeof bootSchema>;
export type AoeValues = z.output<typeof aoeSchema>;
export type DaemonValues = z.output<typeof daemonSchema>;
export type HttpValues = z.output<typeof httpSchema>;

/** Tables of which there may be many, by their names. */
export type NamedTable = "disk" | "pool" | "template" | "store" | "head";

/** Disks and volumes of its machines are called by it, and by their MAC addresses. */
const TEMPLATE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,50}$/;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

/** Throws an OperatorError for what can't be the name of a disk. */
export function readDiskName(name: string): string {
	return readName("disk", name);
}

/** The same for what `kind` says. */
export function readName(kind: NamedTable, name: string): string {
	if ((kind === "template" ? TEMPLATE_NAME : NAME).test(name)) return name;
	if (kind === "template")
		throw new OperatorError(
			`template ${quote(name)}: a name is 1 to 51 letters (a-z), digits, and -_. and begins with a letter or digit`,
		);
	throw new OperatorError(
		`${kind} ${quote(name)}: a name is 1 to 64 letters (a-z), digits, and -_. but not - or . at its beginning`,
	);
}
