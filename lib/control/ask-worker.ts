/**
 * How control asks a worker: once, within a limit; or, for what has to be taken away, until that is certain. What goes wrong is an
 * OperatorError, in words. Used by `tree-workers.ts`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { type Asking, type Delivery, NoAnswerError } from "../channel/asking.js";
import type { WorkerRequest } from "../daemon/worker-messages.js";
import { AbsentError, asRefusal } from "./refused.js";

/** To open a disk: a file system that checks itself may keep the opener that long; nobody else waits for it. */
export const ADD_LIMIT_MS = 120_000;
const LIMIT_MS = 20_000;
const INSIST_PAUSE_MS = 500;
const MOST_TRIES = 3;

/** A worker, as who asks it sees it: whoever looks again later may find another one. */
export interface Asked {
	readonly index: number;
	/** The way to it; null: it is not there. */
	readonly asking: Asking | null;
	readonly life: number;
}

/** Throws an OperatorError: what the worker refuses with, or that it is not there. */
export async function askWorker(
	worker: Asked,
	body: WorkerRequest,
	limitMs = LIMIT_MS,
	bytes?: Uint8Array,
): Promise<Delivery> {
	const { index, asking } = worker;
	if (asking === null) throw new AbsentError(`worker ${index} is being started`);
	try {
		return await asking.ask(bytes === undefined ? { body } : { body, bytes }, limitMs);
	} catch (error) {
		const isGone = error instanceof NoAnswerError && worker.asking !== asking;
		throw isGone ? new AbsentError(`worker ${index}: ${error.message}`) : asRefusal(`worker ${index}`, error);
	}
}

/**
 * Until it is certain; undefined: the worker has ended, and its successor has only what it is given. `distrust` ends one that does not do
 * it.
 */
export async function insist(
	worker: Asked,
	body: WorkerRequest,
	distrust: (why: string) => void,
): Promise<Delivery | undefined> {
	const { life } = worker;
	for (let tries = 0; worker.asking !== null && worker.life === life; tries++) {
		if (tries === MOST_TRIES) distrust("it does not take away what it shall");
		if (worker.asking === null) break;
		try {
			return await worker.asking.ask({ body }, LIMIT_MS);
		} catch (error) {
			if (!(error instanceof NoAnswerError)) throw asRefusal(`worker ${worker.index}`, error);
			await sleep(INSIST_PAUSE_MS);
		}
	}
	return undefined;
}
