/**
 * A pool and its volumes as the API shows them. Used by `pools.ts`, and by the commands that show what they have opened themselves.
 */

import type { PoolLook } from "../pool/looks.js";
import type { Pool, Volume } from "./model.js";

/** `reason`: why there is no look at it. */
export function shownPool(
	name: string,
	path: string,
	look: PoolLook | undefined,
	reason: string | null = null,
): Pool {
	const { format = null, id = null, usedBytes = null, momentsFrom = null, volumes } = look ?? {};
	const settings = look === undefined ? null : { ...look.settings, keep: { ...look.settings.keep } };
	const count = volumes?.length ?? null;
	return { name, path, reason, format, id, usedBytes, momentsFrom, settings, volumes: count };
}

/** `disks`: those that serve volumes, by `POOL/VOLUME`. */
export function shownVolumes(
	pool: string,
	{ volumes }: Pick<PoolLook, "volumes">,
	disks: ReadonlyMap<string, string> = new Map(),
): Volume[] {
	return volumes.map((volume) => {
		const disk = disks.get(`${pool}/${volume.name}`) ?? null;
		const snapshots = volume.snapshots.map((each) => ({ ...each }));
		const keep = volume.keep && { ...volume.keep };
		return { ...volume, keep, pool, disk, snapshots };
	});
}
