/**
 * What a worker answers when control looks at it, about once a second: what it has counted, as numbers (`figures-frame.ts`), and how things
 * stand, in words. Of thousands of disks it tells how some stand each time, those that are new before the others. Used by `worker.ts`.
 */

import type { Parcel } from "../channel/asking.js";
import type { Daemon } from "./daemon.js";
import type { FigureNames } from "./figures-frame.js";
import type { DiskReport, WorkerReport } from "./state.js";

/** Disks whose state is told at a time: to write and read of thousands at once would keep others waiting. */
const REPORTS_A_LOOK = 256;

/** Looks without anything new until all are told of once more: in ten minutes. */
const SILENT_LOOKS_MAX = 600;

/** How some disks stand; more of them that are new to the asker are told as soon as he asks for them. */
export interface WorkerReports {
	readonly disks: readonly DiskReport[];
	readonly isMore: boolean;
}

/** The message that goes with the numbers. */
export interface WorkerLook extends WorkerReports {
	readonly names: FigureNames;
	readonly worker: WorkerReport;
}

/** What is looked at. */
export type Looked = Pick<Daemon, "figures" | "diskReports" | "workerReport" | "activity">;

export class WorkerLooks {
	readonly #daemon: Looked;
	/** Names of disks that are new to the asker. */
	#news: string[] = [];
	/** Of the others, in the order in which their turn comes. */
	#turns: string[] = [];
	/** As they were last lined up. */
	#activity = -1;
	#silentLooks = 0;
	/** Of the last answer. */
	#generation = 0;

	constructor(daemon: Looked) {
		this.#daemon = daemon;
	}

	/** What has changed since the look of that generation; 0: all. */
	async look(since: number, served: readonly string[]): Promise<Parcel> {
		const { generation, names, frame } = await this.#daemon.figures(since);
		const { activity } = this.#daemon;
		const news = names.disks.map(({ name }) => name);
		this.#silentLooks += 1;
		if (names.isWhole) this.#lineUp(news, [], activity);
		else if (since !== this.#generation) this.#lineUp(news, served, activity);
		else if (this.#turns.length > 0) this.#news.push(...news);
		else if (activity !== this.#activity || this.#silentLooks > SILENT_LOOKS_MAX)
			this.#lineUp([...this.#news, ...news], served, activity);
		this.#generation = generation;
		const body: WorkerLook = { names, worker: this.#daemon.workerReport(), ...(await this.reports()) };
		return { body, bytes: new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength) };
	}

	/** All disks in turn, once more. As long as nothing happens afterwards, how they stand has been told then. */
	#lineUp(news: string[], served: readonly string[], activity: number): void {
		this.#silentLooks = 0;
		this.#activity = activity;
		this.#news = news;
		this.#turns = [...served];
	}

	/** The next ones, those that are new before the others. */
	async reports(): Promise<WorkerReports> {
		const told = new Set(this.#news.splice(0, REPORTS_A_LOOK));
		for (const name of this.#turns.splice(0, REPORTS_A_LOOK - told.size)) told.add(name);
		const disks: DiskReport[] = [];
		if (told.size > 0) {
			for await (const batch of this.#daemon.diskReports(told)) disks.push(...batch);
		}
		return { disks, isMore: this.#news.length > 0 };
	}
}
