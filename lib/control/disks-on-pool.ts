/**
 * The disks on a pool that another host has taken over, or was given: what is open of them here is closed, and waits for the pool as on any second host.
 * Called by `pool-keeping.ts`, through `assembly.ts`.
 */

import { OperatorError } from "../errors.js";
import type { Desired } from "./desired.js";
import type { Steward } from "./steward.js";

/** (One that has failed, or waits, is not.) */
function isOpenOn({ disk: { disk }, state }: Steward, pool: string): boolean {
	const { storage } = disk;
	const isShut = state === "failed" || state === "waiting" || state === "removing";
	return storage.kind === "volume" && storage.pool === pool && !isShut;
}

/** Closes what is on it, with what that is a part of, and tries again and again to open it. */
export function reopenBy(desired: Pick<Desired, "stewards" | "aside">): (pool: string) => void {
	return (pool) => {
		for (const steward of desired.stewards())
			if (isOpenOn(steward, pool)) desired.aside(steward.disk.name, async () => {}).catch(unlessBug);
	};
}

function unlessBug(error: unknown): void {
	if (!(error instanceof OperatorError)) throw error;
}
