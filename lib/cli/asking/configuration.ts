/**
 * `vblade reload`, `diff` and `dump`: the configuration that runs, beside the files. Called by `commands.ts`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "smol-toml";
import { Configuration, Job } from "../../control/model.js";
import { oneLine } from "../../text.js";
import { EXIT_FAILED, type Output, processOutput, putJson } from "../client.js";
import { asking } from "./asking.js";
import { AskError, type DaemonClient } from "./client.js";
import { linesText } from "./columns.js";
import { jobNow } from "./job-now.js";
import { DIFF, DUMP, RELOAD } from "./options.js";

const CONFIGURATION = "/api/v1/config";
const LOOK_MS = 100;
/** A disk that hangs may keep a job for long; who asks goes his way. */
const JOB_LIMIT_MS = 60_000;

/** Resolves to 0 when what the files say is so, to 1 if they have errors. Then nothing has changed. */
export async function reloadCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	return asking(RELOAD, argv, output, async ({ daemon, json }) => {
		const begun = await daemon.send("POST", "/api/v1/reload", Job);
		return tellEnd(await endOf(daemon, begun.id), output, json);
	});
}

export async function diffCommand(argv: readonly string[], output: Output = processOutput): Promise<number> {
	return asking(DIFF, argv, output, async ({ daemon, json }) => {
		const { differences, errors, warnings } = await daemon.get(CONFIGURATION, Configuration);
		if (json) putJson(output, { differences, errors, warnings });
		else {
			for (const line of errors) output.err(`${oneLine(line)}\n`);
			for (const line of warnings) output.err(`${oneLine(line)} (a warning)\n`);
			const none = errors.length > 0 ? [] : ["what is running is what the files say"];
			output.out(linesText(differences.length > 0 ? differences.map(({ text }) => oneLine(text)) : none));
		}
		return errors.length > 0 ? EXIT_FAILED : 0;
	});
}

export async function dumpCommand(argv: readonly string[], output: Output = processOutput): Promise<number> {
	return asking(DUMP, argv, output, async ({ daemon, json }) => {
		const { running } = await daemon.get(CONFIGURATION, Configuration);
		if (json) putJson(output, parse(running));
		else output.out(running);
		return 0;
	});
}

/** Waits for a job, within a limit. */
export async function endOf(daemon: DaemonClient, id: string, longestMs = JOB_LIMIT_MS): Promise<Job> {
	const limitMs = performance.now() + longestMs;
	for (;;) {
		const job = await jobNow(daemon, id);
		if (job.state !== "running") return job;
		if (performance.now() > limitMs)
			throw new AskError([
				`it goes on after ${JOB_LIMIT_MS / 1000} seconds (${job.message}); see vblade status`,
			]);
		await sleep(LOOK_MS);
	}
}

/** Tells how a job ended; `isSaid`: what it has done. Returns the exit status. */
export function tellEnd(job: Job, output: Output, json: boolean, isSaid = false): number {
	const isDone = job.state === "done" && job.errors.length === 0;
	if (json) putJson(output, job);
	else {
		for (const line of job.errors) output.err(`vblade: ${oneLine(line)}\n`);
		const message = oneLine(job.message);
		if (job.state === "done" && isSaid) return isDone ? 0 : EXIT_FAILED;
		if (job.state === "done") output.out(`${message}\n`);
		else output.err(`vblade: ${message}\n`);
	}
	return isDone ? 0 : EXIT_FAILED;
}
