/**
 * The pools of a worker, as control asks about them: what is in them, and changes of their volumes. A pool that no disk is on is opened for
 * that, and kept open for a while, for who asks once asks again. Used by `worker.ts`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { OperatorError } from "../errors.js";
import { lookAtPool, type PoolLook } from "../pool/looks.js";
import { makePool, type PoolHome, settlePools, type UsedPool, usePool } from "../pool/openings.js";
import type { Pool } from "../pool/pool.js";
import { poolInStore } from "../spec/pool-path.js";
import { FollowedDisks } from "./followed-disks.js";
import { change, disksOf } from "./pool-acts.js";
import { demoted, promoted } from "./promotions.js";
import type { PoolAct } from "./worker-messages.js";
import { WorkerVolumes } from "./worker-volumes.js";

/** Longer than those let pass who look again and again. */
const KEPT_MS = 60_000;
/** Those wait no longer for a checkpoint. */
const REFRESH_MS = 3000;
/** So often, and so long after one another, it is looked for replicas that were configured. */
const CONFIGURED_TRIES = 50;
const CONFIGURED_MS = 100;
/** Checkpoints cost something: for what is trimmed all the time no more are made. */
const TRIMS_MS = 5000;

interface Kept {
	readonly used: UsedPool;
	timer: NodeJS.Timeout;
}

export class WorkerPools {
	/** What is in them. */
	readonly volumes: WorkerVolumes;
	readonly #home: PoolHome;
	readonly #followed = new FollowedDisks();
	/** By directory. */
	readonly #kept = new Map<string, Kept>();

	/** `idleMs`: what nobody has asked about for so long may be closed, if there is too much. */
	constructor(home: PoolHome, idleMs?: number) {
		this.#home = home;
		this.volumes = new WorkerVolumes(home, (folder, used) => this.#keep(folder, used), idleMs);
	}

	/** What the pool is like afterwards, or the part that is looked at. Throws an OperatorError. */
	async act(folder: string, act: PoolAct): Promise<PoolLook> {
		await this.#letGoOthers(folder);
		if (act.act === "configure") this.#home.allowPartial?.(folder, act.partial === true);
		const used = await this.#use(folder, act);
		try {
			if (act.act === "look") await refresh(used, act.isNow);
			else if (act.act === "ship") return await shipped(used);
			else if (act.act === "handOver") return await handedOver(used, act.to);
			else await change(used, act);
			if (act.act === "make" && act.disks.length > 0) this.#followed.made(folder, act.disks);
			if (act.act === "configure") await this.#follow(folder, used, act.disks);
			return await lookAtPool(used.pool, act.act === "look" ? act.sight : { of: "pool" });
		} finally {
			// (Nobody has asked for it; but disks may wait for one that has just been had from another host.)
			const isWanted = act.act !== "configure" || poolInStore(folder) !== undefined;
			await (isWanted ? this.#keep(folder, used) : used.release());
		}
	}

	#use(folder: string, act: PoolAct): Promise<UsedPool> {
		switch (act.act) {
			case "make":
				return makePool(this.#home, folder, act.disks, act.force);
			case "takeOver":
				return this.#takeOver(folder, act.loseBytes);
			case "promote":
				return promoted(this.#home, folder);
			case "demote":
				return demoted(this.#home, folder, act.loseBytes);
			case "configure":
				return this.#withReplicas(folder, act.replicas ?? "");
			default:
				return usePool(this.#home, folder);
		}
	}

	/** What is written is brought to replicas from the moment that a pool is opened: with others it is opened anew. */
	async #withReplicas(folder: string, wanted: string): Promise<UsedPool> {
		const used = await usePool(this.#home, folder);
		if (used.pool.space.replicasAre === wanted) return used;
		try {
			await this.#untilConfigured(folder, wanted);
			await this.#home.renew?.(folder, "is opened anew, as it has other replicas");
		} finally {
			await used.release();
		}
		return usePool(this.#home, folder);
	}

	/** Who has the files is told of them a moment after control has. Throws an OperatorError. */
	async #untilConfigured(folder: string, wanted: string): Promise<void> {
		for (let tries = 0; (await this.#home.replicasNow?.(folder)) !== wanted; tries++) {
			if (tries === CONFIGURED_TRIES) throw new OperatorError("its replicas are not those of the files yet");
			await sleep(CONFIGURED_MS);
		}
	}

	/** (Somebody else may be about to open it, in vain, and has not heard of that.) */
	async #takeOver(folder: string, loseBytes: number): Promise<UsedPool> {
		const take = (): Promise<UsedPool> => {
			this.#home.allowLoss?.(folder, loseBytes);
			return usePool(this.#home, folder);
		};
		return take().catch(take);
	}

	async #follow(folder: string, { pool }: UsedPool, named: readonly string[] | undefined): Promise<void> {
		if (named === undefined) return;
		await this.#followed.follow(folder, disksOf(pool), named);
		pool.age();
	}

	/** In place of what was kept of it before. */
	async #keep(folder: string, used: UsedPool): Promise<void> {
		if (used.isLost()) return used.release();
		const before = this.#kept.get(folder);
		const timer = setTimeout(() => void this.#giveUp(folder, used), KEPT_MS);
		timer.unref();
		this.#kept.set(folder, { used, timer });
		if (before === undefined) return;
		clearTimeout(before.timer);
		await before.used.release();
	}

	/** A pool in an object store that is configured in another way now has what is on this host, which the one before has as well. */
	async #letGoOthers(folder: string): Promise<void> {
		const name = poolInStore(folder)?.name;
		if (name === undefined) return;
		const others = [...this.#kept.keys()].filter(
			(each) => each !== folder && poolInStore(each)?.name === name,
		);
		await Promise.all(others.map((each) => this.letGo(each)));
	}

	/** Nobody who has only asked has it open any more. */
	async letGo(folder: string): Promise<void> {
		const kept = this.#kept.get(folder);
		if (kept === undefined) return;
		clearTimeout(kept.timer);
		await this.#giveUp(folder, kept.used);
	}

	/** Another host had it, and may not have it any more: disks wait for it. */
	async want(folder: string): Promise<void> {
		try {
			await this.#keep(folder, await usePool(this.#home, folder));
		} catch (error) {
			// (Those say why not who try again anyhow.)
			if (!(error instanceof OperatorError)) throw error;
		}
	}

	/** Another host has it. */
	async lost(folder: string): Promise<void> {
		await Promise.all([this.letGo(folder), this.volumes.letGo(folder)]);
	}

	async #giveUp(folder: string, used: UsedPool): Promise<void> {
		if (this.#kept.get(folder)?.used === used) this.#kept.delete(folder);
		await used.release();
	}

	/** What is on this host alone is brought to stores, while all goes on. */
	settle(): Promise<void> {
		return settlePools(this.#home);
	}

	/** Gives all back. */
	async close(): Promise<"closed"> {
		await this.volumes.close();
		for (const [folder, { used, timer }] of this.#kept) {
			clearTimeout(timer);
			await this.#giveUp(folder, used);
		}
		return "closed";
	}
}

/** Of pools: when looks have last had a checkpoint made for what was trimmed. */
const refreshed = new WeakMap<Pool, number>();

/** What is looked at is as of the last checkpoint: has one made if that is to be, not for ever, and for who looks all the time not all the time. */
async function refresh(used: UsedPool, isNow: boolean): Promise<void> {
	const { pool } = used;
	const nowMs = performance.now();
	const isDue = pool.space.isBehind && nowMs - (refreshed.get(pool) ?? Number.NEGATIVE_INFINITY) >= TRIMS_MS;
	if (!isNow && !isDue) return;
	if (isDue) refreshed.set(pool, nowMs);
	await checkpoint(used);
}

/** Unless that takes too long, or fails. */
async function checkpoint({ pool }: UsedPool): Promise<void> {
	const end = new AbortController();
	const late = sleep(REFRESH_MS, undefined, { signal: end.signal }).catch(() => {});
	await Promise.race([pool.checkpoint(true).catch(() => {}), late]);
	end.abort();
}

/** With how it was a moment ago. (The other host reads what the log has since the last checkpoint, and nobody is answered meanwhile.) */
async function handedOver(used: UsedPool, to?: string): Promise<PoolLook> {
	const look = await lookAtPool(used.pool, { of: "pool" });
	return { ...look, handedOver: await used.pool.space.handOver(() => checkpoint(used), to) };
}

/** With whether it is there by then. */
async function shipped({ pool }: UsedPool): Promise<PoolLook> {
	const isOnlyHere = !(await pool.space.shipSoon());
	return { ...(await lookAtPool(pool, { of: "pool" })), isOnlyHere };
}
