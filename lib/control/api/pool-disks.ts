/** Pools on disks of the daemon, and their disks: `POST /api/v1/pools`, `/api/v1/pools/{name}/disks`; and who has those in object stores. Done by `../pool-disks.ts`. */

import { z } from "zod";
import { Job, NewPool, Pool, PoolDemotion, PoolDisk, PoolHandover, PoolTakeover } from "../model.js";
import { json, type Route, route } from "../routes.js";
import type { Inside } from "./inside.js";

const handoverQuery = z.strictObject({
	to: z
		.string()
		.min(1)
		.optional()
		.meta({ description: "Which of the hosts that wait is to have it. Default: the first that answers" }),
});

export function poolDiskRoutes({ poolDisks }: Inside): Route[] {
	return [
		route({
			method: "POST",
			path: "/api/v1/pools",
			summary: "Makes a pool on the disks, or in the object store, that the configuration names for it",
			body: NewPool,
			answers: { 201: { description: "The pool", schema: Pool } },
			refusals: [409],
			handle: async ({ body: { name, force = false } }) =>
				json(await poolDisks.make(name, force), { status: 201 }),
		}),
		...ownerRoutes(poolDisks),
		route({
			method: "POST",
			path: "/api/v1/pools/{name}/disks",
			summary: "Has one more of the disks that are configured for a pool become a part of it",
			body: PoolDisk,
			answers: { 200: { description: "The pool", schema: Pool } },
			refusals: [409],
			handle: async ({ name, body: { disk, force = false } }) => json(await poolDisks.add(name, disk, force)),
		}),
		route({
			method: "POST",
			path: "/api/v1/pools/{name}/empty",
			summary:
				"Moves what is on a disk of a pool to its other disks; then it is no part of the pool any more",
			body: PoolDisk,
			answers: {
				202: {
					description: "The job that does it; one that is cancelled leaves it where it is",
					schema: Job,
				},
			},
			refusals: [409],
			handle: async ({ name, body: { disk, force = false } }) => {
				const { job } = await poolDisks.remove(name, disk, force);
				return json(job, { status: 202, headers: { location: `/api/v1/jobs/${job.id}` } });
			},
		}),
	];
}

/** Who has a pool in an object store. */
function ownerRoutes(poolDisks: Inside["poolDisks"]): Route[] {
	return [
		route({
			method: "POST",
			path: "/api/v1/pools/{name}/takeover",
			summary: "Takes over a pool in an object store, although what another host has acknowledged is lost",
			body: PoolTakeover,
			answers: { 200: { description: "The pool", schema: Pool } },
			refusals: [409],
			handle: async ({ name, body }) =>
				json(
					await ("loseBytes" in body
						? poolDisks.takeOver(name, body.loseBytes)
						: poolDisks.forgetLost(name, body.forgetEpoch)),
				),
		}),
		route({
			method: "POST",
			path: "/api/v1/pools/{name}/promote",
			summary: "Makes a pool of its own of a replica in an object store",
			answers: { 200: { description: "The pool", schema: Pool } },
			refusals: [409],
			handle: async ({ name }) => json(await poolDisks.promote(name)),
		}),
		route({
			method: "POST",
			path: "/api/v1/pools/{name}/demote",
			summary: "Makes a replica again of a pool in an object store that was one",
			body: PoolDemotion,
			answers: { 200: { description: "The pool, as it can be read", schema: Pool } },
			refusals: [409],
			handle: async ({ name, body: { loseBytes = 0 } }) => json(await poolDisks.demote(name, loseBytes)),
		}),
		route({
			method: "POST",
			path: "/api/v1/pools/{name}/handover",
			summary:
				"Hands a pool in an object store over to a host that waits for it, or with ?to=HOST to that one",
			query: handoverQuery,
			answers: { 200: { description: "Who has it now", schema: PoolHandover } },
			refusals: [409],
			handle: async ({ name, query: { to } }) => json(await poolDisks.handOver(name, to)),
		}),
	];
}
