/**
 * What pools tell of their own accord, as lines of the log; a worker's control makes events of them. Given to whoever opens pools, by `disks.ts`
 * and `worker.ts`.
 */

import type { Log } from "../log.js";
import type { TellPool } from "../pool/told.js";

export function poolTeller(log: Log): TellPool {
	return (pool, { kind, level, volume, message }) => {
		const about = volume === undefined ? `pool ${pool}` : `pool ${pool}, volume ${volume}`;
		log[level](`${about}: ${message}`, { kind, pool, ...(volume !== undefined && { volume }) });
	};
}
