/**
 * The configuration: what root's files, Debian's exports and commands have asked for, as specs. No file is opened here; texts come
 * in, so that all processes of the daemon understand the same by the same reader. What is wrong comes out as errors with places,
 * all of them. What can't be served although it is written well is a disk that says why it is broken.
 */

import { hostname } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { assembled } from "./assembly.js";
import type { Config, DiskConfig, PoolConfig } from "./configuration.js";
import { conflictsOf, linkSpecsOf } from "./conflicts.js";
import { diskSpecOf, storageOf } from "./disk-spec.js";
import { inherited, joined } from "./inherit.js";
import { iscsiExportSpecOf, unreachedOf } from "./iscsi.js";
import { AOE_DEFAULTS, DAEMON_DEFAULTS } from "./keys.js";
import { nbdExportSpecOf, unheardOf } from "./nbd.js";
import { linksOf } from "./netif.js";
import { Parts, type Sources } from "./parts.js";
import { AbsentNameError, alreadyAt, type Place, PlacedError } from "./place.js";
import { poolsOf } from "./pools.js";
import { type DiskPart, type KnownDisk, Readings } from "./readings.js";
import { type AoeValues, type DiskSettings, type DiskValues, STORAGE_KEYS } from "./schema.js";
import type { AoeExportSpec } from "./spec.js";
import { headsOf, storesOf } from "./store-pools.js";
import { refuseSharedPlaces, templatesOf } from "./templates.js";
import { NO_TLS } from "./tls.js";
import type { TomlPath } from "./toml.js";

export type { Config } from "./configuration.js";
export type { Sources } from "./parts.js";

/** Its processes load no library of others; a capture needs one in the process that reads it. */
const NO_PCAP =
	"libpcap is not to be had in the daemon, only on the classic command line; name the interface itself";

export interface Environment {
	/** The interfaces of this machine, for globs. */
	readonly interfaceNames: () => readonly string[];
	/** What this host is called: targets of iSCSI are named after it. By default what the system says. */
	readonly host?: string;
	/** Of whoever reads again and again: what is as it was need not be understood again. */
	readonly readings?: Readings;
	/** It is one disk of many, which may be on these pools: those that it may be made of are elsewhere. */
	readonly poolsOfOne?: readonly PoolConfig[];
}

/** Understands a configuration: wholly, or with all that is wrong, in the order of the files. */
export function readConfig(sources: Sources, environment: Environment): Config | PlacedError[] {
	const { readings = new Readings(), poolsOfOne, host = hostname() } = environment;
	readings.begin();
	const parts = new Parts(sources, readings);
	const { errors, warnings } = parts;
	if (!parts.isWhole) return inOrder(errors, sources);
	const sections = sectionsOf(parts, errors);
	const [daemon, http] = [sections.daemon.values, sections.http.values];
	const defaults = joined("defaults", parts.defaults, errors);
	const places = { stores: storesOf(parts.stores, errors), heads: headsOf(parts.heads, errors) };
	const pools = poolsOfOne ?? poolsOf(parts.pools, places, errors);
	const templates = templatesOf(parts.templates, pools, errors);
	readings.follow(
		defaults.settings,
		pools.map(({ name, path }) => [name, path]),
		[host],
	);
	const disks: DiskConfig[] = [];
	for (const part of onceEach(parts.disks, errors, warnings)) {
		const known = readings.disk(part, (disk) => placed(part, disk));
		if (known !== undefined) {
			disks.push(known);
			continue;
		}
		const settings = inherited(defaults.settings, part.settings);
		const values = inherited(defaults.values, part.values);
		const wrong = wrongWith(part, values);
		if (wrong.length === 0) disks.push(diskOf(part, settings, values, { ...environment, host, pools }));
		else errors.push(...wrong);
	}
	const served = poolsOfOne !== undefined ? disks : withoutConflicts(disks, pools, errors, warnings);
	warnings.push(...unheardOf(served, sections.nbd.values), ...unreachedOf(served, sections.iscsi.values));
	if (errors.length > 0) return inOrder(causesOf(errors, parts), sources);
	return {
		daemon: {
			state: daemon.state ?? DAEMON_DEFAULTS.state,
			user: daemon.user,
			allow: daemon.allow ?? DAEMON_DEFAULTS.allow,
			workers: daemon.workers ?? DAEMON_DEFAULTS.workers,
		},
		http: {
			listen: http.listen ?? [],
			tokenFile: http.token_file,
			diskHistograms: http.disk_histograms ?? false,
		},
		nbd: { listen: sections.nbd.values.listen ?? [], tls: sections.nbd.values.tls ?? NO_TLS },
		iscsi: { listen: sections.iscsi.values.listen ?? [] },
		boot: { listen: sections.boot.values.listen ?? [] },
		...{ ...places, pools, templates },
		disks: served,
		links: linkSpecsOf(served),
		warnings: inOrder(warnings, sources),
		placeOf: ([section, ...path]) => sections[section].placeOf(path),
	};
}

/** Tables of which there is one, however many files have parts of it. */
function sectionsOf(parts: Parts, errors: PlacedError[]) {
	const sections = {
		daemon: joined("daemon", parts.daemon, errors),
		http: joined("http", parts.http, errors),
		nbd: joined("nbd", parts.nbd, errors),
		iscsi: joined("iscsi", parts.iscsi, errors),
		boot: joined("boot", parts.boot, errors),
	};
	refuseSharedPlaces(sections, errors);
	return sections;
}

/** A name that is given twice is an error; but what a command has set is only wanted where no file says anything. */
function onceEach(
	parts: readonly DiskPart[],
	errors: PlacedError[],
	warnings: PlacedError[],
): Iterable<DiskPart> {
	const byName = new Map<string, DiskPart>();
	for (const part of parts) {
		const first = byName.get(part.name);
		if (first === undefined) {
			byName.set(part.name, part);
			continue;
		}
		const again = alreadyAt(`[disk.${part.name}]`, first.placeOf([]));
		if (part.origin === "runtime") warnings.push(new PlacedError(part.placeOf([]), `not followed: ${again}`));
		else errors.push(new PlacedError(part.placeOf([]), again));
	}
	return byName.values();
}

/** What only a whole disk can lack. */
function wrongWith(part: DiskPart, values: DiskValues): PlacedError[] {
	const { aoe } = values;
	const [storage, other] = STORAGE_KEYS.filter((key) => values[key] !== undefined);
	const wrong = (path: TomlPath, what: string) =>
		new PlacedError(part.placeOf(path), `disk ${part.name}: ${what}`);
	const found: PlacedError[] = [];
	if (storage === undefined)
		found.push(wrong([], "file, memory, volume, remote, linear or mirror is missing"));
	if (other !== undefined) found.push(wrong([other], `it has a ${storage} already`));
	if (values.scratch && !values.volume?.volume.includes("@"))
		found.push(
			wrong(["scratch"], "only a snapshot or a moment of a volume can be scratch, as fast/web@monday"),
		);
	for (const key of ["from", "degraded", "resync_rate", "disk_timeout"] as const)
		if (values[key] !== undefined && values.mirror === undefined)
			found.push(wrong([key], `${key} is for what is a mirror`));
	if (values.from !== undefined && values.mirror !== undefined && !values.mirror.includes(values.from))
		found.push(wrong(["from"], `disk ${values.from} is none of its mirror`));
	if (part.values.direct !== undefined && (values.linear ?? values.mirror) !== undefined)
		found.push(wrong(["direct"], "direct is for what has a file: give it to the disks that it is made of"));
	for (const key of ["resend", "interval"] as const)
		if (values[key] !== undefined && values.remote === undefined)
			found.push(wrong([key], `${key} is for what has a remote`));
	if (values.scratch && values.read_only)
		found.push(wrong(["scratch"], "what is read only can't be written to be forgotten"));
	if (aoe !== undefined && aoe.address === undefined) found.push(wrong(["aoe"], "aoe.address is missing"));
	if (aoe !== undefined && (aoe.netif ?? []).length === 0)
		found.push(wrong(["aoe", "netif"], "aoe.netif is missing, or empty"));
	return found;
}

function diskOf(
	part: DiskPart,
	settings: DiskSettings,
	values: DiskValues,
	{ interfaceNames, readings, host, pools }: Environment & { host: string; pools: readonly PoolConfig[] },
): DiskConfig {
	const { name } = part;
	const disk = diskSpecOf(name, storageOf(settings, values, pools), values);
	const parts = { name, settings, values, disk };
	let asked = false;
	const present = (): readonly string[] => {
		asked = true;
		return interfaceNames();
	};
	try {
		const exports = [
			...(values.aoe === undefined ? [] : [aoeExportOf(name, values.aoe, present)]),
			...(values.nbd === undefined ? [] : [nbdExportSpecOf(name, values.nbd)]),
			...(values.iscsi === undefined ? [] : [iscsiExportSpecOf(name, values.iscsi, host)]),
		];
		const known = { ...parts, exports, broken: undefined };
		const whole = placed(part, known);
		// A glob may mean others the next time.
		if (!asked) readings?.keepDisk(part, known, whole);
		return whole;
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		return placed(part, { ...parts, exports: [], broken: error.message });
	}
}

function placed(part: DiskPart, known: KnownDisk): DiskConfig {
	return { ...known, origin: part.origin, placeOf: (path: TomlPath = []) => placeIn(part, path) };
}

/** What concerns AoE may stand beside `aoe` as well. */
function placeIn({ placeOf }: DiskPart, path: TomlPath): Place {
	const place = placeOf(path);
	const [table, ...rest] = path;
	const isMissing = table === "aoe" && rest.length > 0 && isDeepStrictEqual(place, placeOf([table]));
	return isMissing ? placeOf(rest) : place;
}

/** Throws an OperatorError if there is no such interface, or a daemon can't have it. */
function aoeExportOf(name: string, values: AoeValues, present: Environment["interfaceNames"]): AoeExportSpec {
	const { address, netif = [], macs, buffer_count, config_string, force } = values;
	const netifs = linksOf(netif, present);
	const pcap = netifs.find(({ kind }) => kind === "pcap");
	if (pcap !== undefined) throw new OperatorError(`netif ${quote(pcap.name)}: ${NO_PCAP}`);
	return {
		protocol: "aoe",
		name,
		disk: name,
		shelf: address?.shelf ?? 0,
		slot: address?.slot ?? 0,
		netifs,
		macs,
		bufferCount: buffer_count ?? AOE_DEFAULTS.buffer_count,
		...(config_string !== undefined && { configString: config_string }),
		force: force ?? AOE_DEFAULTS.force,
	};
}

/** What two disks can't both have is an error; but a disk of a command, which comes last, is broken alone. */
function withoutConflicts(
	read: readonly DiskConfig[],
	pools: readonly PoolConfig[],
	errors: PlacedError[],
	warnings: PlacedError[],
): DiskConfig[] {
	const { disks, conflicts: unmade, wrong } = assembled(read, pools);
	errors.push(...wrong);
	const conflicts = [...unmade, ...conflictsOf(disks)];
	const broken = new Map<DiskConfig, string>();
	for (const { disk, error } of conflicts) {
		if (disk.origin !== "runtime") errors.push(error);
		else {
			warnings.push(error);
			if (!broken.has(disk)) broken.set(disk, error.what);
		}
	}
	if (broken.size === 0) return [...disks];
	const served = disks.map((disk) => {
		const why = broken.get(disk);
		return why === undefined ? disk : { ...disk, exports: [], broken: why };
	});
	// What one that is broken was to be made of belongs to nobody.
	return assembled(served, pools).disks;
}

/** Without those that only follow from others: what is written somewhere, and wrong there, is not missing elsewhere. */
function causesOf(errors: readonly PlacedError[], { disks, written }: Parts): readonly PlacedError[] {
	const all = new Set([...written, ...disks.map(({ name }) => `disk ${name}`)]);
	const causes = errors.filter((each) => !(each instanceof AbsentNameError && all.has(each.named)));
	return causes.length > 0 ? causes : errors;
}

/** Those of one file after the other. */
export function inOrder(errors: readonly PlacedError[], { files, debian, runtime }: Sources): PlacedError[] {
	const order = new Map(
		[...files, ...debian, ...(runtime ? [runtime] : [])].map(({ path }, at) => [path, at]),
	);
	const fileAt = ({ place }: PlacedError) => order.get(place.file) ?? 0;
	return [...errors].sort(
		(one, other) =>
			fileAt(one) - fileAt(other) ||
			one.place.line - other.place.line ||
			one.place.column - other.place.column,
	);
}
