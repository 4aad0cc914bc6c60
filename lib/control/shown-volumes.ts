/**
 * Pools and volumes as the API shows them. Used by `pools.ts`, and by the commands that look at a pool which they have opened themselves.
 */

import type { PoolLook, VolumeLook } from "../pool/looks.js";
import type { Pool, Volume, VolumeSummary } from "./model.js";

/** The disks that serve volumes, by `POOL/VOLUME`. */
export type DisksOn = ReadonlyMap<string, string>;

const NO_DISKS: DisksOn = new Map();

/** With those of its snapshots that were looked at. */
export function shownVolume(pool: string, volume: VolumeLook, disks = NO_DISKS): Volume {
	const { snapshots, keep, ...others } = volume;
	const disk = disks.get(`${pool}/${volume.name}`) ?? null;
	return { pool, ...others, keep: keep && { ...keep }, disk, snapshots: [...snapshots] };
}

export function shownVolumes(
	pool: string,
	volumes: readonly VolumeLook[],
	disks = NO_DISKS,
): VolumeSummary[] {
	return volumes.map((volume) => {
		const { snapshots: _, ...summary } = shownVolume(pool, volume, disks);
		return summary;
	});
}

/** What is wrong with one that is open: it takes no changes, is away, stores no checkpoints, or is full. */
function reasonOf(look: PoolLook | undefined): string | null {
	const whole = look?.failed ?? look?.away;
	if (whole != null) return whole;
	return (
		[look?.unstored, look?.full, look?.stored?.trouble, replicaTrouble(look?.replicas)]
			.filter((each) => each != null)
			.join("; and ") || null
	);
}

/** What does not get on with any of them. */
export function replicaTrouble(replicas: PoolLook["replicas"] = []): string | null {
	const troubles = replicas.flatMap(({ name, trouble }) =>
		trouble === null ? [] : [`its replica ${name} is not brought up to date: ${trouble}`],
	);
	return troubles.join("; and ") || null;
}

/** How long requests took, and how they ended, is for metrics. */
function storedOf(look: PoolLook | undefined): Pool["stored"] {
	if (look === undefined || look.stored === null) return null;
	const counts = new Map<string, number>();
	for (const { op, counts: classes } of look.stored.requests) {
		const ended = classes.reduce((sum, [, count]) => sum + count, 0);
		counts.set(op, (counts.get(op) ?? 0) + ended);
	}
	const { lost } = look.stored;
	return { ...look.stored, lost: [...lost], requests: [...counts].map(([op, count]) => ({ op, count })) };
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
		reason: reason ?? reasonOf(look),
		format: look?.format ?? null,
		id: look?.id ?? null,
		volumes: look?.volumeCount ?? null,
		sizeBytes: look?.sizeBytes ?? null,
		usedBytes: look?.usedBytes ?? null,
		historyBytes: look?.historyBytes ?? null,
		freeingBytes: look?.freeingBytes ?? null,
		waitingBytes: look?.waitingBytes ?? null,
		freeBytes: look?.freeBytes ?? null,
		momentsFrom: look?.momentsFrom ?? null,
		clockDoubt: look?.clockDoubt ?? null,
		unsure: look === undefined ? null : look.unsure.map(({ from, to }) => ({ from, to })),
		disks: look?.disks?.map((disk) => ({ ...disk })) ?? null,
		stored: storedOf(look),
		onlyRead: look?.onlyRead ?? null,
		replicas: look?.replicas.map((replica) => ({ ...replica })) ?? null,
		settings: look === undefined ? null : { ...look.settings, keep: { ...look.settings.keep } },
	};
}
