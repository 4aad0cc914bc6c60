/**
 * Jobs that go through all of a volume or a pool: `/api/v1/volumes/{name}/flatten`, `/api/v1/pools/{name}/check` and `scrub`. Done by
 * `../pool-jobs.ts`.
 */

import type { RunningJob } from "../jobs.js";
import { Job } from "../model.js";
import { json, type Route, route } from "../routes.js";
import type { Inside } from "./inside.js";

const ANSWERS = { 202: { description: "The job that does it", schema: Job } };

export function poolJobRoutes({ poolJobs }: Inside): Route[] {
	return [
		route({
			method: "POST",
			path: "/api/v1/volumes/{name}/flatten",
			summary: "Gives a clone pages of its own for all that it has",
			answers: ANSWERS,
			refusals: [409],
			handle: async ({ name }) => accepted(await poolJobs.flatten(name)),
		}),
		route({
			method: "POST",
			path: "/api/v1/pools/{name}/check",
			summary: "Looks whether it can be told where all pages of a pool's volumes and snapshots are",
			answers: ANSWERS,
			refusals: [409],
			handle: async ({ name }) => accepted(await poolJobs.examine(name, false)),
		}),
		route({
			method: "POST",
			path: "/api/v1/pools/{name}/scrub",
			summary:
				"Reads what holds a pool together, and all pages of its volumes and snapshots, from each copy of its storage, and compares that with its checksums",
			answers: ANSWERS,
			refusals: [409],
			handle: async ({ name }) => accepted(await poolJobs.examine(name, true)),
		}),
	];
}

function accepted({ job }: RunningJob): Response {
	return json(job, { status: 202, headers: { location: `/api/v1/jobs/${job.id}` } });
}
