/**
 * What a worker tells of thousands of disks or volumes, message by message: one for all would keep those waiting whom it serves. One that never
 * comes to an end is left off. Used by `tree-workers.ts`.
 */

import type { DiskReport } from "../daemon/state.js";
import type { WorkerReports } from "../daemon/worker-look.js";
import type { PoolAct, Serving, WorkerRequest } from "../daemon/worker-messages.js";
import { type PoolLook, type Sight, wholeLook } from "../pool/looks.js";
import { reportsIn, servingIn } from "./heard.js";

/** More than a worker has. */
const MOST_DISKS = 65_536;

/** Asks the worker. Throws an OperatorError if it does not answer. */
type Ask = (request: WorkerRequest) => Promise<{ readonly body: Readonly<Record<string, unknown>> }>;

/** All that it serves. Throws a FrameError for what is no such answer. */
export async function allServed(ask: Ask): Promise<Serving[]> {
	const all: Serving[] = [];
	for (let isLeft = true; isLeft && all.length < MOST_DISKS; ) {
		const { disks, isMore } = servingIn((await ask({ kind: "serving", from: all.length })).body);
		all.push(...disks);
		isLeft = isMore && disks.length > 0;
	}
	return all;
}

/** Does something with a pool, and resolves to all that is looked at of it. */
export function wholeAct(ask: (act: PoolAct) => Promise<PoolLook>, act: PoolAct): Promise<PoolLook> {
	if (act.act !== "look") return ask(act);
	let { isNow } = act;
	const next = (sight: Sight): Promise<PoolLook> => {
		const asked = ask({ act: "look", isNow, sight });
		// (What follows is of the same moment, about.)
		isNow = false;
		return asked;
	};
	return wholeLook(next, act.sight);
}

/** How disks stand: those that it has told, and further ones that are new to us. Throws a FrameError for what is no such answer. */
export async function allReports(told: WorkerReports, ask: Ask): Promise<DiskReport[]> {
	const all = [...told.disks];
	for (let isLeft = told.isMore; isLeft && all.length < MOST_DISKS; ) {
		const { disks, isMore } = reportsIn((await ask({ kind: "reports" })).body);
		all.push(...disks);
		isLeft = isMore && disks.length > 0;
	}
	return all;
}
