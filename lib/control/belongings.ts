/**
 * What of a disk belongs to one process: its pool, whose log that process writes, and its `unix:` links, NBD and iSCSI, whose connections each come
 * to whoever accepts them; and a disk that is made of disks is one with these, as is a pool with the disks that it is on. And which disks are together for that reason. Pure; used by `worker-choice.ts`.
 */

import path from "node:path";
import { unreachable } from "../errors.js";
import { compoundOf } from "../spec/assembly.js";
import type { NetifSpec, StorageSpec } from "../spec/spec.js";

type ExportPlace =
	| { readonly protocol: "aoe"; readonly netifs: readonly NetifSpec[] }
	/** All have the same sockets. */
	| { readonly protocol: "nbd" | "iscsi" };

export interface PlacedDisk {
	readonly name: string;
	readonly disk: { readonly storage: StorageSpec; readonly chunkOf?: string };
	readonly exports: readonly ExportPlace[];
	/** The disk that it is a part of. */
	readonly partOf?: string;
}

/** In words for people. */
export type Belonging = `pool ${string}` | `unix:${string}` | `disk ${string}` | "NBD" | "iSCSI";

export interface Group {
	readonly belongings: Set<Belonging>;
	/** By name. */
	readonly disks: string[];
}

export function poolBelonging(folder: string): Belonging {
	return `pool ${folder}`;
}

/** A disk of disks, and what it is made of, belong to each other. */
function wholesOf({ name, disk: { storage }, partOf }: PlacedDisk): Belonging[] {
	const wholes: Belonging[] = partOf === undefined ? [] : [`disk ${partOf}`];
	return compoundOf(storage) === undefined ? wholes : [...wholes, `disk ${name}`];
}

export function belongingsOf(disk: PlacedDisk): Belonging[] {
	const {
		disk: { storage, chunkOf },
		exports,
	} = disk;
	const links = exports.flatMap((each) => waysOf(each));
	const folder = storage.kind === "volume" ? storage.pool : chunkOf;
	const pools = folder === undefined ? [] : [poolBelonging(folder)];
	return [...pools, ...wholesOf(disk), ...links];
}

function waysOf(exported: ExportPlace): Belonging[] {
	switch (exported.protocol) {
		case "aoe":
			return linksOf(exported.netifs);
		case "nbd":
			return ["NBD"];
		case "iscsi":
			return ["iSCSI"];
		default:
			return unreachable(exported);
	}
}

function linksOf(netifs: readonly NetifSpec[]): Belonging[] {
	return netifs.flatMap((netif) =>
		netif.kind === "unix" ? [`unix:${path.resolve(netif.path)}` as const] : [],
	);
}

/** Disks that have a belonging in common, or each one with a third, are one group. Those that have none are in none. */
export function groupsOf(disks: readonly PlacedDisk[]): Group[] {
	const groupOf = new Map<Belonging, Group>();
	for (const disk of disks) {
		const belongings = belongingsOf(disk);
		if (belongings.length === 0) continue;
		const met = new Set(belongings.flatMap((each) => groupOf.get(each) ?? []));
		const [group = { belongings: new Set(), disks: [] }, ...others] = met;
		for (const each of belongings) group.belongings.add(each);
		for (const other of others) {
			for (const each of other.belongings) group.belongings.add(each);
			group.disks.push(...other.disks);
		}
		group.disks.push(disk.name);
		for (const each of group.belongings) if (groupOf.get(each) !== group) groupOf.set(each, group);
	}
	return [...new Set(groupOf.values())];
}

/** What several disks have in common. */
export function sharedOf(disks: readonly PlacedDisk[]): ReadonlySet<Belonging> {
	const [seen, shared] = [new Set<Belonging>(), new Set<Belonging>()];
	for (const disk of disks)
		for (const each of new Set(belongingsOf(disk))) {
			if (seen.has(each)) shared.add(each);
			seen.add(each);
		}
	return shared;
}
