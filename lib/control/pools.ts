/**
 * Makes, changes and removes volumes and snapshots in the pools of the configuration, beside looking at them (`pool-views.ts`). The worker that
 * has a pool is asked each time. Used by `api/pools.ts`, `api/volumes.ts` and `api/snapshots.ts`; what can't be done is a Refusal.
 */

import type { PoolAct, VolumeQuestion } from "../daemon/worker-messages.js";
import { invariant } from "../errors.js";
import type { PoolLook } from "../pool/looks.js";
import { isMoment } from "../pool/past.js";
import type { HandedOver } from "../pool/stored-look.js";
import type { PoolConfig } from "../spec/configuration.js";
import type { SettingsChange } from "../spec/policy.js";
import { quote } from "../text.js";
import type { Desired } from "./desired.js";
import type { EventLog } from "./event-log.js";
import { fixed } from "./fixed.js";
import type { VolumeAnswers } from "./heard-volume.js";
import type { Jobs, RunningJob } from "./jobs.js";
import type { NamedSnapshot, Pool, Volume } from "./model.js";
import { type Noticed, noticeOf } from "./only-here.js";
import { happeningsOf } from "./pool-events.js";
import type { PoolKeeping } from "./pool-keeping.js";
import { PoolViews } from "./pool-views.js";
import { orRefuse, Refusal } from "./problem.js";
import type { Workers } from "./seams.js";
import { messageOf } from "./thrown.js";

export class Pools extends PoolViews {
	constructor(
		desired: Desired,
		workers: Pick<Workers, "pool" | "volume">,
		readonly jobs: Jobs,
		readonly events: Pick<EventLog, "add">,
		/** Initiators that would miss a disk. */
		readonly users: { readonly activeInitiators: (disk: string) => readonly string[] },
		readonly keeping: Pick<PoolKeeping, "known" | "isHad">,
	) {
		super(desired, workers, (path) => keeping.known(path));
	}

	/** Throws a Refusal if no pool of this name is configured. */
	configured(name: string): PoolConfig {
		return this.poolOf(name);
	}

	/** What it is like when that is done. */
	async change(name: string, act: PoolAct): Promise<Pool> {
		const pool = this.poolOf(name);
		await this.#act(pool, act);
		return this.shownPool(pool);
	}

	/** `to`: which of the hosts that wait; undefined: any. */
	async handOver(name: string, to: string | undefined): Promise<HandedOver> {
		const look = await this.#act(this.poolOf(name), { act: "handOver", ...(to !== undefined && { to }) });
		invariant(look.handedOver !== undefined, "a pool that was handed over to nobody");
		return look.handedOver;
	}

	/** Its clock is right, although it has jumped. */
	async trustClock(name: string): Promise<Pool> {
		return this.change(name, { act: "trustClock" });
	}

	async create(poolName: string, name: string, sizeBytes: number, pageBytes: number): Promise<Volume> {
		const pool = this.poolOf(poolName);
		return this.#changed(pool, { act: "create", name, sizeBytes, pageBytes }, name);
	}

	/** Of `POOL/VOLUME@SNAPSHOT`, or a moment, in the same pool. */
	async clone(of: string, name: string): Promise<Volume> {
		const { pool, volume, snapshot } = this.readSnapshot(fixed(of));
		return this.#changed(pool, { act: "clone", volume, snapshot, name }, name);
	}

	/** A disk that serves it is closed first if it shrinks by `force`, and is another one to its initiators afterwards. */
	async resize(name: string, sizeBytes: number, mayShrink: boolean, force: boolean): Promise<Volume> {
		const { pool, volume } = this.read(name);
		const { disk, sizeBytes: before } = await this.volume(name);
		const shrinks = mayShrink && disk !== null && sizeBytes < before;
		if (shrinks && !force) throw this.#needsForce(name, disk);
		const isAnother = shrinks && force;
		const act = { act: "resize", name: volume, sizeBytes, mayShrink, isAnother } as const;
		const work = async (): Promise<void> => void (await this.#act(pool, act));
		await (isAnother ? this.desired.aside(disk, work) : work());
		return { ...(await this.#notice(pool, act)), ...(await this.volumeOf(pool, volume)) };
	}

	/** What is kept of it, and how much it may hold. */
	async set(name: string, settings: SettingsChange): Promise<Volume> {
		const { pool, volume } = this.read(name);
		// From when on there are moments by what is set now.
		return this.#changed(pool, { act: "set", name: volume, settings }, volume, true);
	}

	async rename(name: string, to: string): Promise<Volume> {
		const { pool, volume } = this.read(name);
		this.#refuseServed(`${pool.name}/${volume}`);
		return this.#changed(pool, { act: "rename", name: volume, to }, to);
	}

	/** By another one of its pool, which is no more: it has the snapshots of both. */
	async replace(name: string, by: string): Promise<Volume> {
		const { pool, volume } = this.read(name);
		const disk = this.disks().get(`${pool.name}/${volume}`);
		if (disk !== undefined) throw new Refusal(409, `volume ${quote(name)}: disk ${disk} is on it`);
		this.#refuseServed(`${pool.name}/${by}`);
		return this.#changed(pool, { act: "replace", name: volume, by, isAnother: false }, volume);
	}

	async remove(name: string): Promise<Pool> {
		const { pool, volume } = this.read(name);
		this.#refuseServed(`${pool.name}/${volume}`);
		const act = { act: "remove", name: volume } as const;
		await this.#act(pool, act);
		return { ...(await this.#notice(pool, act)), ...(await this.shownPool(pool)) };
	}

	/** All of one moment: `POOL/VOLUME@SNAPSHOT`, of one pool. Resolves to them. */
	async takeSnapshots(
		names: readonly string[],
		from?: string,
	): Promise<Noticed & { snapshots: NamedSnapshot[] }> {
		const wanted = names.map((name) => this.readSnapshot(name));
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
		const act = { act: "snapshot", wanted: asked } as const;
		await this.#act(pool, act);
		const taken = asked.map(({ volume, name }) => `${volume}@${name}`);
		return { ...(await this.#notice(pool, act)), snapshots: await this.snapshotsOf(pool, taken) };
	}

	async hold(name: string, isHeld: boolean): Promise<Volume> {
		const { pool, volume, snapshot } = this.readSnapshot(name);
		return this.#changed(pool, { act: "hold", volume, snapshot, isHeld }, volume);
	}

	async forget(name: string): Promise<Volume> {
		const { pool, volume, snapshot } = this.readSnapshot(name);
		const disk = this.disks().get(name);
		if (disk !== undefined) throw new Refusal(409, `snapshot ${quote(name)}: disk ${disk} is on it`);
		return this.#changed(pool, { act: "forget", volume, snapshot }, volume);
	}

	/** A disk that serves it is closed for that if `force`, and opened again. How far that is, the job says. */
	async rollback(name: string, at: string, force: boolean): Promise<RunningJob> {
		const { pool, volume } = this.read(name);
		const { disk, snapshots } = await this.volumeOf(pool, volume);
		if (!isMoment(at) && !snapshots.some((each) => each.name === at))
			throw new Refusal(404, `volume ${quote(name)}: there is no snapshot ${quote(at)}`);
		const { snapshot } = this.readSnapshot(fixed(`${name}@${at}`));
		const act = { act: "rollback", volume, snapshot } as const;
		if (disk !== null && !force) throw this.#needsForce(name, disk);
		const job = this.jobs.begin("change", `${name} goes back to ${at}`, { ...(disk && { disk }) });
		const work = async (): Promise<void> => void (await this.#act(pool, act));
		const done = (disk === null ? work() : this.desired.aside(disk, work)).then(() =>
			this.#notice(pool, act),
		);
		void done.then(
			({ notice }) => {
				job.step();
				job.finish("done", `${name} is as ${at} was; how it was is kept as a snapshot`, notice);
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
		const pool = this.poolOf(poolName);
		return orRefuse(this.workers.volume(pool.path, question, bytes));
	}

	/** What a volume is like when that is done. */
	async #changed(pool: PoolConfig, act: PoolAct, volume: string, isNow = false): Promise<Volume> {
		await this.#act(pool, act);
		return { ...(await this.#notice(pool, act)), ...(await this.volumeOf(pool, volume, isNow)) };
	}

	#notice(pool: PoolConfig, done: PoolAct): Promise<Noticed> {
		return noticeOf(this.workers, pool, done);
	}

	/** Throws a Refusal with what the worker says. */
	async #act(pool: PoolConfig, what: PoolAct): Promise<PoolLook> {
		const look = await orRefuse(this.workers.pool(pool.path, what));
		this.keeping.isHad(pool.path);
		this.#hurry(pool);
		for (const happening of happeningsOf(pool.name, what)) this.events.add(happening);
		return look;
	}

	/** A disk may have waited for what is there now. */
	#hurry({ path }: PoolConfig): void {
		this.desired.hurry(path);
	}

	/** Whoever uses the disk would find it to be another one. */
	#needsForce(name: string, disk: string): Refusal {
		const users = this.users.activeInitiators(disk);
		const used = users.length === 0 ? "" : `, and ${users.join(", ")} uses that`;
		return new Refusal(
			409,
			`volume ${quote(name)}: disk ${disk} is on it${used}; by force (--force) it is closed first`,
		);
	}

	/** It, or what it was, would be missing. */
	#refuseServed(volume: string): void {
		for (const [name, disk] of this.disks())
			if (name === volume || name.startsWith(`${volume}@`))
				throw new Refusal(
					409,
					`volume ${quote(volume)}: disk ${disk} is on ${name === volume ? "it" : name}`,
				);
	}
}
