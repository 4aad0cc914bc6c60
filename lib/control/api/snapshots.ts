/**
 * `/api/v1/snapshots`: names for what volumes were at a moment. What can be done is for `../pools.ts` to say.
 */

import { z } from "zod";
import { NamedSnapshot, NewSnapshots, SnapshotList, SnapshotPatch, Volume } from "../model.js";
import { type Route, route } from "../routes.js";
import { listed } from "../streamed.js";
import type { Inside } from "./inside.js";
import { PAGE, paging } from "./pages.js";
import { taggedSnapshot, taggedVolume } from "./tagged.js";

const listQuery = z.strictObject({
	pool: z.string().optional().meta({ description: "Those of this pool alone" }),
	volume: z.string().optional().meta({ description: "Those of this volume alone: POOL/VOLUME" }),
	...paging,
});

export function snapshotRoutes({ pools, volumeTurns }: Inside): Route[] {
	return [
		route({
			method: "GET",
			path: "/api/v1/snapshots",
			summary: "The snapshots of all volumes, or of those of one pool, or of one",
			query: listQuery,
			answers: { 200: { description: "The snapshots", schema: SnapshotList } },
			handle: async ({ query }) => {
				const { offset = 0, limit = PAGE } = query;
				const { snapshots, total } = await pools.snapshots(query, offset, limit);
				const end = offset + limit;
				const next = end < total ? String(end) : null;
				return listed({ snapshots, total, next } satisfies SnapshotList, "snapshots");
			},
		}),
		route({
			method: "POST",
			path: "/api/v1/snapshots",
			summary: "Names what volumes of one pool are now, all at the same moment",
			body: NewSnapshots,
			answers: { 200: { description: "The snapshots", schema: SnapshotList } },
			handle: async ({ body }) => {
				const taken = await pools.takeSnapshots(body.names, body.from);
				const { length: total } = taken.snapshots;
				return listed({ ...taken, total, next: null } satisfies SnapshotList, "snapshots");
			},
		}),
		route({
			method: "GET",
			path: "/api/v1/snapshots/{name}",
			summary: "A snapshot: its name is POOL/VOLUME@SNAPSHOT, with %2F and %40",
			answers: { 200: { description: "The snapshot, with its ETag", schema: NamedSnapshot, tagged: true } },
			handle: async ({ name }) => taggedSnapshot(await pools.snapshot(name)),
		}),
		route({
			method: "PATCH",
			path: "/api/v1/snapshots/{name}",
			summary: "Holds or releases a snapshot: its name is POOL/VOLUME@SNAPSHOT, with %2F and %40",
			body: SnapshotPatch,
			answers: { 200: { description: "Its volume, with the ETag of that", schema: Volume, tagged: true } },
			ifMatch: "optional",
			handle: ({ name, body, header }) =>
				volumeTurns.change(name, header("if-match"), async () =>
					taggedVolume(await pools.hold(name, body.held)),
				),
		}),
		route({
			method: "DELETE",
			path: "/api/v1/snapshots/{name}",
			summary: "Removes a snapshot; clones of it stay as they are",
			answers: { 200: { description: "Its volume, with the ETag of that", schema: Volume, tagged: true } },
			refusals: [409],
			ifMatch: "optional",
			handle: ({ name, header }) =>
				volumeTurns.change(name, header("if-match"), async () => taggedVolume(await pools.forget(name))),
		}),
	];
}
