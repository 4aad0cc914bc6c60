/**
 * What a worker answers when control looks at it, about once a second: what it has counted, as numbers (`figures-frame.ts`), and how things
 * stand, in words. Of thousands of disks it tells how some stand each time, those that are new before the others. Used by `worker.ts`.
 */

import type { Parcel } from "../channel/asking.js";
import type { Daemon } from "./daemon.js";
import type { FigureNames } from "./figures-frame.js";
import type { DiskReport, WorkerReport } from "./state.js";

/** Disks whose state is told each time, beside those that are new. */
const REPORTS_A_LOOK = 256;

/** The message that goes with the numbers. */
export interface WorkerLook {
	readonly names: FigureNames;
	readonly worker: WorkerReport;
	readonly disks: readonly DiskReport[];
}

export class WorkerLooks {
	readonly #daemon: Daemon;
	/** Names of disks in the order in which their turn comes. */
	#turns: string[] = [];

	constructor(daemon: Daemon) {
		this.#daemon = daemon;
	}

	/** What has changed since the look of that generation; 0: all. */
	async look(since: number, served: readonly string[]): Promise<Parcel> {
		const { names, frame } = await this.#daemon.figures(since);
		const told = new Set(names.disks.map(({ name }) => name));
		if (this.#turns.length === 0) this.#turns = [...served];
		for (const name of this.#turns.splice(0, REPORTS_A_LOOK)) told.add(name);
		const disks: DiskReport[] = [];
		for await (const batch of this.#daemon.diskReports(told)) disks.push(...batch);
		const body: WorkerLook = { names, worker: this.#daemon.workerReport(), disks };
		return { body, bytes: new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength) };
	}
}
