/**
 * What the command line asks for as a spec: its options hold for all of its blades, so each disk, export and link has them.
 * Called by `serve.ts`, and by tests that start a server of their own.
 */

import type { Durability, NetifSpec, Spec, StorageSpec } from "../spec/spec.js";

/** One blade: shelf, slot, netif and filename of the command line. */
export interface BladeArguments {
	/** 0..65534 */
	readonly shelf: number;
	/** 0..254 */
	readonly slot: number;
	/** At least one; no name twice. */
	readonly netifs: readonly NetifSpec[];
	readonly storage: StorageSpec;
}

/** What holds for every blade: see `lib/spec/spec.ts`. */
export interface ServeOptions {
	readonly bufferCount: number;
	readonly direct: boolean;
	readonly readOnly: boolean;
	readonly scratch: boolean;
	readonly macs: readonly number[] | undefined;
	readonly offsetSectors: number;
	readonly lengthSectors: number | undefined;
	readonly durability: Durability;
	readonly pollUs: number;
	readonly xdp: boolean;
	readonly user: string | undefined;
	readonly force: boolean;
}

export function specOf(blades: readonly BladeArguments[], options: ServeOptions): Spec {
	const { bufferCount, macs, force, pollUs, xdp, user } = options;
	const { readOnly, scratch, direct, offsetSectors, lengthSectors, durability } = options;
	const writing = scratch ? { readOnly, scratch } : { readOnly };
	const links = new Map(blades.flatMap(({ netifs }) => netifs).map((netif) => [netif.name, netif]));
	// One address may be given on several interfaces, with a disk for each.
	const named = blades.map((blade, index) => ({ ...blade, name: `${index}: e${blade.shelf}.${blade.slot}` }));
	return {
		disks: named.map(({ name, shelf, slot, storage }) => {
			const called = `e${shelf}.${slot}`;
			return { name, called, storage, offsetSectors, lengthSectors, ...writing, direct, durability };
		}),
		exports: named.map(({ name, shelf, slot, netifs }) => {
			return { protocol: "aoe", name, disk: name, shelf, slot, netifs, macs, bufferCount, force };
		}),
		links: [...links.values()].map((netif) => ({ netif, pollUs, xdp })),
		process: { user },
	};
}
