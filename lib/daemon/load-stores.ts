/** Loads what pools in object stores take: only where there are any when a process begins, as it can read no file later. Called by `worker.ts`. */

import type { BothHosts } from "./both-hosts.js";
import type { StorePoolsThrough } from "./remote-files.js";

export interface StoresLoaded {
	readonly storePoolsThrough: StorePoolsThrough;
	readonly both: BothHosts;
}

export async function loadStores(): Promise<StoresLoaded> {
	const [{ storePoolsThrough }, { BothHosts }] = await Promise.all([
		import("./store-pools.js"),
		import("./both-hosts.js"),
	]);
	return { storePoolsThrough, both: new BothHosts() };
}
