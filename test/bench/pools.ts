/**
 * Pools under measurement: made by the program's own commands, on the file system of the image that they are held against, filled from end
 * to end over the network, and written over; the same one for all rows that want it so. Used by `measure.ts`.
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
const BLOCK_BYTES = 4096;
/** Commands under way while a volume is filled. */
const FILL_WINDOW = 64;
const FILL_LIMIT_S = 120;

/** The load of a run, which knows its blades and its blocks. */
export type Load = Omit<LoadOptions, "targetMac" | "seconds">;

/** What a pool has behind it: filled in order; then written over at random; or so full that it can't grow, and written over several times. */
export type PoolState = "filled" | "written" | "full";

export interface WantedPool {
	/** Volumes, each with its part of the image's size. */
	readonly disks: number;
	readonly state: PoolState;
}

/** Of the pool that can grow, which its volumes take a third of, so much is on the disk from the beginning. */
const POOL_BYTES = 3 * 2 ** 30;
/** Blocks of 4 KiB that are written to it at random. */
const OVERWRITES = 1e6;
/** The full one is written over so often, its own size each time: it is then as it will stay. */
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

/** Pools that there are, by folder: what was wanted of them, and that they are so. */
const made = new Map<string, { wanted: WantedPool; files: string[]; isReady: boolean }>();

/** The volumes of such a pool beside an image, made if the one that is there is another one. */
export function volumesOf({ path: file, sizeBytes }: Image, wanted: WantedPool): string[] {
	const folder = path.dirname(file);
	const { disks, state } = wanted;
	const known = made.get(folder);
	if (known?.wanted.disks === disks && known.wanted.state === state) return known.files;
	const poolBytes = state === "full" ? FULL_POOL_BYTES : Math.min(POOL_BYTES, 3 * sizeBytes);
	const files = newVolumes(folder, disks, sizeBytes / disks, "--preallocate", `--size=${poolBytes}`);
	if (state === "full") vblade("volume", "set", `${folder}/pool/v0`, "history=0");
	made.set(folder, { wanted, files, isReady: false });
	return files;
}

/** Has its blades written as is wanted, if that was not done before. */
export async function makeReady(loader: Loader, load: Load, image: Image, wanted: WantedPool): Promise<void> {
	const known = made.get(path.dirname(image.path));
	if (known === undefined || known.isReady) return;
	// (All of it, whatever part the load is for.)
	const blocks = image.sizeBytes / wanted.disks / SECTOR_BYTES / load.sectors;
	const all = { ...load, firstLba: 0, blocks };
	await fill(loader, all);
	if (wanted.state === "written") await overwrite(loader, all, OVERWRITES);
	if (wanted.state === "full")
		for (let time = 0; time < AGE; time++)
			await overwrite(loader, { ...all, seed: load.seed + time }, FULL_POOL_BYTES / BLOCK_BYTES);
	known.isReady = true;
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
