/**
 * Work that outlasts the request that asked for it: a reload, the removal of a disk that has to be drained. Who asked gets a name
 * and looks how far it is. The latest hundreds are kept. Begun by `desired.ts`; shown by the API.
 */

import type { Job } from "./model.js";

const KEPT = 200;
/** Of one job: thousands of disks may all fail for one reason. */
const ERRORS_MAX = 100;

export class RunningJob {
	#job: Job;
	/** Resolves when it is over; never rejects. */
	readonly ended: Promise<void>;
	#end: () => void = () => {};
	#isCancelled = false;
	/** Called once it is. */
	whenCancelled: () => void = () => {};

	constructor(
		begin: Pick<Job, "id" | "kind" | "disk" | "of" | "total" | "message" | "cancellable">,
		readonly now: () => number,
	) {
		const begun = new Date(now()).toISOString();
		this.#job = {
			...begin,
			state: "running",
			begun,
			ended: null,
			progress: 0,
			done: 0,
			errors: [],
			errorCount: 0,
			waiting: false,
		};
		this.ended = new Promise((resolve) => {
			this.#end = resolve;
		});
	}

	/** Whether whoever does it is to leave off. */
	get isCancelled(): boolean {
		return this.#isCancelled;
	}

	/** False: it is over, or nothing that can be left off. */
	cancel(): boolean {
		const { state, cancellable } = this.#job;
		if (state !== "running" || !cancellable) return false;
		this.#isCancelled = true;
		this.whenCancelled();
		return true;
	}

	get job(): Job {
		return this.#job;
	}

	/** For its turn. */
	waits(waiting: boolean): void {
		this.#job = { ...this.#job, waiting };
	}

	/** It is known by now how many there are. */
	steps(total: number): void {
		this.#job = { ...this.#job, total };
	}

	/** Something went wrong that is no step. */
	trouble(error: string): void {
		const { errors, errorCount } = this.#job;
		const told = errors.length < ERRORS_MAX ? [...errors, error] : errors;
		this.#job = { ...this.#job, errors: told, errorCount: errorCount + 1 };
	}

	/** So much of all is done. */
	reached(done: number): void {
		this.#job = { ...this.#job, done, progress: Math.min(1, done / Math.max(1, this.#job.total)) };
	}

	/** A step is over; with an error, if that is how it ended. */
	step(error?: string): void {
		if (error !== undefined) this.trouble(error);
		this.reached(this.#job.done + 1);
	}

	finish(state: Exclude<Job["state"], "running">, message: string, notice?: string): void {
		const told = notice === undefined ? {} : { notice };
		const ended = new Date(this.now()).toISOString();
		const progress = state === "done" ? 1 : this.#job.progress;
		this.#job = { ...this.#job, ...told, state, message, ended, progress };
		this.#end();
	}
}

export class Jobs {
	readonly #jobs = new Map<string, RunningJob>();
	#next: number;

	constructor(readonly now: () => number = Date.now) {
		this.#next = now();
	}

	begin(
		kind: Job["kind"],
		message: string,
		more: { disk?: string; of?: string; total?: number; cancellable?: boolean } = {},
	): RunningJob {
		const id = (this.#next++).toString(36);
		const { disk = null, of = null, total = 1, cancellable = false } = more;
		const job = new RunningJob({ id, kind, message, disk, of, total, cancellable }, this.now);
		this.#jobs.set(id, job);
		this.#forgetOld();
		return job;
	}

	get(id: string): RunningJob | undefined {
		return this.#jobs.get(id);
	}

	/** One of this kind that waits or runs, and is of the same thing. */
	running(kind: Job["kind"], isSame: (job: Job) => boolean): RunningJob | undefined {
		return [...this.#jobs.values()].find(
			({ job }) => job.state === "running" && job.kind === kind && isSame(job),
		);
	}

	/** Latest first. */
	all(): Job[] {
		return [...this.#jobs.values()].map(({ job }) => job).reverse();
	}

	#forgetOld(): void {
		for (const [id, { job }] of this.#jobs) {
			if (this.#jobs.size <= KEPT) return;
			if (job.state !== "running") this.#jobs.delete(id);
		}
	}
}
