/**
 * What lies between the configuration that runs and the one that is wanted: steps for the daemon to take, with what each takes, and
 * what has to wait for a restart. Asked at a reload, by `vblade diff`, and for what a change would do.
 */

import { isDeepStrictEqual } from "node:util";
import { compoundOf } from "./assembly.js";
import type { Config, DiskConfig } from "./configuration.js";
import { aoeExportsOf, iscsiExportOf, nbdExportOf } from "./exports.js";
import {
	AOE_DEFAULTS,
	DAEMON_EFFORTS,
	DISK_DEFAULTS,
	DISK_EFFORTS,
	type DiskKey,
	type Effort,
	HEAD_EFFORTS,
	ISCSI_DEFAULTS,
	POOL_EFFORTS,
	STORE_EFFORTS,
	TEMPLATE_EFFORTS,
} from "./keys.js";
import { tlsSettingsOf } from "./tls.js";

/** A key whose value is another one. */
export interface KeyChange {
	/** `limit.iops` of a disk; `daemon.workers`. */
	readonly key: string;
	/** As they are written; undefined where nothing is. */
	readonly from: unknown;
	readonly to: unknown;
	readonly effort: Effort;
}

/** What is done with one disk. */
export type Step =
	| { readonly kind: "remove"; readonly disk: DiskConfig }
	/** Closed, and opened as `disk` says; the reasons are those of the `changes` whose effort is `disk`. */
	| {
			readonly kind: "replace";
			readonly disk: DiskConfig;
			/** As it is until then. */
			readonly before: DiskConfig;
			readonly changes: readonly KeyChange[];
	  }
	/** It stays open; its exports are removed and added. */
	| { readonly kind: "reexport"; readonly disk: DiskConfig; readonly changes: readonly KeyChange[] }
	/** While it is served. */
	| { readonly kind: "change"; readonly disk: DiskConfig; readonly changes: readonly KeyChange[] }
	| { readonly kind: "add"; readonly disk: DiskConfig };

export interface Difference {
	/**
	 * In order of their kinds, as above. What all of them take away has to be gone before anything is added: disks may have changed
	 * places.
	 */
	readonly steps: readonly Step[];
	/** Of `daemon`, `http`, `boot`, stores, heads, pools and templates. */
	readonly settings: readonly KeyChange[];
	/** Keys that hold only after a restart. */
	readonly needsRestart: readonly string[];
}

/** Of a pool: where it is, its disks tell. */
const { path: _, ...KEPT_EFFORTS } = POOL_EFFORTS;

/** What has to be done so that `running` is as `wanted`. */
export function differenceOf(running: Config, wanted: Config): Difference {
	const before = new Map(running.disks.map((disk) => [disk.name, disk]));
	const after = new Set(wanted.disks.map(({ name }) => name));
	const steps: Record<Step["kind"], Step[]> = { remove: [], replace: [], reexport: [], change: [], add: [] };
	for (const disk of running.disks) if (!after.has(disk.name)) steps.remove.push({ kind: "remove", disk });
	for (const disk of wanted.disks) {
		const step = stepOf(before.get(disk.name), disk);
		if (step !== undefined) steps[step.kind].push(step);
	}
	const settings = [
		...settingsChanges(running, wanted),
		...namedChanges("store", running.stores, wanted.stores, STORE_EFFORTS),
		...namedChanges("head", running.heads, wanted.heads, HEAD_EFFORTS),
		...namedChanges("pool", running.pools, wanted.pools, KEPT_EFFORTS),
		...namedChanges("template", running.templates, wanted.templates, TEMPLATE_EFFORTS),
	];
	const all = Object.values(steps).flat();
	const later = [
		...settings.filter(({ effort }) => effort === "restart").map(({ key }) => key),
		...all.flatMap((step) =>
			("changes" in step ? step.changes : [])
				.filter(({ effort }) => effort === "restart")
				.map(({ key }) => `disk.${step.disk.name}.${key}`),
		),
	];
	return { steps: all, settings, needsRestart: later };
}

function stepOf(running: DiskConfig | undefined, wanted: DiskConfig): Step | undefined {
	if (running === wanted) return undefined;
	if (running === undefined) return { kind: "add", disk: wanted };
	const changes = changesOf(running, wanted);
	const efforts = new Set(changes.map(({ effort }) => effort));
	const isElsewhere =
		running.broken !== wanted.broken ||
		running.partOf !== wanted.partOf ||
		running.disk.chunkOf !== wanted.disk.chunkOf;
	if (isElsewhere || efforts.has("disk")) return { kind: "replace", disk: wanted, before: running, changes };
	if (efforts.has("export")) return { kind: "reexport", disk: wanted, changes };
	return changes.length === 0 ? undefined : { kind: "change", disk: wanted, changes };
}

/** The keys of a disk that have another value, in the order of the table of keys. */
function changesOf(running: DiskConfig, wanted: DiskConfig): KeyChange[] {
	if (isAsBefore(running, wanted)) return [];
	const [before, after] = [flatValues(running), flatValues(wanted)];
	const [shownBefore, shownAfter] = [shownValues(running), shownValues(wanted)];
	return DISK_KEYS.filter((key) => !isDeepStrictEqual(before[key], after[key])).map((key) => ({
		key,
		from: shownBefore[key],
		to: shownAfter[key],
		effort: DISK_EFFORTS[key],
	}));
}

/** Nearly all of thousands are, so this is quick; it may miss one that only looks different. */
function isAsBefore(running: DiskConfig, wanted: DiskConfig): boolean {
	if (poolOf(running) !== poolOf(wanted) || !isMadeAlike(running, wanted)) return false;
	// Of a reader that has seen that it is written as before.
	if (running.settings === wanted.settings && running.exports === wanted.exports) return true;
	const [one] = aoeExportsOf(running.exports);
	const [other] = aoeExportsOf(wanted.exports);
	return (
		JSON.stringify(running.settings) === JSON.stringify(wanted.settings) &&
		JSON.stringify(one?.netifs) === JSON.stringify(other?.netifs)
	);
}

const DISK_KEYS = Object.keys(DISK_EFFORTS) as DiskKey[];
const DEFAULTS = flat({ ...DISK_DEFAULTS, aoe: AOE_DEFAULTS, iscsi: ISCSI_DEFAULTS });

/** What its keys come to. */
function flatValues({ values, disk, exports }: DiskConfig): Readonly<Record<string, unknown>> {
	const netifs = aoeExportsOf(exports).flatMap((each) => each.netifs.map(({ name }) => name));
	// A glob that means other interfaces now is another value, and so is a pool that is elsewhere now.
	const volume = disk.storage.kind === "volume" && { volume: [values.volume, disk.storage.pool] };
	const compound = compoundOf(disk.storage);
	const made = compound !== undefined && { [compound.kind]: compound.members };
	const { readOnly: read_only, durability } = disk;
	const netif = [...(values.aoe?.netif ?? []), ...netifs];
	return {
		...{ ...DEFAULTS, ...flat(values), ...volume, ...made, read_only, durability },
		...{ "aoe.netif": netif, ...nameOver(exports), ...targetOver(exports) },
	};
}

/** As they are written, but what it is called where nothing is, and what a whole has its parts do. */
function shownValues({ settings, disk, partOf, exports }: DiskConfig): Readonly<Record<string, unknown>> {
	const { readOnly: read_only, durability } = disk;
	const isOfOthers =
		partOf !== undefined || disk.chunkOf !== undefined || compoundOf(disk.storage) !== undefined;
	return {
		...flat(settings),
		...(isOfOthers && { read_only, durability }),
		...nameOver(exports),
		...targetOver(exports),
	};
}

/** What the whole says of a part, and the parts of a whole. */
function isMadeAlike(running: DiskConfig, wanted: DiskConfig): boolean {
	const [one, other] = [running.disk, wanted.disk];
	if (one.readOnly !== other.readOnly || one.durability !== other.durability) return false;
	return isDeepStrictEqual(compoundOf(one.storage), compoundOf(other.storage));
}

/** An empty table of NBD's is an export, too. */
function nameOver(exports: DiskConfig["exports"]): object {
	const exported = nbdExportOf(exports);
	return exported === undefined ? {} : { "nbd.name": exported.exportName };
}

/** And one of iSCSI's. */
function targetOver(exports: DiskConfig["exports"]): object {
	const exported = iscsiExportOf(exports);
	return exported === undefined ? {} : { "iscsi.target": exported.target };
}

/** Where the pool of its volume is. */
function poolOf({ disk: { storage } }: DiskConfig): string | undefined {
	return storage.kind === "volume" ? storage.pool : undefined;
}

/** A table with those in it as one: `aoe.address`. */
function flat(table: object): Readonly<Record<string, unknown>> {
	const found: Record<string, unknown> = {};
	for (const [key, value] of Object.entries(table)) {
		if (key !== "limit" && key !== "aoe" && key !== "nbd" && key !== "iscsi") found[key] = value;
		else for (const [inner, each] of Object.entries(value)) found[`${key}.${inner}`] = each;
	}
	return found;
}

function settingsChanges(running: Config, wanted: Config): KeyChange[] {
	const [before, after] = [settingsOf(running), settingsOf(wanted)];
	return Object.entries(DAEMON_EFFORTS)
		.filter(([key]) => !isDeepStrictEqual(before[key], after[key]))
		.map(([key, effort]) => ({ key, from: before[key], to: after[key], effort }));
}

interface Named {
	readonly name: string;
	readonly settings: object;
}

/** Of tables of which there may be many, by name: one that is not there has no key. */
function namedChanges(
	table: string,
	running: readonly Named[],
	wanted: readonly Named[],
	efforts: Readonly<Record<string, Effort>>,
): KeyChange[] {
	const names = new Set([...running, ...wanted].map(({ name }) => name));
	const found: KeyChange[] = [];
	for (const name of names) {
		const [before, after] = [running, wanted].map((all) => all.find((each) => each.name === name)?.settings);
		for (const [key, effort] of Object.entries(efforts)) {
			const [from, to] = [before, after].map(
				(settings) => Object.entries(settings ?? {}).find(([each]) => each === key)?.[1],
			);
			if (!isDeepStrictEqual(from, to)) found.push({ key: `${table}.${name}.${key}`, from, to, effort });
		}
	}
	return found;
}

/** The settings of `daemon`, `http`, `nbd`, `iscsi` and `boot`, as they are written. */
function settingsOf({ daemon, http, nbd, iscsi, boot }: Config): Readonly<Record<string, unknown>> {
	return {
		...Object.fromEntries(Object.entries(daemon).map(([key, value]) => [`daemon.${key}`, value])),
		"http.listen": http.listen.map(({ name }) => name),
		"http.token_file": http.tokenFile,
		"http.disk_histograms": http.diskHistograms,
		"nbd.listen": nbd.listen.map(({ name }) => name),
		"nbd.tls": tlsSettingsOf(nbd.tls),
		"iscsi.listen": iscsi.listen.map(({ name }) => name),
		"boot.listen": boot.listen.map(({ name }) => name),
	};
}
