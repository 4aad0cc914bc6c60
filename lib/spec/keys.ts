/**
 * The keys of a configuration, one by one: what holds without them, and what it takes to change one while disks are served. Read by
 * `difference.ts`; the manual page says the same, to which a test holds it. Data only.
 */

import type { IscsiExportValues, IscsiValues } from "./iscsi-schema.js";
import type { NbdExportValues, NbdValues } from "./nbd-schema.js";
import type {
	AoeValues,
	BootValues,
	DaemonValues,
	DiskValues,
	HttpValues,
	LimitValues,
	PoolValues,
	TemplateValues,
} from "./schema.js";
import type { HeadValues, StoreValues } from "./store-schema.js";

/** What it takes that a new value holds. */
export type Effort =
	/** Nothing that anybody notices. */
	| "live"
	/** The disk stays open, and is served anew. */
	| "export"
	/** The disk is closed, and opened anew. */
	| "disk"
	/** The daemon is started again. */
	| "restart";

export const DISK_DEFAULTS = {
	read_only: false,
	scratch: false,
	durability: "ack",
	direct: false,
	offset: 0,
	degraded: false,
} as const;
/** Bytes a second. */
export const RESYNC_RATE_DEFAULT = 100 * 1024 * 1024;
/** Seconds. */
export const DISK_TIMEOUT_DEFAULT = 30;
export const AOE_DEFAULTS = { buffer_count: 16, force: false, poll_us: 50, no_xdp: false } as const;
export const ISCSI_DEFAULTS = { lun: 0, removable: false } as const;
export const DAEMON_DEFAULTS = {
	state: "/var/lib/vblade",
	allow: [] as readonly string[],
	workers: 1,
} as const;

type AoeKey = keyof AoeValues;
/** A key as messages name it. What concerns AoE may also stand in the disk's own table, but belongs to its `aoe`. */
export type DiskKey =
	| Exclude<keyof DiskValues, "limit" | "aoe" | "nbd" | "iscsi" | AoeKey>
	| `limit.${keyof LimitValues}`
	| `aoe.${AoeKey}`
	| `nbd.${keyof NbdExportValues}`
	| `iscsi.${keyof IscsiExportValues}`;
export type DaemonKey =
	| `daemon.${keyof DaemonValues}`
	| `http.${keyof HttpValues}`
	| `nbd.${keyof NbdValues}`
	| `iscsi.${keyof IscsiValues}`
	| `boot.${keyof BootValues}`;

export const DISK_EFFORTS: Readonly<Record<DiskKey, Effort>> = {
	file: "disk",
	memory: "disk",
	volume: "disk",
	remote: "disk",
	linear: "disk",
	mirror: "disk",
	from: "disk",
	degraded: "disk",
	resync_rate: "live",
	disk_timeout: "live",
	resend: "disk",
	interval: "disk",
	read_only: "disk",
	scratch: "disk",
	durability: "disk",
	direct: "disk",
	offset: "disk",
	length: "disk",
	"limit.iops": "live",
	"limit.bandwidth": "live",
	"limit.read_iops": "live",
	"limit.write_iops": "live",
	"limit.read_bandwidth": "live",
	"limit.write_bandwidth": "live",
	"aoe.address": "export",
	"aoe.netif": "export",
	"aoe.macs": "live",
	"aoe.config_string": "live",
	"aoe.buffer_count": "live",
	"aoe.force": "export",
	// Of a link, which other disks are served on too.
	"aoe.poll_us": "restart",
	"aoe.no_xdp": "restart",
	"nbd.name": "export",
	"nbd.description": "live",
	"nbd.clients": "live",
	"nbd.readers": "live",
	"iscsi.target": "export",
	"iscsi.lun": "export",
	"iscsi.removable": "export",
	"iscsi.initiators": "live",
	"iscsi.clients": "live",
	"iscsi.chap": "live",
};

/** Of a pool: when it is elsewhere its disks are closed, and opened from there. Which disks it is on, it says itself. */
export const POOL_EFFORTS: Readonly<Record<keyof PoolValues, Effort>> = {
	path: "disk",
	disks: "live",
	partial: "live",
	store: "disk",
	container: "disk",
	prefix: "disk",
	head: "disk",
	log: "disk",
	log_size: "live",
	cache_size: "live",
	stable: "disk",
	serve: "disk",
	listen: "disk",
	tail: "disk",
	replica: "disk",
	history: "live",
	history_space: "live",
	history_min: "live",
	keep: "live",
};

export const POOL_DEFAULTS = { partial: false } as const;
/** Of a pool on a store. */
export const STORE_POOL_DEFAULTS = {
	log_size: "2G",
	cache_size: "20G",
	stable: "host",
	serve: "one",
} as const;

/** Of an object store, and of a head: disks of the pools there are closed, and opened by what is said now. */
export const STORE_EFFORTS: Readonly<Record<keyof StoreValues, Effort>> = {
	type: "disk",
	endpoint: "disk",
	region: "disk",
	style: "disk",
	access_key: "disk",
	secret_file: "disk",
	auth: "disk",
	user: "disk",
	key_file: "disk",
	project: "disk",
	user_domain: "disk",
	project_domain: "disk",
	ca: "disk",
};
export const STORE_DEFAULTS = { region: "us-east-1", style: "path" } as const;
export const HEAD_EFFORTS: Readonly<Record<keyof HeadValues, Effort>> = {
	endpoints: "disk",
	prefix: "disk",
	ca: "disk",
	certificate: "disk",
	key_file: "disk",
	history: "disk",
};
export const HEAD_DEFAULTS = { prefix: "vblade/", history: "1h" } as const;

export const DAEMON_EFFORTS: Readonly<Record<DaemonKey, Effort>> = {
	"daemon.state": "restart",
	"daemon.user": "restart",
	"daemon.allow": "live",
	"daemon.workers": "restart",
	"http.listen": "live",
	"http.token_file": "live",
	"http.disk_histograms": "live",
	"nbd.listen": "live",
	"nbd.tls": "live",
	"iscsi.listen": "live",
	"boot.listen": "live",
};

/** Of a template: machines that run go on as they are; each has it when it boots the next time. */
export const TEMPLATE_EFFORTS: Readonly<Record<keyof TemplateValues, Effort>> = {
	image: "live",
	shelf: "live",
	netif: "live",
	macs: "live",
	keep: "live",
};
export const TEMPLATE_DEFAULTS = { keep: true } as const;
