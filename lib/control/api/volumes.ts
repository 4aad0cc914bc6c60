/**
 * `/api/v1/volumes`: making volumes, also as clones, changing and removing them. What can be done is for `../pools.ts` to say.
 */

import { settingsChange } from "../../spec/volume-schema.js";
import type { RunningJob } from "../jobs.js";
import { Job, NewVolume, Pool, Replacement, Rollback, Volume, VolumePatch } from "../model.js";
import { Refusal } from "../problem.js";
import { json, type Route, route } from "../routes.js";
import type { Inside } from "./inside.js";
import { taggedVolume } from "./tagged.js";

const PAGE_BYTES = 4096;
const WITH_TAG = "The volume, with its ETag";

export function volumeRoutes(inside: Inside): Route[] {
	return [...making(inside), ...replacing(inside)];
}

function making({ pools, volumeTurns }: Inside): Route[] {
	return [
		route({
			method: "POST",
			path: "/api/v1/volumes",
			summary: "Makes a volume: all zeros, or what a snapshot or a moment is",
			body: NewVolume,
			answers: { 200: { description: WITH_TAG, schema: Volume, tagged: true } },
			handle: async ({ body: { pool, name, sizeBytes, pageBytes, of } }) => {
				if (of !== undefined) {
					if (sizeBytes !== undefined || pageBytes !== undefined)
						throw new Refusal(422, "of: a clone has the size and pages of what it is a clone of");
					return taggedVolume(await pools.clone(`${pool}/${of}`, name));
				}
				if (sizeBytes === undefined) throw new Refusal(422, "sizeBytes or of is missing");
				return taggedVolume(await pools.create(pool, name, sizeBytes, pageBytes ?? PAGE_BYTES));
			},
		}),
		route({
			method: "PATCH",
			path: "/api/v1/volumes/{name}",
			summary: "Gives a volume another size or name, a quota, another history",
			body: VolumePatch,
			answers: { 200: { description: WITH_TAG, schema: Volume, tagged: true } },
			refusals: [409],
			ifMatch: "optional",
			handle: ({ name, body: { sizeBytes, shrink = false, force = false, name: to, ...keys }, header }) =>
				volumeTurns.change(name, header("if-match"), async () => {
					const change = settingsChange(keys);
					let changed = Object.keys(change).length === 0 ? undefined : await pools.set(name, change);
					if (sizeBytes !== undefined) changed = await pools.resize(name, sizeBytes, shrink, force);
					if (to !== undefined && name !== `${name.split("/")[0]}/${to}`)
						return taggedVolume(await pools.rename(name, to));
					return taggedVolume(changed ?? (await pools.volume(name)));
				}),
		}),
		route({
			method: "DELETE",
			path: "/api/v1/volumes/{name}",
			summary: "Removes a volume with all that it holds",
			answers: { 200: { description: "Its pool", schema: Pool } },
			refusals: [409],
			ifMatch: "optional",
			handle: ({ name, header }) =>
				volumeTurns.change(name, header("if-match"), async () => json(await pools.remove(name))),
		}),
	];
}

/** By what another volume or a snapshot is. */
function replacing({ pools, volumeTurns }: Inside): Route[] {
	return [
		route({
			method: "POST",
			path: "/api/v1/volumes/{name}/replace",
			summary: "Has a volume go on as another one is, which is no more; it has the snapshots of both",
			body: Replacement,
			answers: { 200: { description: WITH_TAG, schema: Volume, tagged: true } },
			refusals: [409],
			ifMatch: "optional",
			handle: ({ name, body: { by }, header }) =>
				volumeTurns.change(name, header("if-match"), async () => taggedVolume(await pools.replace(name, by))),
		}),
		route({
			method: "POST",
			path: "/api/v1/volumes/{name}/rollback",
			summary:
				"Has a volume go on as a snapshot of it is, or a moment was; how it was is kept as another snapshot",
			body: Rollback,
			answers: { 202: { description: "The job that does it", schema: Job } },
			refusals: [409],
			ifMatch: "optional",
			handle: async ({ name, body: { to, force = false }, header }) => {
				const rollBack = (): Promise<RunningJob> => pools.rollback(name, to, force);
				const { job } = await volumeTurns.change(name, header("if-match"), rollBack, ({ ended }) => ended);
				return json(job, { status: 202, headers: { location: `/api/v1/jobs/${job.id}` } });
			},
		}),
	];
}
