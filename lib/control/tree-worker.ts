/**
 * One worker as control knows it: the channel to it, which is new whenever one of both ends was started again, its disks, and what it has told.
 * Made by `tree-workers.ts`, for each.
 */

import type { Asking } from "../channel/asking.js";
import { Allowance } from "./heard.js";
import { Looking } from "./looking.js";
import { Onlooker } from "./onlooker.js";
import type { Look } from "./seams.js";
import { ToldViews } from "./told-views.js";

export interface TreeWorker {
	readonly index: number;
	asking: Asking | null;
	/** Counts how often it, or control, has been started. */
	life: number;
	onlooker: Onlooker;
	readonly looking: Looking;
	told: ToldViews;
	readonly disks: Set<string>;
	/** Disks of which it is being kept what initiators have set. */
	readonly keeping: Set<string>;
	readonly allowance: Allowance;
}

export interface TreeWorkerParts {
	look(worker: TreeWorker): Promise<Look | undefined>;
	tellSilence(index: number, isSilent: boolean): void;
}

export function newTreeWorker(
	index: number,
	now: () => number,
	{ look, tellSilence }: TreeWorkerParts,
): TreeWorker {
	const worker: TreeWorker = {
		index,
		asking: null,
		life: 0,
		onlooker: new Onlooker(index, 0),
		looking: new Looking(
			() => look(worker),
			now,
			(isSilent) => tellSilence(index, isSilent),
		),
		told: new ToldViews(),
		disks: new Set<string>(),
		keeping: new Set<string>(),
		allowance: new Allowance(now),
	};
	return worker;
}
