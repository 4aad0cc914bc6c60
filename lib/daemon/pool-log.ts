/**
 * What pools tell of their own accord, as lines of the log; a worker's control makes events of them. Given to whoever opens pools, by `disks.ts`
 * and `worker.ts`.
 */

import type { Log } from "../log.js";
import type { TellPool } from "../pool/told.js";
import { shownPoolPath } from "../spec/pool-path.js";

export function poolTeller(log: Log): TellPool {
	return (pool, { kind, level, volume, message }) => {
		const shown = shownPoolPath(pool);
		const about = volume === undefined ? `pool ${shown}` : `pool ${shown}, volume ${volume}`;
		log[level](`${about}: ${message}`, { kind, pool, ...(volume !== undefined && { volume }) });
	};
}
