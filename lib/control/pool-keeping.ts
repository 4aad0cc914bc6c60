/**
 * Sees to it that pools have what is configured of them: what is kept of their past, and which snapshots no schedule may remove, because disks or
 * templates are on them. Looks once a second whether that is something else; tells it again when a worker is new, and from time to time, so
 * that schedules are kept of pools that no disk has open. Made by `assembly.ts`, called by `control.ts`.
 */

import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../clock.js";
import type { PoolAct } from "../daemon/worker-messages.js";
import { OperatorError } from "../errors.js";
import { isUsedElsewhere, isWaiting } from "../pool/store/words.js";
import type { Config } from "../spec/config.js";
import type { DiskConfig, PoolConfig } from "../spec/configuration.js";
import { poolInStore, shownPoolPath } from "../spec/pool-path.js";
import { replicasText } from "../spec/replicas.js";
import type { EventLog, Happening } from "./event-log.js";
import { within } from "./pool-looks.js";
import type { Workers } from "./seams.js";
import { replicaTrouble } from "./shown-volumes.js";
import { messageOf } from "./thrown.js";

/** What fails is told again so soon. */
const RETRY_MS = 30_000;
/** What waits for disks that a pool is on, or for its object store, which come in their own time. */
const SOON_MS = 3000;
const AGAIN_MS = 15 * 60_000;
/** A reload waits no longer for pools. */
const FOLLOW_MS = 10_000;

/** What is open of a pool is closed when it tells such. */
const ENDS_HERE: ReadonlySet<Happening["kind"]> = new Set(["pool-lost", "pool-handed-over", "pool-renewed"]);

/** A pool that is configured no more, and that other hosts use by this one: so often it is tried to have one of them take it. */
const LEAVE_TRIES = 20;

type Configure = Extract<PoolAct, { act: "configure" }>;

/** Of one pool. */
interface Told {
	readonly act: Configure;
	atMs: number;
	isUnderWay: boolean;
	/** When that has come to an end, and when disks on it are open again, or are not. */
	telling: Promise<void>;
	reopening: Promise<void>;
	/** It has other replicas than before: it is closed and opened anew for that. */
	renews: boolean;
	/** Why it is not so. */
	trouble: string | undefined;
	/** Why its directory can't be asked for more, although it is open. */
	away: string | null;
	/** Where its storage has failed, and that it takes no changes any more. */
	failed: string | null;
	/** Why no checkpoint, or no head, can be stored, though writes can. */
	unstored: string | null;
	/** That it is full, and what that has come to. */
	full: string | null;
	/** What does not get on with its object store. */
	store: string | null;
	/** What does not get on with a replica. */
	replica: string | null;
}

export interface PoolKeepingOf {
	readonly desired: {
		readonly config: Pick<Config, "pools" | "disks" | "templates">;
		readonly hurry: (pool: string) => void;
	};
	/** Another host has the pool, or a volume is another disk: what is open on it is closed, and waits. */
	readonly reopen: (pool: string, volume?: string) => Promise<void>;
	readonly workers: Pick<Workers, "pool">;
	readonly events: Pick<EventLog, "add">;
	readonly clock: Pick<Clock, "now">;
}

export class PoolKeeping {
	readonly #of: PoolKeepingOf;
	/** By path. */
	#told = new Map<string, Told>();
	/** Those that another host is to have, since they are configured here no more: how often that was tried, and when. */
	readonly #leaving = new Map<string, { tries: number; atMs: number }>();

	constructor(of: PoolKeepingOf) {
		this.#of = of;
	}

	/** A worker is new. */
	lost(): void {
		for (const told of this.#told.values()) told.atMs = Number.NEGATIVE_INFINITY;
	}

	/** What is wrong with pools, a line each. */
	get troubles(): string[] {
		const { pools } = this.#of.desired.config;
		return pools.flatMap(({ name, path }) => {
			const { trouble, away, failed, unstored, full, store, replica } = this.#told.get(path) ?? {};
			// (That another host has it, and serves it as well or is waited for, is how it is to be.)
			const isMeant = trouble !== undefined && (isUsedElsewhere(trouble) || isWaiting(trouble));
			const whole = failed ?? (isMeant ? null : trouble) ?? away;
			const all = whole ? [whole] : [unstored, full, store, replica];
			return all.flatMap((what) => (what ? [`pool ${name}: ${what}`] : []));
		});
	}

	/** Why the pool at that path can't be had, or does not get on, as far as that was seen; null: nothing is known to be wrong. */
	known(path: string): string | null {
		const { trouble, store = null } = this.#told.get(path) ?? {};
		return trouble ?? store;
	}

	/** It was just had for something else: it is as it is to be, or that is seen at once. */
	isHad(path: string): void {
		const told = this.#told.get(path);
		if (told?.trouble === undefined) return;
		told.trouble = undefined;
		told.atMs = Number.NEGATIVE_INFINITY;
	}

	/** A disk is served that is on it. (By way of another host's if both serve it, whatever is the matter here.) */
	isServed({ disk: { storage } }: DiskConfig): void {
		if (storage.kind === "volume" && poolInStore(storage.pool)?.isShared !== true) this.isHad(storage.pool);
	}

	/** A pool has told something itself. */
	happened({ kind, severity, message: line, poolPath = "", volume }: Happening): void {
		// (Also if it was not told of anything here yet: its disks are closed.)
		const reopening = ENDS_HERE.has(kind) ? this.#of.reopen(poolPath, volume) : undefined;
		const told = this.#told.get(poolPath);
		if (told === undefined) return;
		told.reopening = reopening ?? told.reopening;
		// (As a line of the log it says which pool it is about.)
		const about = `pool ${shownPoolPath(poolPath)}: `;
		const message = line.startsWith(about) ? line.slice(about.length) : line;
		if (kind === "pool-away") told.away = severity === "info" ? null : message;
		if (kind === "pool-failed") told.failed = message;
		if (kind === "pool-checkpoint") told.unstored = severity === "info" ? null : message;
		if (kind === "pool-full") told.full = severity === "info" ? null : message;
		if (kind === "pool-lost" || kind === "pool-handed-over") {
			told.trouble = message;
			told.atMs = Number.NEGATIVE_INFINITY;
		}
		// (It is looked from here now how it is with it there.)
		if (kind === "pool-moved") told.atMs = Number.NEGATIVE_INFINITY;
		// (Disks wait for it, each for a time of its own.)
		if (kind === "pool-taken") this.#of.desired.hurry(poolPath);
		if (kind === "pool-store") told.store = severity === "info" ? null : message;
		if (kind === "pool-replica" || kind === "pool-split") told.replica = severity === "info" ? null : message;
	}

	look(): void {
		const { desired, clock } = this.#of;
		const before = this.#told;
		const nowMs = clock.now();
		this.#told = new Map();
		for (const pool of desired.config.pools) {
			const act = actFor(pool, desired.config);
			let told = before.get(pool.path);
			if (told === undefined || (!told.isUnderWay && !isDeepStrictEqual(told.act, act)))
				told = {
					act,
					atMs: Number.NEGATIVE_INFINITY,
					isUnderWay: false,
					telling: Promise.resolve(),
					reopening: told?.reopening ?? Promise.resolve(),
					renews: told !== undefined && told.act.replicas !== act.replicas,
					trouble: told?.trouble,
					away: told?.away ?? null,
					failed: told?.failed ?? null,
					unstored: told?.unstored ?? null,
					full: told?.full ?? null,
					store: told?.store ?? null,
					replica: told?.replica ?? null,
				};
			this.#told.set(pool.path, told);
			// (One that has failed takes changes when it is opened again, whoever does that.)
			const retryMs = pool.disks === undefined && pool.stored === undefined ? RETRY_MS : SOON_MS;
			const { trouble = null, failed } = told;
			const waitMs = trouble !== null || failed !== null ? retryMs : isWell(told) ? AGAIN_MS : RETRY_MS;
			if (!told.isUnderWay && nowMs - told.atMs >= waitMs) told.telling = this.#tell(pool, told, nowMs);
		}
		for (const path of before.keys())
			if (!this.#told.has(path) && poolInStore(path)?.isShared === true)
				this.#leaving.set(path, { tries: 0, atMs: Number.NEGATIVE_INFINITY });
		for (const path of this.#leaving.keys()) this.#leave(path, nowMs);
	}

	/** Its disks are none of this host's any more; but whoever uses it by this host keeps it here. */
	#leave(path: string, nowMs: number): void {
		const leaving = this.#leaving.get(path);
		if (leaving === undefined || nowMs - leaving.atMs < SOON_MS) return;
		const name = poolInStore(path)?.name;
		const isBack = this.#of.desired.config.pools.some((pool) => poolInStore(pool.path)?.name === name);
		if (isBack || leaving.tries++ === LEAVE_TRIES) {
			this.#leaving.delete(path);
			return;
		}
		void this.#handOver(path, leaving);
	}

	/** (If nobody waits for it, or it is not here, it is closed when nobody uses it.) */
	async #handOver(path: string, leaving: { atMs: number }): Promise<void> {
		leaving.atMs = Number.POSITIVE_INFINITY;
		try {
			await this.#of.workers.pool(path, { act: "handOver" });
			this.#leaving.delete(path);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			leaving.atMs = this.#of.clock.now();
		}
	}

	/** Resolves when pools that have other replicas now are open with those, and what is served of them is again, or that does not come soon. */
	async follow(): Promise<void> {
		this.look();
		const renewed = [...this.#told.values()].filter(({ renews }) => renews);
		const followed = renewed.map(async (told) => {
			await told.telling;
			await told.reopening;
			told.renews = false;
		});
		await within(Promise.all(followed), FOLLOW_MS);
	}

	async #tell(pool: PoolConfig, told: Told, nowMs: number): Promise<void> {
		const { path } = pool;
		const { trouble } = told;
		told.atMs = nowMs;
		told.isUnderWay = true;
		try {
			const { away, failed, unstored, full, stored, replicas } = await this.#of.workers.pool(path, told.act);
			const store = stored?.trouble ?? null;
			const replica = replicaTrouble(replicas);
			Object.assign(told, { away, failed, unstored, full, store, replica, trouble: undefined });
			// (It could not be opened before, and can now.)
			if (trouble !== undefined) this.#of.desired.hurry(path);
		} catch (error) {
			told.trouble = messageOf(error);
		} finally {
			told.isUnderWay = false;
		}
		if (told.trouble !== undefined && told.trouble !== trouble) this.#isTroubled(pool, told.trouble, trouble);
	}

	/** `before`: what was the matter until now. */
	#isTroubled({ name, path, stored }: PoolConfig, trouble: string, before: string | undefined): void {
		const { events, desired } = this.#of;
		// (Disks that wait, each for a time of its own, find at once that somebody has to do something; and that nobody has to any more.)
		if (before !== undefined && isWaiting(before) !== isWaiting(trouble)) desired.hurry(path);
		if (isUsedElsewhere(trouble)) return;
		const severity = isWaiting(trouble) ? "info" : "warning";
		const isInStore = stored !== undefined;
		const what = isInStore ? trouble : `what is configured of it does not hold yet: ${trouble}`;
		const kind = isInStore ? "pool-waits" : "configuration";
		events.add({ kind, severity, message: `pool ${name}: ${what}` });
	}
}

/** One that is not may be closed, if nobody uses it, and then tells nothing of what has become of it. */
function isWell({ away, failed, unstored, full, store, replica }: Told): boolean {
	return [away, failed, unstored, full, store, replica].every((each) => each === null);
}

function actFor(
	{ name, path, kept, disks: named, partial = false, replicas = [], stored }: PoolConfig,
	{ disks, templates }: PoolKeepingOf["desired"]["config"],
): Configure {
	const served = disks.flatMap(({ disk: { storage } }) =>
		storage.kind === "volume" && storage.pool === path && storage.volume.includes("@")
			? [storage.volume]
			: [],
	);
	const images = templates.flatMap(({ image }) =>
		image.pool === name ? [`${image.volume}@${image.snapshot}`] : [],
	);
	const spared = [...new Set([...served, ...images])].sort();
	const onDisks = { ...(named && { disks: named }), ...(partial && { partial }) };
	const followed = replicas.length > 0 && { replicas: replicasText(replicas) };
	const inStore = stored && { sizes: { logBytes: stored.logBytes, cacheBytes: stored.cacheBytes } };
	return { act: "configure", settings: kept, spared, ...onDisks, ...followed, ...inStore };
}
