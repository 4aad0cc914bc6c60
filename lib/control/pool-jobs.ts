/**
 * What goes through all of a volume or a pool that workers have open, as jobs: a stretch is asked for after the other, so how far it is is known,
 * and it can be cancelled. Used by `api/pool-jobs.ts`.
 */

import { volumeIn } from "../pool/past.js";
import { counted } from "../text.js";
import type { EventLog } from "./event-log.js";
import type { VolumeAnswers } from "./heard-volume.js";
import type { Jobs, RunningJob } from "./jobs.js";
import type { Volume } from "./model.js";
import type { Pools } from "./pools.js";
import { Refusal } from "./problem.js";

/** It has been cancelled. */
class Cancelled extends Error {}

/** What is looked at: a snapshot, or a volume as it is. */
interface Looked {
	readonly volume: Volume;
	/** Within the pool. */
	readonly name: string;
	readonly sizeBytes: number;
}

export class PoolJobs {
	constructor(
		readonly pools: Pools,
		readonly jobs: Jobs,
		readonly events: Pick<EventLog, "add">,
	) {}

	/** `POOL/VOLUME`, whoever uses it. Once more, it goes on: what was done stays. */
	async flatten(name: string): Promise<RunningJob> {
		const { pool, name: volume, sizeBytes } = await this.pools.volume(name);
		const job = this.jobs.begin("flatten", `${name} gets pages of its own`, {
			total: sizeBytes,
			cancellable: true,
		});
		void run(job, async () => {
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

	/** All that the pool's volumes and snapshots have; `doPages`: each page, not only where it is. */
	async examine(pool: string, doPages: boolean): Promise<RunningJob> {
		const { volumes, wrong } = await this.pools.volumes(pool);
		if (wrong[0] !== undefined) throw new Refusal(422, wrong[0]);
		const all = volumes.flatMap(lookedAt);
		const total = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
		const what = doPages ? "scrub" : "check";
		const job = this.jobs.begin(what, `${what} of pool ${pool}`, { total, cancellable: true });
		void run(job, async () => {
			let [from, damaged] = [0, 0];
			let before: Looked | undefined;
			for (const each of all) {
				const isNext = before?.volume === each.volume;
				damaged += await this.#look(job, each, from, isNext ? before?.name : undefined, doPages);
				from += each.sizeBytes;
				before = each;
			}
			const message =
				damaged === 0 ? `all is well in ${counted(all.length, "volume")}` : `damaged in ${damaged} places`;
			const severity = damaged === 0 ? "info" : "error";
			this.events.add({ kind: "pool-examined", severity, message: `${what} of pool ${pool}: ${message}` });
			return message;
		});
		return job;
	}

	/** How many places of it are damaged. */
	async #look(
		job: RunningJob,
		{ volume: { pool }, name: text, sizeBytes }: Looked,
		from: number,
		before: string | undefined,
		doPages: boolean,
	): Promise<number> {
		let damaged = 0;
		// It may have been removed meanwhile.
		const name = await this.#nameOf(pool, text);
		if (name === undefined) return 0;
		const still = before === undefined ? undefined : await this.#nameOf(pool, before);
		try {
			await through(job, from, sizeBytes, async (offsetBytes) => {
				const since = still === undefined ? {} : { before: still };
				const stretch = await this.pools.ask(pool, { ask: "verify", name, ...since, offsetBytes, doPages });
				damaged += stretch.findings.length;
				for (const { offsetBytes: at, what } of stretch.findings)
					job.trouble(`${pool}/${text}, byte ${at}: ${what}`);
				return stretch;
			});
		} finally {
			await this.#release(pool, name);
		}
		return damaged;
	}

	/** What stays the same while it is looked at. */
	async #nameOf(pool: string, name: string): Promise<string | undefined> {
		const volume = await this.pools.volume(`${pool}/${volumeIn(name)}`).catch(refused);
		const [, snapshot] = name.split("@");
		const isThere = snapshot === undefined || volume?.snapshots.some((each) => each.name === snapshot);
		if (volume === undefined || !isThere) return undefined;
		return snapshot === undefined ? (await this.pools.ask(pool, { ask: "about", name })).name : name;
	}

	async #release(pool: string, name: string): Promise<void> {
		await this.pools.ask(pool, { ask: "release", name }).catch(refused);
	}
}

function refused(error: unknown): undefined {
	if (!(error instanceof Refusal)) throw error;
	return undefined;
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

/** `work` resolves to what is said when it is done. */
async function run(job: RunningJob, work: () => Promise<string>): Promise<void> {
	try {
		job.finish("done", await work());
	} catch (error) {
		if (error instanceof Cancelled) job.finish("cancelled", "cancelled; what was done stays");
		else if (error instanceof Refusal) job.finish("failed", error.message);
		else throw error;
	}
}
