/**
 * What is said of a pool and its volumes, as plain values: by the commands that open a pool, and by a worker that control asks.
 */

import {
	durationText,
	type PoolSettingsText,
	type ScheduleText,
	scheduleText,
	settingsText,
} from "../spec/policy.js";
import { timeText } from "../text.js";
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
	/** The earliest moment that can be looked at: ISO 8601. */
	readonly momentsFrom: string;
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
	/** What holds for volumes of which nothing else is set. */
	readonly settings: PoolSettingsText;
	/** By name. */
	readonly volumes: readonly VolumeLook[];
}

/** A whole millisecond, which can be looked at. */
function beganText(timeUs: number): string {
	return timeText(Math.ceil(timeUs / 1000) * 1000);
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
		momentsFrom: beganText(pool.history.beganUsOf(volume)),
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
	return {
		format,
		id,
		usedBytes,
		momentsFrom: beganText(pool.history.beganUs),
		settings: settingsText(pool.settings),
		volumes: pool.volumes.map((volume) => lookAt(pool, volume)),
	};
}
