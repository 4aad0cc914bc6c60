/**
 * What goes through all of a volume or a pool that workers have open, as jobs: a stretch is asked for after the other, so how far it is is known,
 * and it can be cancelled. Used by `api/pool-jobs.ts`.
 */

import { SEGMENT_BYTES } from "../pool/format.js";
import { counted } from "../text.js";
import type { EventLog } from "./event-log.js";
import type { VolumeAnswers } from "./heard-volume.js";
import { JobTurns } from "./job-turns.js";
import type { Jobs, RunningJob } from "./jobs.js";
import type { Job, Volume } from "./model.js";
import type { Pools } from "./pools.js";
import { Refusal } from "./problem.js";

/** It has been cancelled. */
class Cancelled extends Error {}

const NOT_FOUND = 404;

/** What is looked at: a snapshot, or a volume as it is. */
interface Looked {
	readonly volume: Volume;
	/** Within the pool. */
	readonly name: string;
	readonly sizeBytes: number;
}

export class PoolJobs {
	readonly #turns = new JobTurns();

	constructor(
		readonly pools: Pools,
		readonly jobs: Jobs,
		readonly events: Pick<EventLog, "add">,
	) {}

	/** `POOL/VOLUME`, whoever uses it. Once more, it goes on: what was done stays. */
	async flatten(name: string): Promise<RunningJob> {
		this.#turns.refuseMore();
		const { pool, name: volume, sizeBytes } = await this.pools.volume(name);
		const job = this.#begin("flatten", name, `${name} gets pages of its own`, sizeBytes);
		void this.#run(pool, job, async () => {
			const step = (offsetBytes: number) =>
				this.pools.ask(pool, { ask: "flatten", name: volume, offsetBytes });
			await through(job, 0, sizeBytes, step);
			this.events.add({
				kind: "volume-changed",
				severity: "info",
				volume: name,
				message: "has all of its pages for itself now",
			});
			return `${name} has all of its pages for itself`;
		});
		return job;
	}

	/**
	 * All that the pool's volumes and snapshots have; `doPages`: each page, not only where it is. Where the pool is in a store that is all objects, as a
	 * whole: no page need be fetched for it.
	 */
	async examine(pool: string, doPages: boolean): Promise<RunningJob> {
		this.#turns.refuseMore();
		const { volumes, wrong } = await this.pools.volumes(pool);
		if (wrong[0] !== undefined) throw new Refusal(422, wrong[0]);
		const all: Looked[] = [];
		for (const { name } of volumes) {
			const volume = await foundOf(this.pools.volume(`${pool}/${name}`));
			if (volume !== undefined) all.push(...lookedAt(volume));
		}
		const total = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
		const what = doPages ? "scrub" : "check";
		const job = this.#begin(what, pool, `${what} of pool ${pool}`, total);
		void this.#run(pool, job, async () => {
			const isStored = this.pools.configured(pool).stored !== undefined;
			const isWhole = doPages || isStored;
			const whole = isWhole ? await this.#whole(job, pool, total, !doPages) : { bytes: 0, damaged: 0 };
			let [from, damaged] = [whole.bytes, whole.damaged];
			let before: Looked | undefined;
			for (const each of all) {
				const isNext = before?.volume === each.volume;
				damaged += await this.#look(job, each, from, isNext ? before?.name : undefined, doPages && !isStored);
				from += each.sizeBytes;
				before = each;
			}
			const snapshots = all.filter(({ name }) => name.includes("@")).length;
			const message =
				damaged === 0
					? `all is well in ${counted(all.length - snapshots, "volume")}, ${counted(snapshots, "snapshot")}`
					: `damaged in ${counted(damaged, "place")}`;
			const severity = damaged === 0 ? "info" : "error";
			this.events.add({ kind: "pool-examined", severity, message: `${what} of pool ${pool}: ${message}` });
			return message;
		});
		return job;
	}

	/** Throws a Refusal if there are enough, or the same one is under way. */
	#begin(kind: Job["kind"], of: string, message: string, total: number): RunningJob {
		const same = this.jobs.running(kind, (job) => job.of === of)?.job;
		if (same !== undefined)
			throw new Refusal(
				409,
				`${same.message}: ${same.waiting ? "waits" : "runs"} already, as job ${same.id}`,
			);
		this.#turns.refuseMore();
		return this.jobs.begin(kind, message, { of, total, cancellable: true });
	}

	/** When it is its turn. `work` resolves to what is said when it is done. */
	async #run(pool: string, job: RunningJob, work: () => Promise<string>): Promise<void> {
		await this.#turns.begin(pool, job);
		try {
			if (job.isCancelled) throw new Cancelled();
			job.finish("done", await work());
		} catch (error) {
			if (error instanceof Cancelled) job.finish("cancelled", "cancelled; what was done stays");
			else if (error instanceof Refusal) job.finish("failed", error.message);
			else throw error;
		} finally {
			this.#turns.end(pool, job);
		}
	}

	/** What holds the pool together: how many places of that are damaged, and for how many bytes it counts. */
	async #whole(
		job: RunningJob,
		pool: string,
		rest: number,
		isLight: boolean,
	): Promise<{ bytes: number; damaged: number }> {
		let damaged = 0;
		for (let step = 0; ; ) {
			if (job.isCancelled) throw new Cancelled();
			const found = await this.pools.ask(pool, { ask: "scrub", step, isLight });
			if (found.reached <= step) throw new Refusal(422, "the worker does not get on with it");
			step = found.reached;
			damaged += found.damaged.length;
			for (const what of found.damaged) job.trouble(`${pool}: ${what}`);
			const bytes = found.total * SEGMENT_BYTES;
			job.steps(bytes + rest);
			job.reached(Math.min(step, found.total) * SEGMENT_BYTES);
			if (step >= found.total) return { bytes, damaged };
		}
	}

	/** How many places of it are damaged; 0 also of what has been removed meanwhile. */
	async #look(
		job: RunningJob,
		{ volume: { pool }, name: text, sizeBytes }: Looked,
		from: number,
		before: string | undefined,
		doPages: boolean,
	): Promise<number> {
		let damaged = 0;
		const about = await this.#about(pool, text);
		if (about === undefined) return 0;
		const still = before === undefined ? undefined : await this.#about(pool, before);
		const { name, id } = about;
		const asked = { ask: "verify", name, id, before: still?.name, beforeId: still?.id, doPages } as const;
		try {
			await through(job, from, sizeBytes, async (offsetBytes) => {
				const stretch = await this.pools.ask(pool, { ...asked, offsetBytes });
				damaged += stretch.findings.length;
				for (const { offsetBytes: at, what } of stretch.findings)
					job.trouble(`${pool}/${text}, byte ${at}: ${what}`);
				return stretch;
			});
		} catch (error) {
			// (It may be something else by now.)
			if (!(error instanceof Refusal) || (await this.#about(pool, name))?.id === id) throw error;
		} finally {
			await this.#release(pool, name);
		}
		return damaged;
	}

	/** Of what stays the same while it is looked at; undefined: it is not there any more. */
	async #about(pool: string, name: string): Promise<VolumeAnswers["about"] | undefined> {
		try {
			return await this.pools.ask(pool, { ask: "about", name });
		} catch (error) {
			if (!(error instanceof Refusal) || (await this.#isThere(pool, name))) throw error;
			return undefined;
		}
	}

	/** Whether there is something to look at by that name; a moment that is refused is gone. */
	async #isThere(pool: string, name: string): Promise<boolean> {
		const full = `${pool}/${name}`;
		return (
			(await foundOf<object>(name.includes("@") ? this.pools.snapshot(full) : this.pools.volume(full))) !==
			undefined
		);
	}

	async #release(pool: string, name: string): Promise<void> {
		await this.pools.ask(pool, { ask: "release", name }).catch(refused);
	}
}

function refused(error: unknown): undefined {
	if (!(error instanceof Refusal)) throw error;
	return undefined;
}

/** Undefined: it is not there any more. */
async function foundOf<T>(asked: Promise<T>): Promise<T | undefined> {
	try {
		return await asked;
	} catch (error) {
		if (error instanceof Refusal && error.status === NOT_FOUND) return undefined;
		throw error;
	}
}

/** Its snapshots, oldest first, then what it is now: of each what the one before does not have is looked at. */
function lookedAt(volume: Volume): Looked[] {
	const snapshots = volume.snapshots.toSorted((one, other) => (one.created < other.created ? -1 : 1));
	return [
		...snapshots.map(({ name, sizeBytes }) => ({ volume, name: `${volume.name}@${name}`, sizeBytes })),
		{ volume, name: volume.name, sizeBytes: volume.sizeBytes },
	];
}

/** `from`: of what has been done before. Throws when it is cancelled. */
async function through(
	job: RunningJob,
	from: number,
	sizeBytes: number,
	step: (offsetBytes: number) => Promise<VolumeAnswers["verify"]>,
): Promise<void> {
	for (let offset = 0; offset < sizeBytes; ) {
		if (job.isCancelled) throw new Cancelled();
		const { reachedBytes } = await step(offset);
		if (reachedBytes <= offset) throw new Refusal(422, "the worker does not get on with it");
		offset = Math.min(reachedBytes, sizeBytes);
		job.reached(from + offset);
	}
}
