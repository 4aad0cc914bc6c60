/**
 * What the pools of the configuration are like, and what is in them: the worker that has a pool is asked each time, for no more of it than
 * is shown. What can't be told is a Refusal. The half of `pools.ts` that changes nothing.
 */

import type { PoolAct } from "../daemon/worker-messages.js";
import { type PoolLook, type Sight, TOLD_MAX } from "../pool/looks.js";
import type { PoolConfig } from "../spec/configuration.js";
import { shownPoolPath } from "../spec/pool-path.js";
import { quote } from "../text.js";
import type { Desired } from "./desired.js";
import type { NamedSnapshot, Pool, Volume, VolumeSummary } from "./model.js";
import { within } from "./pool-looks.js";
import { orRefuse, Refusal } from "./problem.js";
import type { Workers } from "./seams.js";
import { type DisksOn, shownPool, shownVolume, shownVolumes } from "./shown-volumes.js";
import { messageOf } from "./thrown.js";

/** What `POOL/VOLUME` says. */
export interface Named {
	readonly pool: PoolConfig;
	readonly volume: string;
}

/** What `POOL/VOLUME@SNAPSHOT` says. */
export interface NameOfSnapshot extends Named {
	readonly snapshot: string;
}

interface Looked {
	readonly pool: PoolConfig;
	readonly look: PoolLook | undefined;
	/** Why not. */
	readonly reason: string | null;
}

/** Whose snapshots are listed: of all volumes, of those of a pool, of one. */
export interface WhoseSnapshots {
	readonly pool?: string | undefined;
	readonly volume?: string | undefined;
}

const POOL: Sight = { of: "pool" };
/** For the worker that has one, if it has it open. */
const TROUBLED_MS = 500;

export class PoolViews {
	constructor(
		readonly desired: Desired,
		readonly workers: Pick<Workers, "pool" | "volume">,
		/** Why the pool at that path can't be had, or does not get on, as was seen last; null: nothing is known to be wrong. */
		readonly known: (path: string) => string | null,
	) {}

	/** `isNow`, here and below: with all that was written by now. */
	all(isNow = false): Promise<Pool[]> {
		return Promise.all(this.desired.config.pools.map((pool) => this.shownPool(pool, isNow)));
	}

	pool(name: string, isNow = false): Promise<Pool> {
		return this.shownPool(this.poolOf(name), isNow);
	}

	/** Of all pools, or of one; and why others can't be looked into. */
	async volumes(poolName?: string, isNow = false): Promise<{ volumes: VolumeSummary[]; wrong: string[] }> {
		const pools = poolName === undefined ? this.desired.config.pools : [this.poolOf(poolName)];
		const looks = await Promise.all(pools.map((pool) => this.#lookInto(pool, { of: "volumes" }, isNow)));
		const disks = this.disks();
		const volumes = looks.flatMap(({ pool, look }) =>
			look === undefined ? [] : shownVolumes(pool.name, look.volumes, disks),
		);
		return { volumes, wrong: looks.flatMap(({ reason }) => reason ?? []) };
	}

	async volume(name: string, isNow = false): Promise<Volume> {
		const { pool, volume } = this.read(name);
		return this.volumeOf(pool, volume, isNow);
	}

	/** Without its snapshots, of which there may be thousands. */
	async summary(name: string, isNow = false): Promise<Volume> {
		const { pool, volume } = this.read(name);
		return this.volumeOf(pool, volume, isNow, "summary");
	}

	/** Some of them, from one on; and how many there are. */
	async snapshots(
		{ pool, volume }: WhoseSnapshots,
		offset: number,
		limit: number,
	): Promise<{ snapshots: NamedSnapshot[]; total: number }> {
		const { volumes } = await this.volumes(volume === undefined ? pool : this.read(volume).pool.name);
		const wanted = volumes.filter((each) => volume === undefined || `${each.pool}/${each.name}` === volume);
		const snapshots: NamedSnapshot[] = [];
		let total = 0;
		for (const { pool: of, name, snapshotCount } of wanted) {
			const from = Math.max(0, offset - total);
			const isWanted = from < snapshotCount && snapshots.length < limit;
			total += snapshotCount;
			if (!isWanted) continue;
			const { snapshots: all } = await this.volume(`${of}/${name}`);
			for (const each of all.slice(from, from + limit - snapshots.length))
				snapshots.push({ ...each, pool: of, volume: name });
		}
		return { snapshots, total };
	}

	/** `POOL/VOLUME@SNAPSHOT`. */
	async snapshot(name: string): Promise<NamedSnapshot> {
		const { pool, volume, snapshot } = this.readSnapshot(name);
		const [found] = await this.snapshotsOf(pool, [`${volume}@${snapshot}`]);
		if (found !== undefined) return found;
		// (It may be the volume that is missing.)
		await this.volumeOf(pool, volume);
		throw new Refusal(
			404,
			`volume ${quote(`${pool.name}/${volume}`)}: there is no snapshot ${quote(snapshot)}`,
		);
	}

	/** As `web@monday`. */
	protected async snapshotsOf(pool: PoolConfig, names: readonly string[]): Promise<NamedSnapshot[]> {
		const found: NamedSnapshot[] = [];
		for (let at = 0; at < names.length; at += TOLD_MAX) {
			const sight = { of: "snapshots", names: names.slice(at, at + TOLD_MAX) } as const;
			const { volumes } = await this.#look(pool, sight, false);
			for (const { name: volume, snapshots } of volumes)
				for (const each of snapshots) found.push({ ...each, pool: pool.name, volume });
		}
		return found;
	}

	protected async volumeOf(
		pool: PoolConfig,
		name: string,
		isNow = false,
		of: "volume" | "summary" = "volume",
	): Promise<Volume> {
		const { volumes } = await this.#look(pool, { of, name }, isNow);
		const [volume] = volumes;
		if (volume === undefined)
			throw new Refusal(404, `pool ${quote(pool.name)}: there is no volume ${quote(name)}`);
		return shownVolume(pool.name, volume, this.disks());
	}

	protected async shownPool(pool: PoolConfig, isNow = false): Promise<Pool> {
		const { look, reason } = await this.#lookInto(pool, POOL, isNow);
		return shownPool(pool.name, shownPoolPath(pool.path), look, reason);
	}

	protected poolOf(name: string): PoolConfig {
		const pool = this.desired.config.pools.find((each) => each.name === name);
		if (pool === undefined) throw new Refusal(404, `pool ${quote(name)}: there is none of this name`);
		return pool;
	}

	protected read(name: string): Named {
		const [, pool, volume] = /^([^/]+)\/([^/@]+)$/.exec(name) ?? [];
		if (pool === undefined || volume === undefined)
			throw new Refusal(404, `volume ${quote(name)}: POOL/VOLUME is expected`);
		return { pool: this.poolOf(pool), volume };
	}

	protected readSnapshot(name: string): NameOfSnapshot {
		const [, volume, snapshot] = /^([^@]+)@([^@]+)$/.exec(name) ?? [];
		if (volume === undefined || snapshot === undefined)
			throw new Refusal(404, `snapshot ${quote(name)}: POOL/VOLUME@SNAPSHOT is expected`);
		return { ...this.read(volume), snapshot };
	}

	/** The disks that are configured to serve volumes, by `POOL/VOLUME`, or what they were, by `POOL/VOLUME@SNAPSHOT`. */
	protected disks(): DisksOn {
		return new Map(
			this.desired.config.disks.flatMap(({ name, disk: { storage } }) =>
				storage.kind === "volume" ? [[storage.name, name]] : [],
			),
		);
	}

	/** Throws a Refusal with what the worker says. */
	#look({ path }: PoolConfig, sight: Sight, isNow: boolean): Promise<PoolLook> {
		const act: PoolAct = { act: "look", isNow, sight };
		return orRefuse(this.workers.pool(path, act));
	}

	/** One that does not get on is not waited for: it is shown as it was, and with what is known of it. */
	async #lookInto(pool: PoolConfig, sight: Sight, isNow: boolean): Promise<Looked> {
		const trouble = this.known(pool.path);
		try {
			if (trouble === null) return { pool, look: await this.#asked(pool, sight, isNow), reason: null };
			const soon = await within(this.#asked(pool, sight, false), TROUBLED_MS);
			return { pool, look: soon, reason: soon === undefined ? trouble : null };
		} catch (error) {
			return { pool, look: undefined, reason: messageOf(error) };
		}
	}

	#asked({ path }: PoolConfig, sight: Sight, isNow: boolean): Promise<PoolLook> {
		return this.workers.pool(path, { act: "look", isNow, sight });
	}
}
