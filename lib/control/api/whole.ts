/**
 * What concerns all of vblade: status, configuration, reload, jobs, whether it lives and is ready, metrics.
 */

import { z } from "zod";
import { OperatorError } from "../../errors.js";
import { dumpOf } from "../../spec/dump.js";
import { TLS_REFUSALS_TOLD } from "../../spec/ranges.js";
import { quote } from "../../text.js";
import { METRICS_TYPE, metricsText } from "../metrics.js";
import { Configuration, Job, JobList, type Process, Status, type TlsRefusals } from "../model.js";
import { latenciesOf } from "../observed.js";
import { stepsOf } from "../plan.js";
import { poolMetrics } from "../pool-looks.js";
import { Refusal } from "../problem.js";
import { json, type Route, route } from "../routes.js";
import type { Look } from "../seams.js";
import { streamOf } from "../streamed.js";
import type { Inside } from "./inside.js";
import { iscsiOf } from "./iscsi.js";
import { busyness } from "./network.js";
import { flag, wholeNumber } from "./pages.js";
import { problemsOf } from "./problems.js";

const PROBLEMS_MAX = 20;
/** Who has asked for nothing for so long is not counted as an initiator. */
const RECENT_MS = 60_000;

export function wholeRoutes(inside: Inside): Route[] {
	return [
		...healthRoutes(inside),
		statusRoute(inside),
		metricsRoute(inside),
		...configurationRoutes(inside),
		...jobRoutes(inside),
	];
}

const plain = (body: string): Response =>
	new Response(`${body}\n`, {
		headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" },
	});

function healthRoutes({ desired, workers }: Inside): Route[] {
	return [
		route({
			method: "GET",
			path: "/livez",
			summary: "Whether this process answers",
			answers: { 200: { description: "It does", mediaType: "text/plain" } },
			handle: () => plain("ok"),
		}),
		route({
			method: "GET",
			path: "/readyz",
			summary:
				"Whether all workers answer, and every disk has been served, or has been found to be broken, since the start",
			answers: { 200: { description: "They do, and have", mediaType: "text/plain" } },
			handle: () => {
				const [silent] = workers.troubles();
				if (silent !== undefined) throw new Refusal(503, silent);
				const opening = desired.stewards().filter(({ state }) => state === "opening").length;
				if (opening > 0) throw new Refusal(503, `${opening} disks are still being opened`);
				return plain("ok");
			},
		}),
	];
}

function statusRoute(inside: Inside): Route {
	return route({
		method: "GET",
		path: "/api/v1/status",
		summary: "All of vblade at a glance",
		answers: { 200: { description: "Processes, configuration, counts, rates", schema: Status } },
		handle: async () => json(statusOf(inside, await inside.processes())),
	});
}

function statusOf(inside: Inside, processes: readonly Process[]): Status {
	const { desired, observed } = inside;
	const states = desired.stewards().map(({ state }) => state);
	const count = (wanted: string): number => states.filter((state) => state === wanted).length;
	const problems = problemsOf(inside);
	const [clients, iscsi] = [nbdClients(inside), iscsiOf(inside)];
	return {
		version: inside.version,
		since: new Date(inside.sinceMs).toISOString(),
		health: problems.length > 0 ? "degraded" : count("opening") > 0 ? "starting" : "ok",
		problems: problems.slice(0, PROBLEMS_MAX),
		processes: [...processes],
		configuration: {
			files: filesOf(inside).map(({ path }) => path),
			lastReload: desired.lastReload,
			restartNeeded: [...inside.restartNeeded()],
		},
		counts: {
			disks: states.length,
			open: count("open"),
			failed: count("failed"),
			waiting: count("waiting"),
			fenced: count("fenced"),
			links: observed.links().length,
			initiators: heardLately(inside) + clients + iscsi.sessions,
			nbdClients: clients,
			pools: desired.config.pools.length,
			...inside.machines.counts(),
		},
		nbdTls: refusalsIn(observed.looks()),
		iscsi,
		rates: observed.rates,
		latency: latenciesOf(observed.latency),
	};
}

function filesOf({ desired: { wish } }: Inside): { path: string; text: string }[] {
	return [...wish.sources.files, ...wish.sources.debian];
}

/** Initiators of AoE: there is nothing but their requests to tell who is there. */
function heardLately({ observed, now }: Inside): number {
	const since = now() - RECENT_MS;
	return observed.initiators().filter(({ figures: { lastSeenMs } }) => (lastSeenMs ?? 0) >= since).length;
}

function nbdClients({ desired, observed }: Inside): number {
	return desired
		.stewards()
		.reduce((sum, { disk: { name } }) => sum + (observed.disk(name)?.view?.nbd?.clientCount ?? 0), 0);
}

/** Of all workers. */
function refusalsIn(looks: readonly Look[]): TlsRefusals {
	const all = looks.map(({ nbdTls }) => nbdTls);
	const latest = all.flatMap((each) => each.latest).sort((one, other) => other.at.localeCompare(one.at));
	return {
		count: all.reduce((sum, { count }) => sum + count, 0),
		latest: latest.slice(0, TLS_REFUSALS_TOLD),
	};
}

const metricsQuery = z.strictObject({
	initiators: wholeNumber(1000, "So many of the busiest initiators, one by one; default: none").optional(),
	histograms: flag("A latency histogram of each disk instead of one of all; default: [http] disk_histograms"),
});

function metricsRoute(inside: Inside): Route {
	return route({
		method: "GET",
		path: "/metrics",
		summary: "Metrics for Prometheus and its like",
		query: metricsQuery,
		answers: { 200: { description: "OpenMetrics 1.0", mediaType: METRICS_TYPE } },
		handle: async ({ query: { histograms, initiators = 0 } }) => {
			const { desired, observed, state, version, workers } = inside;
			const { lastReload } = desired;
			const { sessions, ...iscsi } = iscsiOf(inside);
			const text = metricsText({
				version,
				nowMs: inside.now(),
				disks: desired.stewards().map(({ disk: { name }, state }) => {
					const { figures, view } = observed.disk(name) ?? {};
					const silenced = view?.aoe?.silenced.map(({ netif }) => netif) ?? [];
					return {
						name,
						state,
						sizeBytes: view?.sizeBytes ?? null,
						silenced,
						nbd: view?.nbd ?? null,
						iscsi: view?.iscsi ?? null,
						remote: view?.remote ?? null,
						parts: view?.parts ?? null,
						figures,
					};
				}),
				templates: inside.machines.templates(),
				pools: await poolMetrics(inside.workers, desired.config.pools, (path) =>
					inside.poolKeeping.known(path),
				),
				nbdTlsRefused: refusalsIn(observed.looks()).count,
				iscsi,
				links: observed.links(),
				initiators: heardLately(inside) + nbdClients(inside) + sessions,
				named: observed
					.initiators()
					.sort((one, other) => busyness(other) - busyness(one))
					.slice(0, initiators)
					.map(({ figures }) => figures),
				processes: await inside.processes(),
				answers: workers.answers(),
				latency: observed.latency,
				histograms: histograms ?? desired.config.http.diskHistograms,
				isStateKept: state.wrong === null,
				lastReload: lastReload
					? { ok: lastReload.ok, atMs: Date.parse(lastReload.at), okAtMs: desired.lastGoodMs }
					: undefined,
			});
			return new Response(streamOf(text), {
				headers: { "content-type": METRICS_TYPE, "cache-control": "no-store" },
			});
		},
	});
}

function configurationRoutes(inside: Inside): Route[] {
	return [
		route({
			method: "GET",
			path: "/api/v1/config",
			summary: "The files, what is running, and what a reload would do",
			answers: { 200: { description: "The configuration", schema: Configuration } },
			handle: async ({ trusted }) => json(await configurationOf(inside, trusted)),
		}),
		route({
			method: "POST",
			path: "/api/v1/reload",
			summary:
				"Reads the files again and makes what they say so: all of it, or, if they have an error, nothing",
			answers: { 202: { description: "The job that does it", schema: Job } },
			handle: () => {
				const { job } = inside.desired.reload();
				return json(job, { status: 202, headers: { location: `/api/v1/jobs/${job.id}` } });
			},
		}),
	];
}

async function configurationOf({ desired }: Inside, trusted: boolean): Promise<Configuration> {
	const running = dumpOf(desired.config);
	const shown = (files: readonly { path: string; text: string }[]) =>
		files.map(({ path, text }) => ({ path, text: trusted ? text : null }));
	try {
		const { wish, config, difference } = await desired.foresee();
		return {
			files: shown([...wish.sources.files, ...wish.sources.debian]),
			running,
			differences: stepsOf(difference),
			errors: [],
			warnings: config.warnings.map(({ message }) => message),
		};
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		const { files, debian } = desired.wish.sources;
		const errors = error.message.split("\n");
		return { files: shown([...files, ...debian]), running, differences: [], errors, warnings: [] };
	}
}

function jobRoutes({ jobs }: Inside): Route[] {
	return [
		route({
			method: "GET",
			path: "/api/v1/jobs",
			summary: "What was asked for and took its time, latest first",
			answers: { 200: { description: "The jobs", schema: JobList } },
			handle: () => json({ jobs: jobs.all() } satisfies JobList),
		}),
		route({
			method: "GET",
			path: "/api/v1/jobs/{name}",
			summary: "How far a job is",
			answers: { 200: { description: "The job", schema: Job } },
			handle: ({ name }) => {
				const job = jobs.get(name);
				if (job === undefined) throw new Refusal(404, `job ${quote(name)}: there is none of this name`);
				return json(job.job);
			},
		}),
		route({
			method: "DELETE",
			path: "/api/v1/jobs/{name}",
			summary: "Cancels a job: it ends soon, and what it has done stays",
			answers: { 202: { description: "The job", schema: Job } },
			refusals: [409],
			handle: ({ name }) => {
				const job = jobs.get(name);
				if (job === undefined) throw new Refusal(404, `job ${quote(name)}: there is none of this name`);
				if (!job.cancel()) throw new Refusal(409, `job ${quote(name)}: can't be cancelled`);
				return json(job.job, { status: 202 });
			},
		}),
	];
}
