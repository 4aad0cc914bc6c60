/**
 * The volumes of a pool as the API shows them. Used by `pools.ts`, and by the command that lists volumes of a pool which it has opened itself.
 */

import type { PoolLook } from "../pool/looks.js";
import type { Volume } from "./model.js";

/** `disks`: those that serve volumes, by `POOL/VOLUME`. */
export function shownVolumes(
	pool: string,
	{ volumes, momentsFrom }: Pick<PoolLook, "volumes" | "momentsFrom">,
	disks: ReadonlyMap<string, string> = new Map(),
): Volume[] {
	return volumes.map((volume) => {
		// Before it was made there was nothing.
		const from = volume.created > momentsFrom ? volume.created : momentsFrom;
		const disk = disks.get(`${pool}/${volume.name}`) ?? null;
		const snapshots = volume.snapshots.map((each) => ({ ...each }));
		const keep = volume.keep && { ...volume.keep };
		return { ...volume, keep, pool, disk, momentsFrom: from, snapshots };
	});
}
