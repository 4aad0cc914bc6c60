/**
 * How many jobs go through pools at a time: one through each, since they ask the same disks, and few in all, since workers serve besides. Others
 * wait for their turn, so many; more are refused. Used by `pool-jobs.ts`.
 */

import type { RunningJob } from "./jobs.js";
import { Refusal } from "./problem.js";

const AT_A_TIME = 4;
const MOST_WAITING = 64;

interface Waiting {
	readonly pool: string;
	readonly job: RunningJob;
	readonly go: () => void;
}

export class JobTurns {
	/** Pools that a job goes through. */
	readonly #busy = new Set<string>();
	#waiting: Waiting[] = [];

	/** Throws a Refusal if no more can wait. */
	refuseMore(): void {
		if (this.#waiting.length < MOST_WAITING) return;
		throw new Refusal(429, `${MOST_WAITING} jobs wait for their turn; ask again when some are done`);
	}

	/** Resolves when the job may go through the pool, or is cancelled. `end` has to follow. */
	async begin(pool: string, job: RunningJob): Promise<void> {
		if (this.#mayGo(pool)) {
			this.#busy.add(pool);
			return;
		}
		job.waits(true);
		await new Promise<void>((go) => {
			this.#waiting.push({ pool, job, go });
			job.whenCancelled = go;
		});
		job.waits(false);
	}

	/** The job is over, whether it had its turn or not. */
	end(pool: string, job: RunningJob): void {
		const others = this.#waiting.filter((each) => each.job !== job);
		if (others.length === this.#waiting.length) this.#busy.delete(pool);
		this.#waiting = others;
		for (const each of others) {
			if (!this.#mayGo(each.pool)) continue;
			this.#busy.add(each.pool);
			this.#waiting = this.#waiting.filter((other) => other !== each);
			each.go();
		}
	}

	#mayGo(pool: string): boolean {
		return this.#busy.size < AT_A_TIME && !this.#busy.has(pool);
	}
}
