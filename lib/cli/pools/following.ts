/**
 * A job of a daemon that goes through a volume, a pool or a mirror, followed to its end: how far it is on a terminal, and cancelled when whoever waits is
 * interrupted. Loaded by the commands that have such jobs; resolves to the exit status.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { Job } from "../../control/model.js";
import { oneLine } from "../../text.js";
import { AskError, type DaemonClient } from "../asking/client.js";
import { jobNow } from "../asking/job-now.js";
import type { Output } from "../client.js";
import { LazyProgress } from "../progress.js";
import { askedByName, type Line } from "./in-daemon.js";

const LOOK_MS = 200;
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** What is said of a job that was done; resolves to the exit status. */
type TellDone = (job: Job, daemon: DaemonClient) => Promise<number>;

/** `address`: of the route that begins it. */
export function followJob(
	line: Line,
	output: Output,
	what: string,
	address: string,
	tellDone: TellDone,
	body: object = {},
): Promise<number> {
	return askedByName(line, output, (daemon) => followedJob(daemon, output, what, address, tellDone, body));
}

/** The same of a daemon that is asked already. */
export async function followedJob(
	daemon: DaemonClient,
	output: Output,
	what: string,
	address: string,
	tellDone: TellDone,
	body: object = {},
): Promise<number> {
	let begun: string | undefined;
	let isCalledOff = false;
	const cancel = (): void => {
		isCalledOff = true;
		if (begun !== undefined) void daemon.send("DELETE", jobAt(begun), Job).catch(() => {});
	};
	// (Before it begins: it may have begun when we are interrupted, and we not know it yet.)
	for (const signal of SIGNALS) process.once(signal, cancel);
	try {
		const { id } = await daemon.send("POST", address, Job, { body });
		begun = id;
		if (isCalledOff) cancel();
		const job = await endOf(daemon, id, what, output);
		if (job.state !== "done") throw new AskError([...job.errors, job.message]);
		return await tellDone(job, daemon);
	} finally {
		for (const signal of SIGNALS) process.off(signal, cancel);
	}
}

function jobAt(id: string): string {
	return `/api/v1/jobs/${encodeURIComponent(id)}`;
}

/** However long that takes: it is known how far it is. */
async function endOf(daemon: DaemonClient, id: string, what: string, output: Output): Promise<Job> {
	let isTold = false;
	const shown = new LazyProgress(oneLine(what));
	try {
		for (;;) {
			const job = await jobNow(daemon, id, what);
			if (job.state !== "running") return job;
			if (job.waiting && !isTold)
				output.err(`vblade: ${oneLine(what)}: waits until others are done (job ${id})\n`);
			isTold ||= job.waiting;
			if (!job.waiting) shown.at(job.done, job.total);
			await sleep(LOOK_MS);
		}
	} finally {
		await shown.stop();
	}
}
