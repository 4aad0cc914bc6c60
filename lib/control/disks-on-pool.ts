/**
 * The disks on a pool that another host has taken over, or was given: what is open of them here is closed, and waits for the pool as on any second host.
 * Called by `pool-keeping.ts`, through `assembly.ts`.
 */

import { OperatorError } from "../errors.js";
import { volumeIn } from "../pool/past.js";
import type { Desired } from "./desired.js";
import type { PoolKeepingOf } from "./pool-keeping.js";
import type { Steward } from "./steward.js";

/** (One that has failed, or waits, is not.) */
function isOpenOn({ disk: { disk }, state }: Steward, pool: string, volume: string | undefined): boolean {
	const { storage } = disk;
	const isShut = state === "failed" || state === "waiting" || state === "removing";
	if (storage.kind !== "volume" || storage.pool !== pool || isShut) return false;
	return volume === undefined || volumeIn(storage.volume) === volume;
}

/** Closes what is on it, or on one of its volumes, with what that is a part of, and tries again and again to open it. Resolves after the first try. */
export function reopenBy(desired: Pick<Desired, "stewards" | "aside">): PoolKeepingOf["reopen"] {
	return async (pool, volume) => {
		const open = desired.stewards().filter((steward) => isOpenOn(steward, pool, volume));
		const again = async (steward: Steward): Promise<void> => {
			await desired.aside(steward.disk.name, async () => {}).catch(unlessBug);
			await steward.lastTry;
		};
		await Promise.all(open.map(again));
	};
}

function unlessBug(error: unknown): void {
	if (!(error instanceof OperatorError)) throw error;
}
