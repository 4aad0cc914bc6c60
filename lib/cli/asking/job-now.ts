/**
 * How far a job of the daemon is, for commands that wait for its end: the daemon may be started again meanwhile, and knows nothing of it then. Used by
 * `configuration.ts` and `../pools/following.ts`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { Job } from "../../control/model.js";
import { AskError, type DaemonClient } from "./client.js";

const NOT_FOUND = 404;
/** Its process that answers is there again by then, if anybody starts it. */
const TRIES = 10;
const AGAIN_MS = 500;

/** `what`: how messages call it. Throws an AskError. */
export async function jobNow(daemon: DaemonClient, id: string, what = `job ${id}`): Promise<Job> {
	for (let tries = 1; ; tries++) {
		try {
			return await daemon.get(`/api/v1/jobs/${encodeURIComponent(id)}`, Job);
		} catch (error) {
			if (!(error instanceof AskError)) throw error;
			if (error.status === NOT_FOUND)
				throw new AskError([
					`${what}: the daemon was started again meanwhile, and does not know what became of it; ask once more`,
				]);
			if (!error.isGone) throw error;
			if (tries === TRIES) throw new AskError(error.lines.map((line) => `${what}: ${line}`));
		}
		await sleep(AGAIN_MS);
	}
}
