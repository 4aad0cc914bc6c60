/**
 * What is said of a pool and its volumes, as plain values: by the commands that open a pool, and by a worker that control asks. There may be
 * thousands of volumes, each with thousands of snapshots: some are told at a time, and whoever is served has a turn every so many steps.
 */

import { unreachable } from "../errors.js";
import {
	durationText,
	type PoolSettingsText,
	type ScheduleText,
	scheduleText,
	settingsText,
} from "../spec/policy.js";
import { timeText } from "../text.js";
import type { Snapshot, Volume } from "./catalog.js";
import type { PoolDiskState } from "./folder.js";
import type { Unwalked } from "./history-bytes.js";
import type { Pool } from "./pool.js";
import type { PoolFigures, SnapshotSpace, VolumeSpace } from "./pool-space.js";
import type { HandedOver, ReplicaLook, StoredLook } from "./stored-look.js";
import type { PoolFullReason } from "./told.js";

/** In one turn: a volume, a snapshot, or a list of dead pages. */
const STEPS_PER_TURN = 512;
/** Of volumes or of snapshots: what is told at a time. */
export const TOLD_MAX = 128;
/** So often it is asked for more. */
const PARTS_MAX = 4096;

/** What of a pool is looked at. `after`: what was told last, for what comes behind it. */
export type Sight =
	| { readonly of: "pool" }
	/** Its volumes, by name, without their snapshots. */
	| { readonly of: "volumes"; readonly after?: string }
	/** One volume, without its snapshots. */
	| { readonly of: "summary"; readonly name: string }
	/** One volume, with its snapshots. */
	| { readonly of: "volume"; readonly name: string; readonly after?: string }
	/** Those, as `web@monday`, each with its volume: at most as many as are told at a time. */
	| { readonly of: "snapshots"; readonly names: readonly string[] };

export interface SnapshotLook extends SnapshotSpace {
	readonly name: string;
	readonly sizeBytes: number;
	/** ISO 8601 */
	readonly created: string;
	readonly held: boolean;
	/** Volumes that began as it is. */
	readonly clones: string[];
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
	/** All that it has. */
	readonly snapshotCount: number;
	/** Those that were looked at. */
	readonly snapshots: readonly SnapshotLook[];
}

export interface PoolLook extends PoolFigures {
	readonly format: number;
	readonly id: number;
	/** Why its directory can't be asked for more, although it is open; null: it can. */
	readonly away: string | null;
	/** The earliest moment that can be looked at: ISO 8601. */
	readonly momentsFrom: string;
	/** Where its storage has failed, so that it takes no changes any more; null: it does. */
	readonly failed: string | null;
	/** Why no checkpoint, or no head, can be stored, though writes can; null: they can. */
	readonly unstored: string | null;
	/** That it is full, and what that has come to; null: it is not. */
	readonly full: string | null;
	readonly fullFor: readonly PoolFullReason[];
	/** Checkpoints that have failed since the last one that was stored. */
	readonly checkpointFailures: number;
	/** What its clock shows, and what it should by what has passed: it is not believed. */
	readonly clockDoubt: { readonly shows: string; readonly expected: string } | null;
	/** When its clock was set back: between these times what was written has no sure one. */
	readonly unsure: readonly { readonly from: string; readonly to: string }[];
	/** What holds for volumes of which nothing else is set. */
	readonly settings: PoolSettingsText;
	/** Those that it is on; null: it is in a directory, or on a device. */
	readonly disks: readonly PoolDiskState[] | null;
	/** How it stands with its object store; null: it is in none. */
	readonly stored: StoredLook | null;
	/** Why nothing of it can be changed, whoever asks; null: it can be. */
	readonly onlyRead: string | null;
	/** Of those that follow it. */
	readonly replicas: readonly ReplicaLook[];
	/** To whom it has just been handed over, by who asks for this. */
	readonly handedOver?: HandedOver;
	/** What was written by then is on this host alone still, by who asks for this. */
	readonly isOnlyHere?: boolean;
	/** All that it has. */
	readonly volumeCount: number;
	/** Those that were looked at. */
	readonly volumes: readonly VolumeLook[];
	/** There are more behind the last one that is told: a volume, or a snapshot of the volume. */
	readonly isMore: boolean;
}

/** So many of the latest are told. */
const TOLD_JUMPS = 16;

/** A whole millisecond, which can be looked at. */
function beganText(timeUs: number): string {
	return timeText(Math.ceil(timeUs / 1000) * 1000);
}

function doubtText(doubt: Pool["time"]["doubt"]): PoolLook["clockDoubt"] {
	return doubt === undefined
		? null
		: { shows: timeText(doubt.showsUs), expected: timeText(doubt.expectedUs) };
}

/** As of the last checkpoint. */
class Looker {
	readonly #pool: Pool;
	readonly #unwalked: Unwalked;
	#left = STEPS_PER_TURN;

	constructor(pool: Pool, unwalked: Unwalked) {
		this.#pool = pool;
		this.#unwalked = unwalked;
	}

	/** With no volumes. */
	get pool(): Omit<PoolLook, "volumes" | "isMore"> {
		const { state, space, history, settings, time } = this.#pool;
		const { volumes: volumeCount, ...others } = state;
		return {
			...others,
			...space.ofPool(this.#unwalked),
			volumeCount,
			momentsFrom: beganText(history.beganUs),
			clockDoubt: doubtText(time.doubt),
			unsure: time.all.slice(-TOLD_JUMPS).map(({ sinceUs, untilUs }) => {
				return { from: timeText(sinceUs), to: timeText(untilUs) };
			}),
			settings: settingsText(settings),
			disks: space.disks?.states ?? null,
			stored: space.stored ?? null,
			onlyRead: space.onlyRead ?? null,
			replicas: space.replicas,
		};
	}

	/** With those of its snapshots. */
	async lookAt(volume: Volume, snapshots: readonly Snapshot[]): Promise<VolumeLook> {
		const { createdUs, name, sizeBytes, pageBytes, serial, wwn, settings } = volume;
		const { historySeconds, keep, quotaBytes = null } = settings;
		const space = this.#pool.space.ofVolume(volume, this.#unwalked);
		await this.#steps(1);
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
			snapshotCount: volume.snapshots.length,
			snapshots: await this.#snapshots(volume, snapshots),
		};
	}

	async #snapshots({ snapshots, name: of }: Volume, wanted: readonly Snapshot[]): Promise<SnapshotLook[]> {
		const { space } = this.#pool;
		const looks: SnapshotLook[] = [];
		const names = new Map<number, number>();
		if (wanted.length > 0)
			for (const { position } of snapshots) names.set(position, (names.get(position) ?? 0) + 1);
		await this.#steps(names.size / 16);
		for (const snapshot of wanted) {
			const { name, sizeBytes, timeUs, isHeld } = snapshot;
			const { usedBytes, uniqueBytes } = space.ofSnapshot(snapshot);
			const clones = space.clonesOf(snapshot).filter((clone) => clone !== of);
			const created = timeText(timeUs);
			// Of several names for one moment, none alone holds anything.
			const frees = names.get(snapshot.position) === 1 ? uniqueBytes : 0;
			looks.push({ name, sizeBytes, usedBytes, uniqueBytes: frees, created, held: isHeld, clones });
			await this.#steps(1 + space.steps);
		}
		return looks;
	}

	async #steps(steps: number): Promise<void> {
		this.#left -= steps;
		if (this.#left > 0) return;
		this.#left = STEPS_PER_TURN;
		await this.#pool.space.nextTurn();
	}
}

/** As of the last checkpoint. Of what is not there nothing is told. */
export async function lookAtPool(pool: Pool, sight: Sight): Promise<PoolLook> {
	const looker = new Looker(pool, await pool.space.unwalked());
	const volumes: VolumeLook[] = [];
	const { wanted, isMore } = wantedOf(pool, sight);
	for (const [volume, snapshots] of wanted) volumes.push(await looker.lookAt(volume, snapshots));
	return { ...looker.pool, volumes, isMore };
}

type Wanted = readonly (readonly [Volume, readonly Snapshot[]])[];

function wantedOf(pool: Pool, sight: Sight): { wanted: Wanted; isMore: boolean } {
	switch (sight.of) {
		case "pool":
			return { wanted: [], isMore: false };
		case "volumes": {
			const { after = "" } = sight;
			const left = pool.volumes.filter(({ name }) => name > after);
			return { wanted: left.slice(0, TOLD_MAX).map((each) => [each, []]), isMore: left.length > TOLD_MAX };
		}
		case "summary": {
			const volume = pool.find(sight.name);
			return { wanted: volume === undefined ? [] : [[volume, []]], isMore: false };
		}
		case "volume": {
			const volume = pool.find(sight.name);
			if (volume === undefined) return { wanted: [], isMore: false };
			// (One that was removed meanwhile: from the beginning.)
			const from = volume.snapshots.findIndex(({ name }) => name === sight.after) + 1;
			const snapshots = volume.snapshots.slice(from, from + TOLD_MAX);
			return { wanted: [[volume, snapshots]], isMore: from + snapshots.length < volume.snapshots.length };
		}
		case "snapshots":
			return { wanted: sight.names.slice(0, TOLD_MAX).flatMap((name) => named(pool, name)), isMore: false };
		default:
			return unreachable(sight);
	}
}

function named(pool: Pool, text: string): Wanted {
	const [volumeName = "", name] = text.split("@");
	const volume = pool.find(volumeName);
	const snapshot = volume?.snapshots.find((each) => each.name === name);
	return volume === undefined || snapshot === undefined ? [] : [[volume, [snapshot]]];
}

/** All of it, by asking for some at a time. */
export async function wholeLook(ask: (sight: Sight) => Promise<PoolLook>, sight: Sight): Promise<PoolLook> {
	let look = await ask(sight);
	const volumes = new Map(look.volumes.map((each) => [each.name, each]));
	if (sight.of !== "volumes" && sight.of !== "volume") return look;
	const snapshots = new Map(look.volumes.flatMap((each) => each.snapshots.map((one) => [one.name, one])));
	for (let parts = 0; look.isMore && parts < PARTS_MAX; parts++) {
		const last = sight.of === "volumes" ? look.volumes.at(-1) : look.volumes[0]?.snapshots.at(-1);
		if (last === undefined) break;
		look = await ask({ ...sight, after: last.name });
		for (const each of look.volumes) {
			volumes.set(each.name, each);
			for (const one of each.snapshots) snapshots.set(one.name, one);
		}
	}
	if (sight.of === "volumes") return { ...look, volumes: [...volumes.values()] };
	const all = [...snapshots.values()];
	return { ...look, volumes: look.volumes.map((each) => ({ ...each, snapshots: all })) };
}

/** All of it, with all that was written by now. */
export async function lookNow(pool: Pool, sight: Sight): Promise<PoolLook> {
	// Where no checkpoint can be made, it is as of the last one.
	await pool.checkpoint(true).catch(() => {});
	return wholeLook((part) => lookAtPool(pool, part), sight);
}
