/**
 * What is asked of a mirror: `/api/v1/disks/{name}/verify` and `resync`, jobs that its worker does, while it serves. Rows of the table of routes.
 */

import { z } from "zod";
import { quote } from "../../text.js";
import type { RunningJob } from "../jobs.js";
import { diskName } from "../model/units.js";
import { Job } from "../model.js";
import { Refusal } from "../problem.js";
import { json, type Route, route } from "../routes.js";
import { messageOf } from "../thrown.js";
import type { Inside } from "./inside.js";
import { flag } from "./pages.js";

const ANSWERS = { 202: { description: "The job that does it", schema: Job } };
const verifyQuery = z.strictObject({
	from: diskName.optional().meta({
		description:
			"Where they differ the others get what this one has; with `repair` only where no majority decides",
	}),
	repair: flag("Where they differ, those that differ from most of them get what most have"),
});
const resyncQuery = z.strictObject({
	part: diskName.meta({ description: "The disk that is overwritten with what the mirror has" }),
});

export function mirrorRoutes(inside: Inside): Route[] {
	return [
		route({
			method: "POST",
			path: "/api/v1/disks/{name}/verify",
			summary: "Compares the disks of a mirror that are in sync",
			query: verifyQuery,
			answers: ANSWERS,
			refusals: [409],
			handle: ({ name, query: { from, repair } }) => {
				demandPart(inside, name, from);
				const mending = { byMajority: repair === true, ...(from !== undefined && { from }) };
				return accepted(inside.mirrorJobs.compare(name, mending));
			},
		}),
		route({
			method: "POST",
			path: "/api/v1/disks/{name}/resync",
			summary: "Has a disk that fell out of a mirror, or was refused, overwritten and take part again",
			query: resyncQuery,
			answers: ANSWERS,
			refusals: [409],
			handle: ({ name, query: { part } }) => {
				demandPart(inside, name, part);
				const job = inside.jobs.begin("resync", `disk ${part} gets what ${name} has`, { disk: name });
				void follow(job, async () => {
					await inside.workers.resync(name, part);
					return `disk ${part} is copied to, from now on or from when it answers again`;
				});
				return accepted(job);
			},
		}),
	];
}

async function follow(job: RunningJob, work: () => Promise<string>): Promise<void> {
	try {
		job.finish("done", await work());
	} catch (error) {
		job.finish("failed", messageOf(error));
	}
}

/** Throws a Refusal unless it is a mirror that is served, of that disk too. */
function demandPart({ desired }: Inside, name: string, part: string | undefined): void {
	const steward = desired.steward(name);
	if (steward === undefined) throw new Refusal(404, `disk ${quote(name)}: there is none of this name`);
	const { mirror } = steward.disk.values;
	if (mirror === undefined) throw new Refusal(409, `disk ${quote(name)}: is no mirror`);
	if (part !== undefined && !mirror.includes(part))
		throw new Refusal(409, `disk ${quote(name)}: disk ${part} is none of its mirror`);
	if (steward.state !== "open" && steward.state !== "fenced")
		throw new Refusal(409, `disk ${quote(name)}: is not open: ${steward.reason ?? `it is ${steward.state}`}`);
}

function accepted({ job }: RunningJob): Response {
	return json(job, { status: 202, headers: { location: `/api/v1/jobs/${job.id}` } });
}
