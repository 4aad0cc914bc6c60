/**
 * Pools on disks of the daemon, and in object stores: makes them; and of those on disks has disks become a part of them and be taken away again, which is a job: the worker that has the pool
 * moves what is on the disk to the others, goes on with that whatever is started again, and is asked how far it is. Used by `api/pool-disks.ts`.
 */

import type { Clock } from "../clock.js";
import type { PoolAct } from "../daemon/worker-messages.js";
import type { PoolLook } from "../pool/looks.js";
import type { PoolConfig } from "../spec/configuration.js";
import { shownPoolPath } from "../spec/pool-path.js";
import { quote } from "../text.js";
import type { Jobs, RunningJob } from "./jobs.js";
import type { Pool, PoolHandover } from "./model.js";
import type { Pools } from "./pools.js";
import { orRefuse, Refusal } from "./problem.js";
import type { Workers } from "./seams.js";
import { messageOf } from "./thrown.js";

const LOOK_MS = 500;
/** A worker that is started again is there by then, and has the pool open. */
const TRIES_MAX = 240;

type Disk = NonNullable<PoolLook["disks"]>[number];

export interface PoolDisksOf {
	readonly pools: Pools;
	readonly workers: Pick<Workers, "pool">;
	readonly jobs: Jobs;
	readonly clock: Pick<Clock, "after">;
}

export class PoolDisks {
	readonly #of: PoolDisksOf;

	constructor(of: PoolDisksOf) {
		this.#of = of;
	}

	/** On all disks that are configured for it, or in its object store, where there must be none. */
	async make(name: string, force: boolean): Promise<Pool> {
		if (this.#of.pools.configured(name).stored !== undefined) {
			if (!force) return this.#of.pools.change(name, { act: "make", disks: [], force });
			throw new Refusal(409, `pool ${quote(name)}: what is in an object store is not made anew by force`);
		}
		const { disks } = this.#onDisks(name);
		return this.#of.pools.change(name, { act: "make", disks, force });
	}

	/** Of one in an object store that another host had, which is gone, and so much of what it has acknowledged. */
	async takeOver(name: string, loseBytes: number): Promise<Pool> {
		this.#needsStore(name, "so no other host has it");
		const { stored } = await this.#of.pools.pool(name);
		if (stored !== null && stored.leaseSeconds !== null)
			throw new Refusal(409, `pool ${quote(name)}: is open here, and nothing of it is to be taken over`);
		return this.#of.pools.change(name, { act: "takeOver", loseBytes });
	}

	/** What was given up at a takeover is not kept for the host that has it. */
	async forgetLost(name: string, epoch: number): Promise<Pool> {
		this.#needsStore(name, "of which nothing is given up");
		return this.#of.pools.change(name, { act: "forgetLost", epoch });
	}

	/** Of one in an object store that was a replica of another one: nothing is brought to it any more. */
	async promote(name: string): Promise<Pool> {
		this.#needsStore(name, "where replicas are");
		const { stored } = await this.#of.pools.pool(name);
		if (stored !== null && stored.isReplicaOf === null)
			throw new Refusal(409, `pool ${quote(name)}: is no replica, but a pool of its own`);
		return this.#of.pools.change(name, { act: "promote" });
	}

	/** It is a replica again, and what was written to it since is lost: so much at most. */
	async demote(name: string, loseBytes: number): Promise<Pool> {
		this.#needsStore(name, "where replicas are");
		return this.#of.pools.change(name, { act: "demote", loseBytes });
	}

	/** Of one in an object store, to a host that waits for it, or to that one alone: from then on this one waits. */
	async handOver(name: string, to: string | undefined): Promise<PoolHandover> {
		this.#needsStore(name, "so no other host can have it");
		const { pauseMs, ...handed } = await this.#of.pools.handOver(name, to);
		return { pool: name, ...handed, pauseSeconds: pauseMs / 1000 };
	}

	/** `otherwise`: what follows of it if it is in no object store. */
	#needsStore(name: string, otherwise: string): void {
		if (this.#of.pools.configured(name).stored === undefined)
			throw new Refusal(409, `pool ${quote(name)}: is in no object store, ${otherwise}`);
	}

	/** One that is configured for it, and not used yet. */
	async add(name: string, disk: string, force: boolean): Promise<Pool> {
		const { disks } = this.#onDisks(name);
		if (!disks.includes(disk))
			throw new Refusal(
				409,
				`disk ${quote(disk)}: is none of pool ${name}; name it in its disks, and reload the configuration`,
			);
		return this.#of.pools.change(name, { act: "addDisk", disk, force });
	}

	/** Once more, it is asked how far it is. `force`: one that is missing is given up. */
	async remove(name: string, disk: string, force: boolean): Promise<RunningJob> {
		const { jobs, pools } = this.#of;
		const { path } = this.#onDisks(name);
		const of = `${name} ${disk}`;
		const known = jobs.running("empty", (job) => job.of === of);
		if (known !== undefined) return known;
		const { disks } = await pools.change(name, { act: "removeDisk", disk, force });
		const total = disks?.find((each) => each.disk === disk)?.usedBytes ?? 0;
		const message = `what disk ${disk} has of pool ${name} goes to its other disks`;
		const job = jobs.begin("empty", message, { of, total, cancellable: true });
		void this.#follow(path, disk, job, total).catch((error: unknown) =>
			job.finish("failed", messageOf(error)),
		);
		return job;
	}

	#onDisks(name: string): PoolConfig & { readonly disks: readonly string[] } {
		const pool = this.#of.pools.configured(name);
		const { disks } = pool;
		if (disks === undefined)
			throw new Refusal(
				409,
				`pool ${quote(name)}: is at ${shownPoolPath(pool.path)}, not on disks of the daemon`,
			);
		return { ...pool, disks };
	}

	async #follow(path: string, disk: string, job: RunningJob, total: number): Promise<void> {
		let told: string | null = null;
		for (let failures = 0; ; ) {
			await this.#sleep();
			try {
				// (It may be too late for that.)
				if (job.isCancelled) await this.#act(path, { act: "keepDisk", disk }).catch(refused);
				const state = await this.#stateOf(path, disk);
				failures = 0;
				if (state === undefined) return job.finish("done", `disk ${disk} has nothing of the pool any more`);
				if (state.state === "in use") return job.finish("cancelled", "cancelled; what was moved stays there");
				job.reached(Math.max(0, total - state.usedBytes));
				if (state.trouble !== null && state.trouble !== told) job.trouble(state.trouble);
				told = state.trouble;
			} catch (error) {
				// (The worker may be another one soon, which goes on.)
				if (!(error instanceof Refusal) || ++failures > TRIES_MAX) throw error;
			}
		}
	}

	async #stateOf(path: string, disk: string): Promise<Disk | undefined> {
		const { disks } = await this.#act(path, { act: "look", isNow: false, sight: { of: "pool" } });
		return disks?.find((each) => each.disk === disk);
	}

	#act(path: string, act: PoolAct): Promise<PoolLook> {
		return orRefuse(this.#of.workers.pool(path, act));
	}

	#sleep(): Promise<void> {
		return new Promise((resolve) => {
			this.#of.clock.after(LOOK_MS, resolve);
		});
	}
}

function refused(error: unknown): void {
	if (!(error instanceof Refusal)) throw error;
}
