/**
 * `/api/v1/pools`, and what there is to know of `/api/v1/volumes`.
 */

import { z } from "zod";
import { Pool, PoolList, PoolPatch, Volume, VolumeList } from "../model.js";
import { json, type Route, route } from "../routes.js";
import { listed } from "../streamed.js";
import type { Inside } from "./inside.js";
import { flag, pageOf, paging } from "./pages.js";
import { taggedVolume } from "./tagged.js";

const now = flag(
	"With all that was written by now; else with what was trimmed, and written by the last checkpoint",
);
const listQuery = z.strictObject({
	pool: z.string().optional().meta({ description: "Those of this pool alone" }),
	search: z.string().optional().meta({ description: "Part of POOL/VOLUME, or of the name of its disk" }),
	...paging,
	now,
});
const oneQuery = z.strictObject({ now });
const volumeQuery = z.strictObject({
	now,
	snapshots: flag("false: without its snapshots, of which there may be thousands, and without an ETag"),
});

export function poolRoutes({ pools }: Inside): Route[] {
	return [
		route({
			method: "GET",
			path: "/api/v1/pools",
			summary: "All pools of the configuration",
			answers: { 200: { description: "The pools", schema: PoolList } },
			query: oneQuery,
			handle: async ({ query }) => json({ pools: await pools.all(query.now) } satisfies PoolList),
		}),
		route({
			method: "GET",
			path: "/api/v1/pools/{name}",
			summary: "All there is to know of a pool",
			answers: { 200: { description: "The pool", schema: Pool } },
			query: oneQuery,
			handle: async ({ name, query }) => json(await pools.pool(name, query.now)),
		}),
		route({
			method: "PATCH",
			path: "/api/v1/pools/{name}",
			summary: "Says that a pool's clock is right, although it has jumped",
			body: PoolPatch,
			answers: { 200: { description: "The pool", schema: Pool } },
			refusals: [409],
			handle: async ({ name, body: { clock } }) =>
				json(await (clock === undefined ? pools.pool(name) : pools.trustClock(name))),
		}),
		route({
			method: "GET",
			path: "/api/v1/volumes",
			summary: "The volumes of all pools, or of one",
			query: listQuery,
			answers: { 200: { description: "The volumes", schema: VolumeList } },
			handle: async ({ query }) => {
				const { volumes, wrong } = await pools.volumes(query.pool, query.now);
				const { search } = query;
				const found = volumes.filter(
					({ pool, name, disk }) =>
						search === undefined || `${pool}/${name}`.includes(search) || disk?.includes(search),
				);
				const { page, total, next } = pageOf(found, query);
				return listed({ volumes: page, total, next, wrong } satisfies VolumeList, "volumes");
			},
		}),
		route({
			method: "GET",
			path: "/api/v1/volumes/{name}",
			summary: "All there is to know of a volume: its name is POOL/VOLUME, with %2F between",
			answers: { 200: { description: "The volume, with its ETag", schema: Volume, tagged: true } },
			query: volumeQuery,
			handle: async ({ name, query: { now, snapshots = true } }) =>
				snapshots ? taggedVolume(await pools.volume(name, now)) : json(await pools.summary(name, now)),
		}),
	];
}
