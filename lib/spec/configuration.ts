/**
 * A configuration that has been understood: what `config.ts` makes of files, and what `difference.ts` and `dump.ts` compare and write.
 * Types only.
 */

import type { Place, PlacedError } from "./place.js";
import type { PoolSettings } from "./policy.js";
import type {
	DiskSettings,
	DiskValues,
	ImageName,
	ListenSpec,
	TemplateSettings,
	PoolSettings as WrittenPool,
} from "./schema.js";
import type { DiskSpec, ExportSpec, LinkSpec, SocketSpec } from "./spec.js";
import type { HeadSettings, StoreSettings } from "./store-schema.js";
import type { HeadSpec, ReplicaSpec, StorePoolSpec, StoreSpec } from "./store-spec.js";
import type { TlsConfig } from "./tls.js";
import type { TomlPath } from "./toml.js";

/** What kind of file a disk is from. */
export type Origin = "file" | "debian" | "runtime";

export interface DaemonConfig {
	readonly state: string;
	/** Undefined: vblade, or nobody where there is no such user. */
	readonly user: string | undefined;
	/** Folders: what lies in them may be opened for disks that no file names. */
	readonly allow: readonly string[];
	readonly workers: number;
}

export interface HttpConfig {
	readonly listen: readonly ListenSpec[];
	readonly tokenFile: string | undefined;
	readonly diskHistograms: boolean;
}

/** An object store. */
export interface StoreConfig {
	readonly name: string;
	/** As it is written. */
	readonly settings: StoreSettings;
	readonly spec: StoreSpec;
}

/** Where pools on object stores have their heads. */
export interface HeadConfig {
	readonly name: string;
	/** As it is written. */
	readonly settings: HeadSettings;
	readonly spec: HeadSpec;
}

export interface PoolConfig {
	readonly name: string;
	/** Its directory, or device; of one that is on disks, or on a store, what `pool-path.ts` makes of its name. */
	readonly path: string;
	/** The disks that it is on, by name. */
	readonly disks?: readonly string[];
	/** It is opened although some of them are missing. */
	readonly partial?: boolean;
	/** Where it is, if it is on an object store. */
	readonly stored?: StorePoolSpec;
	/** Copies of it that follow it. */
	readonly replicas?: readonly ReplicaSpec[];
	/** As it is written. */
	readonly settings: WrittenPool;
	/** What it says of its past. */
	readonly kept: PoolSettings;
	/** Where that is said, or a key of it. */
	placeOf(path?: TomlPath): Place;
}

/** Where clients of NBD connect, for all disks; and TLS, of these and of remote disks. */
export interface NbdConfig {
	readonly listen: readonly SocketSpec[];
	readonly tls: TlsConfig;
}

/** Where initiators connect, for all disks. */
export interface IscsiConfig {
	readonly listen: readonly SocketSpec[];
}

/** Where boot scripts can be had. */
export interface BootConfig {
	readonly listen: readonly ListenSpec[];
}

/** A room of machines without disks, each of which gets a clone of an image. */
export interface TemplateConfig {
	readonly name: string;
	/** As it is written. */
	readonly settings: TemplateSettings;
	/** As it is written, and understood. */
	readonly imageText: string;
	readonly image: ImageName;
	readonly shelf: number;
	/** As they are written. */
	readonly netif: readonly string[];
	/** Who may come: 48-bit numbers; undefined: everyone. */
	readonly macs: readonly number[] | undefined;
	/** False: a new clone whenever a machine boots. */
	readonly keep: boolean;
	/** Of a key, or what is nearest to it. */
	placeOf(path: TomlPath): Place;
}

export interface DiskConfig {
	readonly name: string;
	readonly origin: Origin;
	/** As they are written, with what holds for all disks. */
	readonly settings: DiskSettings;
	/** The same, understood. */
	readonly values: DiskValues;
	/** What its keys come to, and, for what is part of another disk, the keys of that. */
	readonly disk: DiskSpec;
	/** The disk that it is a part of. */
	readonly partOf?: string;
	/** One of each protocol at most. */
	readonly exports: readonly ExportSpec[];
	/** Why it can't be served as things are. Then it has no exports. */
	readonly broken: string | undefined;
	/** Of a key, or what is nearest to it; without one, of the disk. Takes a while when it is asked for the first time. */
	placeOf(path?: TomlPath): Place;
}

export interface Config {
	readonly daemon: DaemonConfig;
	readonly http: HttpConfig;
	readonly nbd: NbdConfig;
	readonly iscsi: IscsiConfig;
	readonly boot: BootConfig;
	/** No name twice, here and below. */
	readonly stores: readonly StoreConfig[];
	readonly heads: readonly HeadConfig[];
	/** No name twice, nor a path. */
	readonly pools: readonly PoolConfig[];
	/** No name twice. In the order of the files. */
	readonly templates: readonly TemplateConfig[];
	/** In the order of the files. No name twice. */
	readonly disks: readonly DiskConfig[];
	/** Every link that a disk is served on. */
	readonly links: readonly LinkSpec[];
	/** What is not done as it is written. */
	readonly warnings: readonly PlacedError[];
	/** Of a key of `daemon`, `http`, `nbd`, `iscsi` or `boot`; undefined if no file gives it. */
	placeOf(path: readonly ["daemon" | "http" | "nbd" | "iscsi" | "boot", ...TomlPath]): Place | undefined;
}
