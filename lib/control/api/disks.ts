/**
 * `/api/v1/disks`: what is served, one by one and in lists; adding, changing, removing and fencing. Handlers are short: `Changes` knows
 * what a change comes to, `Shower` what a disk looks like.
 */

import { z } from "zod";
import { quote } from "../../text.js";
import type { Terms } from "../changes.js";
import { DiskHistory } from "../history.js";
import { diskName } from "../model/units.js";
import {
	Changed,
	DISK_STATES,
	Disk,
	DiskList,
	DiskPatch,
	type DiskState,
	type DiskSummary,
	History,
	NewDisk,
	Plan,
	WINDOWS,
	type Window,
} from "../model.js";
import { Refusal } from "../problem.js";
import { json, type Route, route } from "../routes.js";
import type { Steward } from "../steward.js";
import type { Inside } from "./inside.js";
import { flag, pageOf, paging } from "./pages.js";

const SORTS = {
	name: null,
	latency: ({ rates }: DiskSummary) => Math.max(rates.readP99 ?? 0, rates.writeP99 ?? 0),
	reads: ({ rates }: DiskSummary) => rates.reads,
	writes: ({ rates }: DiskSummary) => rates.writes,
	operations: ({ rates }: DiskSummary) => rates.reads + rates.writes,
	bandwidth: ({ rates }: DiskSummary) => rates.readBytes + rates.writtenBytes,
	errors: ({ errors }: DiskSummary) => errors,
	queue: ({ underWay }: DiskSummary) => underWay,
	size: ({ sizeBytes }: DiskSummary) => sizeBytes ?? 0,
} as const;
type Sort = keyof typeof SORTS;

const listQuery = z.strictObject({
	search: z.string().optional().meta({ description: "Part of the name, the storage or an address" }),
	state: z
		.enum(Object.keys(DISK_STATES) as [DiskState, ...DiskState[]])
		.optional()
		.meta({ description: "Those in this state alone" }),
	sort: z
		.enum(Object.keys(SORTS) as [Sort, ...Sort[]])
		.optional()
		.meta({
			description:
				"By what; the highest first, names in alphabetical order. Default: as in the configuration",
		}),
	...paging,
});
const dryRun = z.strictObject({ dry_run: flag("Say what will be done, and do nothing") });
const historyQuery = z.strictObject({
	window: z
		.enum(Object.keys(WINDOWS) as [Window, ...Window[]])
		.optional()
		.meta({
			description: `${Object.entries(WINDOWS)
				.map(([name, help]) => `${name}: ${help}`)
				.join("; ")}. Default 5m`,
		}),
});

const WANTS_TAG = "The disk, with its ETag";

export function diskRoutes(inside: Inside): Route[] {
	return [...looking(inside), ...changing(inside), ...fencing(inside)];
}

function find({ desired }: Inside, name: string): Steward {
	const steward = desired.steward(name);
	if (steward === undefined) throw new Refusal(404, `disk ${quote(name)}: there is none of this name`);
	return steward;
}

function shownDisk(inside: Inside, steward: Steward): Response {
	return json(inside.shower.disk(steward), { headers: { etag: inside.changes.tagOf(steward) } });
}

function looking(inside: Inside): Route[] {
	return [
		route({
			method: "GET",
			path: "/api/v1/disks",
			summary: "All disks, a row each",
			query: listQuery,
			answers: { 200: { description: "The rows", schema: DiskList } },
			handle: ({ query }) => json(listed(inside, query)),
		}),
		route({
			method: "GET",
			path: "/api/v1/disks/{name}",
			summary: "All there is to know of a disk",
			answers: { 200: { description: WANTS_TAG, schema: Disk, tagged: true } },
			handle: ({ name }) => shownDisk(inside, find(inside, name)),
		}),
		route({
			method: "GET",
			path: "/api/v1/disks/{name}/history",
			summary: "The past of a disk: rates, latencies, heat map",
			query: historyQuery,
			answers: { 200: { description: "Columns of equal length", schema: History } },
			handle: ({ name, query }) => {
				find(inside, name);
				const nowSecond = Math.floor(inside.now() / 1000);
				const startSecond = Math.floor(inside.observed.startedMs / 1000);
				const history = inside.observed.disk(name)?.history ?? new DiskHistory(startSecond);
				return json(history.show(name, query.window ?? "5m", nowSecond));
			},
		}),
	];
}

function listed({ desired, shower }: Inside, query: z.output<typeof listQuery>): DiskList {
	const { search, state, sort } = query;
	const rows: DiskSummary[] = [];
	for (const steward of desired.stewards()) {
		const row = shower.summary(steward);
		if (state !== undefined && row.state !== state) continue;
		if (
			search !== undefined &&
			![row.name, row.storage, ...row.addresses].some((text) => text.includes(search))
		)
			continue;
		rows.push(row);
	}
	if (sort !== undefined) {
		const key = SORTS[sort];
		rows.sort((one, other) =>
			key === null
				? one.name < other.name
					? -1
					: 1
				: key(other) - key(one) || (one.name < other.name ? -1 : 1),
		);
	}
	const { page, total, next } = pageOf(rows, query);
	return { disks: page, total, next };
}

type Asked = { query: { dry_run?: boolean | undefined }; header(name: string): string | undefined };

const termsOf = ({ query, header }: Asked): Terms => ({
	ifMatch: header("if-match"),
	dryRun: query.dry_run === true,
});

function changing(inside: Inside): Route[] {
	const { changes } = inside;
	const answers = {
		200: { description: "With `dry_run`: what would be done", schema: Plan },
		202: { description: "What is being done, and the job that does it", schema: Changed },
	};
	return [
		route({
			method: "POST",
			path: "/api/v1/disks",
			summary: "Adds a disk; it is kept in runtime.toml",
			query: dryRun,
			body: z.looseObject({ name: diskName }),
			bodyForm: NewDisk,
			answers,
			refusals: [409],
			handle: async (call) => {
				const { name, ...settings } = call.body;
				return changed(inside, name, termsOf(call), (terms) => changes.add(name, settings, terms));
			},
		}),
		route({
			method: "PATCH",
			path: "/api/v1/disks/{name}",
			summary: "Changes a disk: a JSON merge patch (RFC 7396) of its settings",
			query: dryRun,
			body: DiskPatch,
			answers,
			ifMatch: "required",
			handle: async (call) =>
				changed(inside, call.name, termsOf(call), (terms) => changes.patch(call.name, call.body, terms)),
		}),
		route({
			method: "DELETE",
			path: "/api/v1/disks/{name}",
			summary: "Removes a disk: requests under way are finished first",
			query: dryRun,
			answers,
			ifMatch: "required",
			handle: async (call) =>
				changed(inside, call.name, termsOf(call), (terms) => changes.remove(call.name, terms)),
		}),
	];
}

async function changed(
	inside: Inside,
	name: string,
	terms: Terms,
	change: (terms: Terms) => ReturnType<Inside["changes"]["add"]>,
): Promise<Response> {
	const { plan, job } = await change(terms);
	if (job === undefined) return json(plan);
	const steward = inside.desired.steward(name);
	const body: Changed = { plan, disk: steward ? inside.shower.disk(steward) : null, job };
	const tag = steward ? { etag: inside.changes.tagOf(steward) } : {};
	return json(body, { status: 202, headers: { location: `/api/v1/jobs/${job}`, ...tag } });
}

function fencing(inside: Inside): Route[] {
	return (["fence", "unfence"] as const).map((verb) =>
		route({
			method: "POST",
			path: `/api/v1/disks/{name}/${verb}`,
			summary:
				verb === "fence" ? "Nobody is answered any more; the disk stays open" : "All are answered again",
			query: dryRun,
			answers: { 200: { description: WANTS_TAG, schema: Disk, tagged: true } },
			ifMatch: "optional",
			handle: async (call) =>
				shownDisk(inside, await inside.changes.fence(call.name, verb === "fence", termsOf(call))),
		}),
	);
}
