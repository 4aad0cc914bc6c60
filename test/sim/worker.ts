/**
 * Plays jobs of `schedules.ts`, one after the other, in a thread of its own: tap watches every promise of its thread, which
 * more than doubles what a simulation costs. The same file is the thread's program.
 */

import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Random } from "../../lib/random.js";
import type { Job, Outcome } from "./schedules.js";

/** The seed to begin with: SIM_SEED, or any. */
export function firstSeed(): number {
	const { SIM_SEED = "" } = process.env;
	return SIM_SEED === "" ? new Random().below(0x40000000) : Number(SIM_SEED);
}

/** The outcome of each job. */
export function playInWorker(jobs: readonly Job[]): Promise<Outcome[]> {
	return new Promise((resolve, reject) => {
		const worker = new Worker(fileURLToPath(import.meta.url), { workerData: jobs });
		worker.once("message", resolve);
		worker.once("error", reject);
	});
}

if (!isMainThread && parentPort !== null) {
	const { playAll } = await import("./schedules.js");
	const outcomes: Outcome[] = [];
	for (const job of workerData as Job[]) outcomes.push(await playAll(job));
	parentPort.postMessage(outcomes);
}
