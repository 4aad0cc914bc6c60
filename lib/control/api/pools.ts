/**
 * `/api/v1/pools`, and what there is to know of `/api/v1/volumes`.
 */

import { z } from "zod";
import { Pool, PoolList, Volume, VolumeList } from "../model.js";
import { json, type Route, route } from "../routes.js";
import type { Inside } from "./inside.js";
import { pageOf, paging } from "./pages.js";
import { taggedVolume } from "./tagged.js";

const listQuery = z.strictObject({
	pool: z.string().optional().meta({ description: "Those of this pool alone" }),
	...paging,
});

export function poolRoutes({ pools }: Inside): Route[] {
	return [
		route({
			method: "GET",
			path: "/api/v1/pools",
			summary: "All pools of the configuration",
			answers: { 200: { description: "The pools", schema: PoolList } },
			handle: async () => json({ pools: await pools.all() } satisfies PoolList),
		}),
		route({
			method: "GET",
			path: "/api/v1/pools/{name}",
			summary: "All there is to know of a pool",
			answers: { 200: { description: "The pool", schema: Pool } },
			handle: async ({ name }) => json(await pools.pool(name)),
		}),
		route({
			method: "GET",
			path: "/api/v1/volumes",
			summary: "The volumes of all pools, or of one",
			query: listQuery,
			answers: { 200: { description: "The volumes", schema: VolumeList } },
			handle: async ({ query }) => {
				const { volumes, wrong } = await pools.volumes(query.pool);
				const { page, total, next } = pageOf(volumes, query);
				return json({ volumes: page, total, next, wrong } satisfies VolumeList);
			},
		}),
		route({
			method: "GET",
			path: "/api/v1/volumes/{name}",
			summary: "All there is to know of a volume: its name is POOL/VOLUME, with %2F between",
			answers: { 200: { description: "The volume, with its ETag", schema: Volume, tagged: true } },
			handle: async ({ name }) => taggedVolume(await pools.volume(name)),
		}),
	];
}
