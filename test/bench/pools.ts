/**
 * Pools under measurement: made anew for each run by the program's own commands, on the file system of the image that they are held
 * against, and filled from end to end over the network. Used by `measure.ts`.
 */

import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import path from "node:path";
import type { LoadOptions } from "../../lib/client/load-addon.js";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { vbladeCommand } from "../support/paths.js";
import { FULL_POOL_BYTES, type Image } from "./images.js";
import type { Loader } from "./loader.js";

const COMMAND_LIMIT_MS = 120_000;
/** Commands under way while a volume is filled. */
const FILL_WINDOW = 64;
const FILL_LIMIT_S = 120;

/** The load of a run, which knows its blades and its blocks. */
export type Load = Omit<LoadOptions, "targetMac" | "seconds">;

/** A pool that is written over so often, its own size each time, is as it will stay. */
const AGE = 3;

/** Makes a pool in `folder`, instead of the one that was there, with so many volumes; what the server calls them. */
export function newVolumes(
	folder: string,
	count: number,
	sizeBytes: number,
	...options: readonly string[]
): string[] {
	const pool = path.join(folder, "pool");
	rmSync(pool, { recursive: true, force: true });
	vblade("pool", "create", pool, ...options);
	return Array.from({ length: count }, (_, index) => {
		const volume = `${pool}/v${index}`;
		vblade("volume", "create", volume, String(sizeBytes));
		return `pool:${volume}`;
	});
}

/** Pools that have been written over, by the image that they are beside. */
const aged = new Set<string>();

/** A volume without history in a pool that can't grow; the same one each time. */
export function fullVolume({ path: file, sizeBytes }: Image): string {
	const folder = path.dirname(file);
	const volume = `${folder}/pool/v0`;
	if (aged.has(file)) return `pool:${volume}`;
	newVolumes(folder, 1, sizeBytes, "--preallocate", `--size=${FULL_POOL_BYTES}`);
	vblade("volume", "set", volume, "history=0");
	return `pool:${volume}`;
}

/** Fills that volume, and writes it over until the pool is as it will stay, if that has not been done. */
export async function age(loader: Loader, load: Load, { path: file }: Image): Promise<void> {
	if (aged.has(file)) return;
	await fill(loader, load);
	const blockBytes = load.sectors * SECTOR_BYTES;
	for (let time = 0; time < AGE; time++)
		await overwrite(loader, { ...load, seed: load.seed + time }, Math.round(FULL_POOL_BYTES / blockBytes));
	aged.add(file);
}

export function vblade(...args: string[]): void {
	const [program = "", ...before] = vbladeCommand();
	execFileSync(program, [...before, ...args], {
		stdio: ["ignore", "ignore", "pipe"],
		timeout: COMMAND_LIMIT_MS,
	});
}

/** Writes every block of the load's blades, in order. */
export async function fill(loader: Loader, load: Load): Promise<void> {
	const { slots = 1, blocks } = load;
	for (let slot = load.slot; slot < load.slot + slots; slot++)
		await write(loader, { ...load, slot, slots: 1, sequential: 1, requests: blocks });
}

/** Writes blocks at random, so many in all. */
export async function overwrite(loader: Loader, load: Load, requests: number): Promise<void> {
	await write(loader, { ...load, sequential: 0, requests });
}

async function write(loader: Loader, load: Load): Promise<void> {
	const all = { ...load, writePercent: 100, window: FILL_WINDOW, seconds: FILL_LIMIT_S };
	const { errors, requests } = await loader.run(all);
	if (errors > 0 || requests < load.requests)
		throw new Error(`${requests} of ${load.requests} blocks could be written, ${errors} could not`);
}
