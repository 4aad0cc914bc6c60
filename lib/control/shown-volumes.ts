/**
 * Pools and volumes as the API shows them. Used by `pools.ts`, and by the commands that look at a pool which they have opened themselves.
 */

import type { PoolLook, VolumeLook } from "../pool/looks.js";
import type { Pool, Volume } from "./model.js";

/** `disks`: those that serve volumes, by `POOL/VOLUME`. */
export function shownVolumes(
	pool: string,
	volumes: readonly VolumeLook[],
	disks: ReadonlyMap<string, string> = new Map(),
): Volume[] {
	return volumes.map((volume) => ({
		...volume,
		keep: volume.keep && { ...volume.keep },
		pool,
		disk: disks.get(`${pool}/${volume.name}`) ?? null,
		snapshots: volume.snapshots.map((each) => ({ ...each, clones: [...each.clones] })),
	}));
}

/** `reason`: why it could not be looked at. */
export function shownPool(
	name: string,
	path: string,
	look: PoolLook | undefined,
	reason: string | null = null,
): Pool {
	return {
		name,
		path,
		reason,
		format: look?.format ?? null,
		id: look?.id ?? null,
		volumes: look?.volumes.length ?? null,
		sizeBytes: look?.sizeBytes ?? null,
		usedBytes: look?.usedBytes ?? null,
		historyBytes: look?.historyBytes ?? null,
		waitingBytes: look?.waitingBytes ?? null,
		freeBytes: look?.freeBytes ?? null,
		momentsFrom: look?.momentsFrom ?? null,
		settings: look === undefined ? null : { ...look.settings, keep: { ...look.settings.keep } },
	};
}
