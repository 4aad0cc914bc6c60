/**
 * What is said of a pool and its volumes, as plain values: by the commands that open a pool, and by a worker that control asks.
 */

import { durationText, type ScheduleText, scheduleText } from "../spec/policy.js";
import type { Volume } from "./catalog.js";
import type { Pool } from "./pool.js";

export interface SnapshotLook {
	readonly name: string;
	readonly sizeBytes: number;
	/** ISO 8601 */
	readonly created: string;
	readonly held: boolean;
}

/** What is said of a volume. */
export interface VolumeLook {
	readonly name: string;
	readonly sizeBytes: number;
	readonly pageBytes: number;
	readonly usedBytes: number;
	readonly created: string;
	readonly serial: string;
	readonly wwn: string;
	/** What is set of it, as it would be written; null: it is as for other volumes of the pool. */
	readonly history: string | null;
	readonly keep: ScheduleText | null;
	readonly quotaBytes: number | null;
	readonly snapshots: readonly SnapshotLook[];
}

export interface PoolLook {
	readonly format: number;
	readonly id: number;
	readonly usedBytes: number;
	/** The earliest moment that can be looked at: ISO 8601. */
	readonly momentsFrom: string;
	/** By name. */
	readonly volumes: readonly VolumeLook[];
}

/** As of the last checkpoint. */
function lookAt(pool: Pool, volume: Volume): VolumeLook {
	const { createdUs, snapshots, name, sizeBytes, pageBytes, serial, wwn, settings } = volume;
	const { historySeconds, keep, quotaBytes = null } = settings;
	return {
		name,
		sizeBytes,
		pageBytes,
		serial,
		wwn,
		usedBytes: pool.usedBytesOf(volume),
		created: timeText(createdUs),
		history: historySeconds === undefined ? null : durationText(historySeconds),
		keep: keep === undefined ? null : scheduleText(keep),
		quotaBytes,
		snapshots: snapshots.map((snapshot) => {
			const { name: called, sizeBytes: size, timeUs, isHeld } = snapshot;
			return { name: called, sizeBytes: size, created: timeText(timeUs), held: isHeld };
		}),
	};
}

/** The same with all that was written by now. */
export async function lookNow(pool: Pool, volume: Volume): Promise<VolumeLook> {
	// Where no checkpoint can be made, it is as of the last one.
	await pool.checkpoint().catch(() => {});
	return lookAt(pool, volume);
}

export function lookAtPool(pool: Pool): PoolLook {
	const { format, id, usedBytes } = pool.state;
	const momentsFrom = timeText(pool.momentsFromUs);
	return { format, id, usedBytes, momentsFrom, volumes: pool.volumes.map((volume) => lookAt(pool, volume)) };
}

function timeText(timeUs: number): string {
	return new Date(timeUs / 1000).toISOString();
}
