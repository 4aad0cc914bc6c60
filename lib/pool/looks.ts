/**
 * What is said of a pool and its volumes, as plain values: by the commands that open a pool, and by a worker that control asks. Whoever is
 * served has a turn every so many steps, for there may be thousands of volumes and snapshots.
 */

import {
	durationText,
	type PoolSettingsText,
	type ScheduleText,
	scheduleText,
	settingsText,
} from "../spec/policy.js";
import { timeText } from "../text.js";
import type { Snapshot, Volume } from "./catalog.js";
import type { Pool } from "./pool.js";
import type { PoolFigures, SnapshotSpace, VolumeSpace } from "./pool-space.js";

/** In one turn: a volume, a snapshot, or a list of dead pages. */
const STEPS_PER_TURN = 512;

export interface SnapshotLook extends SnapshotSpace {
	readonly name: string;
	readonly sizeBytes: number;
	/** ISO 8601 */
	readonly created: string;
	readonly held: boolean;
	/** Volumes that began as it is. */
	readonly clones: readonly string[];
}

/** What is said of a volume. */
export interface VolumeLook extends VolumeSpace {
	readonly name: string;
	readonly sizeBytes: number;
	readonly pageBytes: number;
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

export interface PoolLook extends PoolFigures {
	readonly format: number;
	readonly id: number;
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
class Looker {
	readonly #pool: Pool;
	readonly #clones: ReturnType<Pool["space"]["clones"]>;
	#left = STEPS_PER_TURN;

	constructor(pool: Pool) {
		this.#pool = pool;
		this.#clones = pool.space.clones();
	}

	async lookAt(volume: Volume): Promise<VolumeLook> {
		const { createdUs, name, sizeBytes, pageBytes, serial, wwn, settings } = volume;
		const { historySeconds, keep, quotaBytes = null } = settings;
		const space = this.#pool.space.ofVolume(volume);
		await this.#steps(1 + volume.snapshots.length / 16);
		return {
			name,
			sizeBytes,
			pageBytes,
			serial,
			wwn,
			...space,
			created: timeText(createdUs),
			history: historySeconds === undefined ? null : durationText(historySeconds),
			keep: keep === undefined ? null : scheduleText(keep),
			quotaBytes,
			momentsFrom: beganText(this.#pool.history.beganUsOf(volume)),
			snapshots: await this.#snapshots(volume),
		};
	}

	async #snapshots({ snapshots, name: of }: Volume): Promise<SnapshotLook[]> {
		const { space } = this.#pool;
		const looks: SnapshotLook[] = [];
		const names = new Map<number, number>();
		for (const { position } of snapshots) names.set(position, (names.get(position) ?? 0) + 1);
		for (const snapshot of snapshots) {
			const { name, sizeBytes, timeUs, isHeld } = snapshot;
			const clones = this.#clonesOf(snapshot).filter((clone) => clone !== of);
			const created = timeText(timeUs);
			const { usedBytes, uniqueBytes } = space.ofSnapshot(snapshot);
			// Of several names for one moment, none alone holds anything.
			const frees = names.get(snapshot.position) === 1 ? uniqueBytes : 0;
			looks.push({ name, sizeBytes, usedBytes, uniqueBytes: frees, created, held: isHeld, clones });
			await this.#steps(1 + space.steps);
		}
		return looks;
	}

	#clonesOf(snapshot: Snapshot): readonly string[] {
		const point = this.#pool.space.placeOf(snapshot);
		return (point && this.#clones.get(point)) ?? [];
	}

	async #steps(steps: number): Promise<void> {
		this.#left -= steps;
		if (this.#left > 0) return;
		this.#left = STEPS_PER_TURN;
		await this.#pool.space.nextTurn();
	}
}

/** The same with all that was written by now. */
export async function lookNow(pool: Pool, volume: Volume): Promise<VolumeLook> {
	// Where no checkpoint can be made, it is as of the last one.
	await pool.checkpoint().catch(() => {});
	return new Looker(pool).lookAt(volume);
}

/** `isNow`: with all that was written by now. */
export async function lookAtPool(pool: Pool, isNow = false): Promise<PoolLook> {
	if (isNow) await pool.checkpoint().catch(() => {});
	const looker = new Looker(pool);
	const volumes: VolumeLook[] = [];
	for (const volume of pool.volumes) volumes.push(await looker.lookAt(volume));
	const momentsFrom = beganText(pool.history.beganUs);
	const settings = settingsText(pool.settings);
	return { ...pool.state, ...pool.space.ofPool(), momentsFrom, settings, volumes };
}
