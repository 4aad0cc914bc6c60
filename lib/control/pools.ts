/**
 * The pools of the configuration and what is in them: looks at them, and makes, changes and removes volumes and snapshots. The worker that has
 * a pool is asked each time. Used by `api/pools.ts`, `api/volumes.ts` and `api/snapshots.ts`; what can't be done is a Refusal.
 */

import type { PoolAct, VolumeQuestion } from "../daemon/worker-messages.js";
import { OperatorError } from "../errors.js";
import type { PoolLook } from "../pool/looks.js";
import { isMoment } from "../pool/past.js";
import type { PoolConfig } from "../spec/configuration.js";
import type { SettingsChange } from "../spec/policy.js";
import { quote } from "../text.js";
import type { Desired } from "./desired.js";
import type { EventLog } from "./event-log.js";
import { fixed } from "./fixed.js";
import type { VolumeAnswers } from "./heard-volume.js";
import type { Jobs, RunningJob } from "./jobs.js";
import type { NamedSnapshot, Pool, Volume } from "./model.js";
import { happeningsOf } from "./pool-events.js";
import { Refusal } from "./problem.js";
import type { Workers } from "./seams.js";
import { shownPool, shownVolumes } from "./shown-volumes.js";
import { messageOf } from "./thrown.js";

/** What `POOL/VOLUME` says. */
interface Named {
	readonly pool: PoolConfig;
	readonly volume: string;
}

/** What `POOL/VOLUME@SNAPSHOT` says. */
interface NameOfSnapshot extends Named {
	readonly snapshot: string;
}

interface Looked {
	readonly pool: PoolConfig;
	readonly look: PoolLook | undefined;
	/** Why not. */
	readonly reason: string | null;
}

export class Pools {
	constructor(
		readonly desired: Desired,
		readonly workers: Pick<Workers, "pool" | "volume">,
		readonly jobs: Jobs,
		readonly events: Pick<EventLog, "add">,
	) {}

	all(): Promise<Pool[]> {
		return Promise.all(this.desired.config.pools.map((pool) => this.#shownPool(pool)));
	}

	pool(name: string): Promise<Pool> {
		return this.#shownPool(this.#poolOf(name));
	}

	/** Of all pools, or of one; and why others can't be looked into. */
	async volumes(poolName?: string): Promise<{ volumes: Volume[]; wrong: string[] }> {
		const pools = poolName === undefined ? this.desired.config.pools : [this.#poolOf(poolName)];
		const looks = await Promise.all(pools.map((pool) => this.#lookInto(pool)));
		const disks = this.#disks();
		const volumes = looks.flatMap(({ pool, look }) =>
			look === undefined ? [] : shownVolumes(pool.name, look.volumes, disks),
		);
		return { volumes, wrong: looks.flatMap(({ reason }) => reason ?? []) };
	}

	async volume(name: string): Promise<Volume> {
		const { pool, volume } = this.#read(name);
		return this.#found(pool, await this.#act(pool, { act: "look" }), volume);
	}

	/** `POOL/VOLUME@SNAPSHOT`. */
	async snapshot(name: string): Promise<NamedSnapshot> {
		const { pool, volume, snapshot } = this.#readSnapshot(name);
		const { snapshots } = await this.volume(`${pool.name}/${volume}`);
		const found = snapshots.find((each) => each.name === snapshot);
		if (found === undefined)
			throw new Refusal(
				404,
				`volume ${quote(`${pool.name}/${volume}`)}: there is no snapshot ${quote(snapshot)}`,
			);
		return { ...found, pool: pool.name, volume };
	}

	async create(poolName: string, name: string, sizeBytes: number, pageBytes: number): Promise<Volume> {
		const pool = this.#poolOf(poolName);
		return this.#found(pool, await this.#act(pool, { act: "create", name, sizeBytes, pageBytes }), name);
	}

	/** Of `POOL/VOLUME@SNAPSHOT`, or a moment, in the same pool. */
	async clone(of: string, name: string): Promise<Volume> {
		const { pool, volume, snapshot } = this.#readSnapshot(fixed(of));
		return this.#found(pool, await this.#act(pool, { act: "clone", volume, snapshot, name }), name);
	}

	/** A disk that serves it is closed first if it shrinks by `force`, and is another one to its initiators afterwards. */
	async resize(name: string, sizeBytes: number, mayShrink: boolean, force: boolean): Promise<Volume> {
		const { pool, volume } = this.#read(name);
		const { disk, sizeBytes: before } = await this.volume(name);
		const isAnother = force && mayShrink && disk !== null && sizeBytes < before;
		const act = { act: "resize", name: volume, sizeBytes, mayShrink, isAnother } as const;
		const work = (): Promise<PoolLook> => this.#act(pool, act);
		return this.#found(pool, await (isAnother ? this.desired.aside(disk, work) : work()), volume);
	}

	/** What is kept of it, and how much it may hold. */
	async set(name: string, settings: SettingsChange): Promise<Volume> {
		const { pool, volume } = this.#read(name);
		return this.#found(pool, await this.#act(pool, { act: "set", name: volume, settings }), volume);
	}

	async rename(name: string, to: string): Promise<Volume> {
		const { pool, volume } = this.#read(name);
		this.#refuseServed(`${pool.name}/${volume}`);
		return this.#found(pool, await this.#act(pool, { act: "rename", name: volume, to }), to);
	}

	/** By another one of its pool, which is no more: it has the snapshots of both. */
	async replace(name: string, by: string): Promise<Volume> {
		const { pool, volume } = this.#read(name);
		const disk = this.#disks().get(`${pool.name}/${volume}`);
		if (disk !== undefined) throw new Refusal(409, `volume ${quote(name)}: disk ${disk} is on it`);
		this.#refuseServed(`${pool.name}/${by}`);
		return this.#found(
			pool,
			await this.#act(pool, { act: "replace", name: volume, by, isAnother: false }),
			volume,
		);
	}

	async remove(name: string): Promise<Pool> {
		const { pool, volume } = this.#read(name);
		this.#refuseServed(`${pool.name}/${volume}`);
		await this.#act(pool, { act: "remove", name: volume });
		return this.#shownPool(pool);
	}

	/** All of one moment: `POOL/VOLUME@SNAPSHOT`, of one pool. Resolves to the volumes. */
	async takeSnapshots(names: readonly string[], from?: string): Promise<Volume[]> {
		const wanted = names.map((name) => this.#readSnapshot(name));
		const [first] = wanted;
		const other = wanted.find(({ pool }) => pool !== first?.pool);
		if (first === undefined || other !== undefined)
			throw new Refusal(
				422,
				`pool ${quote(other?.pool.name ?? "")}: snapshots of one moment are of one pool`,
			);
		const { pool } = first;
		const known = from === undefined ? {} : { from };
		const asked = wanted.map(({ volume, snapshot }) => ({ volume, name: snapshot, ...known }));
		const look = await this.#act(pool, { act: "snapshot", wanted: asked });
		return [...new Set(wanted.map(({ volume }) => volume))].map((name) => this.#found(pool, look, name));
	}

	async hold(name: string, isHeld: boolean): Promise<Volume> {
		const { pool, volume, snapshot } = this.#readSnapshot(name);
		return this.#found(pool, await this.#act(pool, { act: "hold", volume, snapshot, isHeld }), volume);
	}

	async forget(name: string): Promise<Volume> {
		const { pool, volume, snapshot } = this.#readSnapshot(name);
		const disk = this.#disks().get(name);
		if (disk !== undefined) throw new Refusal(409, `snapshot ${quote(name)}: disk ${disk} is on it`);
		return this.#found(pool, await this.#act(pool, { act: "forget", volume, snapshot }), volume);
	}

	/** A disk that serves it is closed for that if `force`, and opened again. How far that is, the job says. */
	async rollback(name: string, at: string, force: boolean): Promise<RunningJob> {
		const { volumes } = await this.volumes(this.#read(name).pool.name);
		const { pool, volume } = this.#read(name);
		const found = volumes.find((each) => each.name === volume);
		const isThere = isMoment(at) || found?.snapshots.some((each) => each.name === at);
		if (found === undefined || !isThere)
			throw new Refusal(404, `volume ${quote(name)}: there is no snapshot ${quote(at)}`);
		const { snapshot } = this.#readSnapshot(fixed(`${name}@${at}`));
		const act = { act: "rollback", volume, snapshot } as const;
		const { disk } = found;
		if (disk !== null && !force)
			throw new Refusal(409, `volume ${quote(name)}: disk ${disk} is on it; by force it is closed first`);
		const job = this.jobs.begin("change", `${name} goes back to ${at}`, { ...(disk && { disk }) });
		const work = (): Promise<PoolLook> => this.#act(pool, act);
		void (disk === null ? work() : this.desired.aside(disk, work)).then(
			() => {
				job.step();
				job.finish("done", `${name} is as ${at} was; how it was is kept as a snapshot`);
			},
			(error: unknown) => {
				const message = error instanceof Refusal ? error.message : messageOf(error);
				job.finish("failed", message);
				const told = `did not go back to ${at}: ${message}`;
				this.events.add({ kind: "volume-rolled-back", severity: "error", volume: name, message: told });
			},
		);
		return job;
	}

	/** About what `POOL/VOLUME` holds, or `POOL/VOLUME@SNAPSHOT` and `@MOMENT` held: `question` is without the pool. */
	async ask<Question extends VolumeQuestion>(
		poolName: string,
		question: Question,
		bytes?: Uint8Array,
	): Promise<VolumeAnswers[Question["ask"]]> {
		const pool = this.#poolOf(poolName);
		return orRefuse(this.workers.volume(pool.path, question, bytes));
	}

	#poolOf(name: string): PoolConfig {
		const pool = this.desired.config.pools.find((each) => each.name === name);
		if (pool === undefined) throw new Refusal(404, `pool ${quote(name)}: there is none of this name`);
		return pool;
	}

	#read(name: string): Named {
		const [, pool, volume] = /^([^/]+)\/([^/@]+)$/.exec(name) ?? [];
		if (pool === undefined || volume === undefined)
			throw new Refusal(404, `volume ${quote(name)}: POOL/VOLUME is expected`);
		return { pool: this.#poolOf(pool), volume };
	}

	#readSnapshot(name: string): NameOfSnapshot {
		const [, volume, snapshot] = /^([^@]+)@([^@]+)$/.exec(name) ?? [];
		if (volume === undefined || snapshot === undefined)
			throw new Refusal(404, `snapshot ${quote(name)}: POOL/VOLUME@SNAPSHOT is expected`);
		return { ...this.#read(volume), snapshot };
	}

	/** Throws a Refusal with what the worker says. */
	async #act(pool: PoolConfig, what: PoolAct): Promise<PoolLook> {
		const look = await orRefuse(this.workers.pool(pool.path, what));
		if (what.act !== "look") this.#hurry(pool);
		for (const happening of happeningsOf(pool.name, what)) this.events.add(happening);
		return look;
	}

	/** A disk may have waited for what is there now. */
	#hurry({ path }: PoolConfig): void {
		for (const steward of this.desired.stewards()) {
			const { storage } = steward.disk.disk;
			if (storage.kind === "volume" && storage.pool === path) steward.hurry();
		}
	}

	async #lookInto(pool: PoolConfig): Promise<Looked> {
		try {
			return { pool, look: await this.workers.pool(pool.path, { act: "look" }), reason: null };
		} catch (error) {
			return { pool, look: undefined, reason: messageOf(error) };
		}
	}

	async #shownPool(pool: PoolConfig): Promise<Pool> {
		const { look, reason } = await this.#lookInto(pool);
		return shownPool(pool.name, pool.path, look, reason);
	}

	#found(pool: PoolConfig, look: PoolLook, name: string): Volume {
		const volume = shownVolumes(pool.name, look.volumes, this.#disks()).find((each) => each.name === name);
		if (volume === undefined)
			throw new Refusal(404, `pool ${quote(pool.name)}: there is no volume ${quote(name)}`);
		return volume;
	}

	/** The disks that are configured to serve volumes, by `POOL/VOLUME`, or what they were, by `POOL/VOLUME@SNAPSHOT`. */
	#disks(): ReadonlyMap<string, string> {
		return new Map(
			this.desired.config.disks.flatMap(({ name, disk: { storage } }) =>
				storage.kind === "volume" ? [[storage.name, name]] : [],
			),
		);
	}

	/** It, or what it was, would be missing. */
	#refuseServed(volume: string): void {
		for (const [name, disk] of this.#disks())
			if (name === volume || name.startsWith(`${volume}@`))
				throw new Refusal(
					409,
					`volume ${quote(volume)}: disk ${disk} is on ${name === volume ? "it" : name}`,
				);
	}
}

/** Throws a Refusal with what the worker says. */
async function orRefuse<T>(asked: Promise<T>): Promise<T> {
	try {
		return await asked;
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		throw new Refusal(422, error.message);
	}
}
