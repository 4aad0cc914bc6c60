/**
 * The typed door to the load generator, an addon of its own (`native/bench/`). Loaded when it is first used: who measures
 * with the plain initiator needs none. Called by `load.ts`, and by the project's benchmark.
 */

import { loadAddon } from "../addon.js";

/** What the load generator shall do; see native/bench/load.h. */
export interface LoadOptions {
	/** MAC address of the blade's server, 48 bits. */
	readonly targetMac: number;
	readonly shelf: number;
	readonly slot: number;
	/** Blades that share the window evenly, the others at the slots behind that one; 1 if it is not said. Not with `verify`. */
	readonly slots?: number;
	/** Sectors of 512 bytes per command: 1..255, within the frame size. */
	readonly sectors: number;
	/** Commands under way: 1..1024. */
	readonly window: number;
	/** 0: only reads, 100: only writes. */
	readonly writePercent: number;
	/** 1: one block after the other; 0: at random. */
	readonly sequential: number;
	/** 1: stamp every sector written with its LBA and generation, and check every one read. */
	readonly verify: number;
	readonly firstLba: number;
	/** Blocks of `sectors` that are used, from `firstLba`. */
	readonly blocks: number;
	readonly seconds: number;
	/** At most so many commands; 0: no limit. */
	readonly requests: number;
	readonly seed: number;
}

export interface LoadResult {
	/** Commands answered without error. */
	readonly requests: number;
	/** Commands sent again because no answer came in time. */
	readonly lost: number;
	readonly errors: number;
	/** Answers to commands that had been given up. */
	readonly late: number;
	/** Sectors whose stamp was not the one that had to be there. */
	readonly wrong: number;
	readonly seconds: number;
	readonly p50Us: number;
	readonly p99Us: number;
	readonly p999Us: number;
	readonly maxUs: number;
}

interface LoadAddon {
	loadRun(interfaceName: string, options: LoadOptions): Promise<LoadResult>;
}

let addon: LoadAddon | undefined;

/** Makes a run on an interface. Rejects with a NativeError: ETIMEDOUT if the blade does not answer. */
export function loadRun(interfaceName: string, options: LoadOptions): Promise<LoadResult> {
	addon ??= loadAddon("bench") as LoadAddon;
	return addon.loadRun(interfaceName, options);
}
