/**
 * What disks can't have together: one address on one link, one name of NBD's, one LUN of a target, one file that somebody writes, one disk of a server, one volume, one link that works in two ways. Asked by
 * `config.ts` with the disks of a whole configuration.
 */

import path from "node:path";
import { quote } from "../text.js";
import type { DiskConfig } from "./configuration.js";
import { aoeExportsOf, iscsiExportOf, nbdExportOf } from "./exports.js";
import { clashInTarget } from "./iscsi.js";
import { AOE_DEFAULTS } from "./keys.js";
import { absentName, PlacedError, shownPlace } from "./place.js";
import type {
	AoeExportSpec,
	DiskSpec,
	IscsiExportSpec,
	LinkSpec,
	NetifSpec,
	RemoteSpec,
	StorageSpec,
} from "./spec.js";
import type { TomlPath } from "./toml.js";

/** What keeps `disk` from being served beside one before it. */
export interface Conflict {
	readonly disk: DiskConfig;
	readonly error: PlacedError;
}

/** Each with the first disk that is in the way. */
export function conflictsOf(disks: readonly DiskConfig[]): Conflict[] {
	return [
		...ofAddresses(disks),
		...ofNames(disks),
		...ofTargets(disks),
		...ofFiles(disks),
		...ofServers(disks),
		...ofVolumes(disks),
		...ofLinks(disks),
	];
}

/** `rest` says what `other` has, whose key is shown. */
function conflict(disk: DiskConfig, key: TomlPath, other: DiskConfig, rest: string): Conflict {
	const { name, placeOf } = disk;
	const what = `disk ${name}: disk ${other.name} (${shownPlace(other.placeOf(key))}) ${rest}`;
	return { disk, error: new PlacedError(placeOf(key), what) };
}

/** Each address on each link, as `9.0 on eth0`. Nearly all of thousands are as they were the last time. */
const places = remembering((exports: readonly AoeExportSpec[]): readonly string[] =>
	exports.flatMap(({ shelf, slot, netifs }) => netifs.map(({ name }) => `${shelf}.${slot} on ${name}`)),
);

const normalized = remembering((storage: StorageSpec & { kind: "file" }) => path.normalize(storage.path));

function remembering<Key extends object, Value>(make: (key: Key) => Value): (key: Key) => Value {
	const known = new WeakMap<Key, Value>();
	return (key) => {
		const value = known.get(key) ?? make(key);
		known.set(key, value);
		return value;
	};
}

function ofAddresses(disks: readonly DiskConfig[]): Conflict[] {
	const taken = new Map<string, DiskConfig>();
	const found: Conflict[] = [];
	for (const disk of disks)
		for (const place of places(aoeExportsOf(disk.exports))) {
			const other = taken.get(place);
			if (other === undefined) taken.set(place, disk);
			else if (other !== disk) {
				found.push(conflict(disk, ["aoe", "address"], other, `has the address ${place} already`));
				break;
			}
		}
	return found;
}

/** Clients of NBD ask for a disk by one name, which is "" if they ask for none. */
function ofNames(disks: readonly DiskConfig[]): Conflict[] {
	const taken = new Map<string, DiskConfig>();
	const found: Conflict[] = [];
	for (const disk of disks) {
		const name = nbdExportOf(disk.exports)?.exportName;
		if (name === undefined) continue;
		const other = taken.get(name);
		if (other === undefined) taken.set(name, disk);
		else found.push(conflict(disk, ["nbd", "name"], other, `has the name ${quote(name)} of NBD's already`));
	}
	return found;
}

/** A LUN of a target is one disk's; and with the first of its target each has to agree on who may log in there. */
function ofTargets(disks: readonly DiskConfig[]): Conflict[] {
	const taken = new Map<string, { readonly disk: DiskConfig; readonly exported: IscsiExportSpec }>();
	const found: Conflict[] = [];
	for (const disk of disks) {
		const exported = iscsiExportOf(disk.exports);
		if (exported === undefined) continue;
		const { target, lun } = exported;
		const unit = `${lun} ${target}`;
		const other = taken.get(unit) ?? taken.get(target);
		const clash = other && clashInTarget(exported, other.exported);
		if (other !== undefined && clash !== undefined) {
			found.push(conflict(disk, ["iscsi", clash.key], other.disk, clash.why));
			continue;
		}
		const here = { disk, exported };
		taken.set(unit, here);
		if (!taken.has(target)) taken.set(target, here);
	}
	return found;
}

function ofFiles(disks: readonly DiskConfig[]): Conflict[] {
	return clashes(disks, "file", ({ disk: { storage } }) =>
		storage.kind === "file" ? { place: normalized(storage), name: normalized(storage) } : undefined,
	);
}

/** A disk of another server that somebody writes is his alone: each would take for lost what the other one has written. */
function ofServers(disks: readonly DiskConfig[]): Conflict[] {
	return clashes(disks, "remote", ({ disk: { storage } }) =>
		storage.kind === "remote" ? { place: thereText(storage), name: storage.name } : undefined,
	);
}

/** What is at one place, by `placeOf`, is of those who only read, or each has a part of its own. */
function clashes(
	disks: readonly DiskConfig[],
	key: "file" | "remote",
	placeOf: (disk: DiskConfig) => { readonly place: string; readonly name: string } | undefined,
): Conflict[] {
	const users = new Map<string, DiskConfig[]>();
	const found: Conflict[] = [];
	for (const disk of disks) {
		const at = placeOf(disk);
		if (at === undefined) continue;
		const others = users.get(at.place);
		const other = others?.find((each) => clash(each.disk, disk.disk));
		if (others === undefined) users.set(at.place, [disk]);
		else if (other === undefined) others.push(disk);
		else
			found.push(conflict(disk, [key], other, `has the same part of ${at.name}, and one of them may write`));
	}
	return found;
}

/** The same for what is one disk of one server, however it is written. */
function thereText({ server, exportName }: RemoteSpec): string {
	switch (server.kind) {
		case "unix":
			return JSON.stringify([path.normalize(server.path), exportName]);
		case "tcp":
			return JSON.stringify([server.host.toLowerCase(), server.port, exportName]);
		case "aoe":
			return JSON.stringify([server.netif.name, server.shelf, server.slot]);
	}
}

/** A volume is served once, whoever writes, unless that is forgotten; and its pool has to be there. */
function ofVolumes(disks: readonly DiskConfig[]): Conflict[] {
	const users = new Map<string, DiskConfig>();
	const found: Conflict[] = [];
	for (const disk of disks) {
		const { storage } = disk.disk;
		if (storage.kind !== "volume") continue;
		const other = users.get(storage.name);
		if (storage.pool === "") {
			const pool = disk.values.volume?.pool ?? "";
			const place = disk.placeOf(["volume"]);
			found.push({ disk, error: absentName(place, `disk ${disk.name}: `, "pool", pool) });
		} else if (disk.disk.scratch) continue;
		else if (other === undefined) users.set(storage.name, disk);
		else found.push(conflict(disk, ["volume"], other, "has this volume already"));
	}
	return found;
}

/** What somebody has of a file. */
export type FilePart = Pick<DiskSpec, "readOnly" | "offsetSectors" | "lengthSectors">;

/** True if one writes what the other has too, of one file. */
export function clash(one: FilePart, other: FilePart): boolean {
	if (one.readOnly && other.readOnly) return false;
	const end = ({ offsetSectors, lengthSectors = Infinity }: FilePart) => offsetSectors + lengthSectors;
	return one.offsetSectors < end(other) && other.offsetSectors < end(one);
}

/** Keys that are for a whole link, whichever disk names them. */
const LINK_KEYS = ["poll_us", "no_xdp"] as const;

function ofLinks(disks: readonly DiskConfig[]): Conflict[] {
	const found: Conflict[] = [];
	for (const key of LINK_KEYS) {
		const first = new Map<string, DiskConfig>();
		for (const disk of disks) {
			const value = disk.values.aoe?.[key];
			if (value === undefined) continue;
			for (const name of netifsOf(disk).keys()) {
				const other = first.get(name);
				if (other === undefined) first.set(name, disk);
				else if (other.values.aoe?.[key] !== value) {
					const rest = `has another value, and ${key} is for all that is served on ${name}`;
					found.push(conflict(disk, ["aoe", key], other, rest));
					break;
				}
			}
		}
	}
	return found;
}

function netifsOf({ exports }: DiskConfig): ReadonlyMap<string, NetifSpec> {
	return new Map(
		aoeExportsOf(exports)
			.flatMap(({ netifs }) => netifs)
			.map((netif) => [netif.name, netif]),
	);
}

/** How each link works that disks without conflicts are served on. */
export function linkSpecsOf(disks: readonly DiskConfig[]): LinkSpec[] {
	const links = new Map<string, LinkSpec>();
	for (const disk of disks) {
		const { poll_us, no_xdp } = disk.values.aoe ?? {};
		for (const { netifs } of aoeExportsOf(disk.exports))
			for (const netif of netifs) {
				const known = links.get(netif.name);
				// Nearly all of thousands say nothing of it.
				if (known !== undefined && poll_us === undefined && no_xdp === undefined) continue;
				const { pollUs, xdp } = known ?? { pollUs: AOE_DEFAULTS.poll_us, xdp: !AOE_DEFAULTS.no_xdp };
				links.set(netif.name, {
					netif,
					pollUs: poll_us ?? pollUs,
					xdp: no_xdp === undefined ? xdp : !no_xdp,
				});
			}
	}
	return [...links.values()];
}
