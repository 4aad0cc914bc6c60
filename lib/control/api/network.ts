/**
 * `/api/v1/links` and `/api/v1/initiators`: what carries the disks, and who uses them.
 */

import { z } from "zod";
import { REJECT_REASONS } from "../../aoe/stats.js";
import { type Initiator, InitiatorList, LinkList } from "../model.js";
import { latenciesOf, type ObservedInitiator } from "../observed.js";
import { json, type Route, route } from "../routes.js";
import type { Inside } from "./inside.js";
import { pageOf, paging } from "./pages.js";

const initiatorsQuery = z.strictObject({
	disk: z.string().optional().meta({ description: "Those that have used this disk alone" }),
	...paging,
});

export function networkRoutes({ observed }: Inside): Route[] {
	return [
		route({
			method: "GET",
			path: "/api/v1/links",
			summary: "All links, and what was dropped on them",
			answers: { 200: { description: "The links", schema: LinkList } },
			handle: () => json({ links: observed.links(), reasons: REJECT_REASONS } satisfies LinkList),
		}),
		route({
			method: "GET",
			path: "/api/v1/initiators",
			summary: "All initiators that were heard, the busiest first",
			query: initiatorsQuery,
			answers: { 200: { description: "The initiators", schema: InitiatorList } },
			handle: ({ query }) => {
				const { disk } = query;
				const all = observed.initiators().filter(({ disks }) => disk === undefined || disks.includes(disk));
				all.sort((one, other) => busyness(other) - busyness(one) || (one.mac < other.mac ? -1 : 1));
				const { page, total, next } = pageOf(all, query);
				return json({ initiators: page.map(shown), total, next } satisfies InitiatorList);
			},
		}),
	];
}

function busyness({ rates }: ObservedInitiator): number {
	return rates.reads + rates.writes;
}

function shown({ mac, link, disks, counters, rates, latency, lastSeenMs }: ObservedInitiator): Initiator {
	const lastSeen = lastSeenMs === null ? null : new Date(lastSeenMs).toISOString();
	return { mac, link, disks: [...disks], counters, rates, latency: latenciesOf(latency), lastSeen };
}
