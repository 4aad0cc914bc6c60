/**
 * `/api/v1/links` and `/api/v1/initiators`: what carries the disks, and who uses them.
 */

import { z } from "zod";
import { REJECT_REASONS } from "../../aoe/stats.js";
import { type Initiator, InitiatorList, LinkList } from "../model.js";
import { initiatorOn, latenciesOf, type ObservedInitiator } from "../observed.js";
import { json, type Route, route } from "../routes.js";
import type { Inside } from "./inside.js";
import { pageOf, paging } from "./pages.js";

/** Of the target, and of the link itself. */
const REASONS: Readonly<Record<string, string>> = {
	...REJECT_REASONS,
	ring: "lost before they were looked at: they came faster than they were taken",
	queue: "answers that could not leave",
};

const initiatorsQuery = z.strictObject({
	disk: z.string().optional().meta({
		description:
			"Those that have used this disk alone, with what they do on it: their other disks don't count",
	}),
	...paging,
});

export function networkRoutes({ observed, speeds }: Inside): Route[] {
	return [
		route({
			method: "GET",
			path: "/api/v1/links",
			summary: "All links, and what was dropped on them",
			answers: { 200: { description: "The links", schema: LinkList } },
			handle: async () => {
				const known = await speeds();
				const links = observed
					.links()
					.map((link) => ({ ...link, speedBitsPerSecond: known.get(link.name) ?? link.speedBitsPerSecond }));
				return json({ links, reasons: REASONS } satisfies LinkList);
			},
		}),
		route({
			method: "GET",
			path: "/api/v1/initiators",
			summary:
				"All initiators that were heard by AoE, the busiest first; figures are of all their disks on a link. Clients of NBD and sessions of iSCSI are with their disks",
			query: initiatorsQuery,
			answers: { 200: { description: "The initiators", schema: InitiatorList } },
			handle: ({ query }) => {
				const { disk } = query;
				const all = observed
					.initiators()
					.filter(({ figures: { disks } }) => disk === undefined || disks.includes(disk))
					.map((each) => (disk === undefined ? each : initiatorOn(each, disk)));
				all.sort(
					(one, other) => busyness(other) - busyness(one) || (one.figures.mac < other.figures.mac ? -1 : 1),
				);
				const { page, total, next } = pageOf(all, query);
				return json({ initiators: page.map(shown), total, next } satisfies InitiatorList);
			},
		}),
	];
}

export function busyness({ rates }: ObservedInitiator): number {
	return rates.reads + rates.writes;
}

function shown({ figures, rates }: ObservedInitiator): Initiator {
	const { mac, link, disks, counters, latency, lastSeenMs } = figures;
	const lastSeen = lastSeenMs === null ? null : new Date(lastSeenMs).toISOString();
	return { mac, link, disks: [...disks], counters, rates, latency: latenciesOf(latency), lastSeen };
}
