/**
 * Pools in object stores that are closed on this host to be opened on it again at once: served in another way, with other replicas, or because a disk is
 * changed that is the only one on it. No other host that waits for such a pool has it in between. Told by `worker-disks.ts` and `worker.ts`, asked by
 * `store-pools.ts` when one is closed.
 */

import { type Clock, systemClock } from "../clock.js";
import { poolInStore } from "../spec/pool-path.js";

/** What has not come by then may go to whoever waits for it. */
const LIMIT_MS = 10_000;

export class AwaitedPools {
	/** Until when, by name: the path of one that is served in another way is another one. */
	readonly #untilMs = new Map<string, number>();

	constructor(readonly clock: Clock = systemClock) {}

	/** (Those that are in no store are of no other host.) */
	expect(path: string): void {
		const name = poolInStore(path)?.name;
		if (name !== undefined) this.#untilMs.set(name, this.clock.now() + LIMIT_MS);
	}

	/** Whether it is to be opened here again. */
	isExpected(path: string): boolean {
		return this.clock.now() < (this.#untilMs.get(poolInStore(path)?.name ?? "") ?? 0);
	}

	/** It is open: when it is closed next, that is for good. */
	opened(path: string): void {
		this.#untilMs.delete(poolInStore(path)?.name ?? "");
	}
}
