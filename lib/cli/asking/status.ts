/**
 * `vblade status`: what is served, by whom it is used, what is wrong. Called by `commands.ts`.
 */

import {
	type DiskList,
	type Initiator,
	InitiatorList,
	type Latencies,
	type Link,
	LinkList,
	type Process,
	Status,
} from "../../control/model.js";
import { counted, oneLine, sizeText } from "../../text.js";
import { type Output, processOutput, putJson } from "../client.js";
import { asking, queryOf } from "./asking.js";
import type { DaemonClient } from "./client.js";
import {
	type Column,
	latencyText,
	linesText,
	NONE,
	orNone,
	pairLines,
	rateText,
	sizeOrNone,
	tableLines,
} from "./columns.js";
import { allDisks, COLUMNS, someDisks } from "./disks.js";
import { STATUS } from "./options.js";

/** More than that are told by their number. */
const SHOWN = 20;
const INITIATORS_MAX = 10_000;

export async function statusCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	return asking(STATUS, argv, output, async ({ daemon, json }) => {
		if (json) putJson(output, await everything(daemon));
		else output.out(linesText(await glance(daemon)));
		return 0;
	});
}

async function everything(daemon: DaemonClient): Promise<object> {
	const { disks } = await allDisks(daemon);
	const { links } = await daemon.get("/api/v1/links", LinkList);
	const { initiators } = await initiatorsOf(daemon, INITIATORS_MAX);
	const status = await daemon.get("/api/v1/status", Status);
	if (status.counts.pools === 0) return { ...status, disks, links, initiators, pools: [], volumes: [] };
	const { allPools, allVolumes } = await import("../pools/in-daemon.js");
	const { pools } = await allPools(daemon);
	const { volumes } = await allVolumes(daemon, undefined);
	return { ...status, disks, links, initiators, pools, volumes };
}

async function glance(daemon: DaemonClient): Promise<string[]> {
	const [status, disks, { links }, users] = await Promise.all([
		daemon.get("/api/v1/status", Status),
		someDisks(daemon, {}, 0, SHOWN),
		daemon.get("/api/v1/links", LinkList),
		initiatorsOf(daemon, SHOWN),
	]);
	return [
		...pairLines(factsOf(status)),
		...status.problems.map((problem) => `! ${oneLine(problem)}`),
		"",
		...tableLines(PROCESS_COLUMNS, status.processes),
		...diskLines(disks),
		...(status.counts.pools === 0 ? [] : await poolLinesOf(daemon)),
		...section(tableLines(LINK_COLUMNS, links), links.length),
		...section(tableLines(INITIATOR_COLUMNS, users.initiators), users.total),
		...more(users.total, "initiator", "--json has all"),
	];
}

function initiatorsOf(daemon: DaemonClient, limit: number): Promise<InitiatorList> {
	return daemon.get(`/api/v1/initiators?${queryOf({ limit })}`, InitiatorList);
}

function diskLines({ disks, total }: DiskList): string[] {
	return [...section(tableLines(COLUMNS, disks), total), ...more(total, "disk", "vblade disk ls has all")];
}

/** Pools with their space, and volumes with how far back they go. */
async function poolLinesOf(daemon: DaemonClient): Promise<string[]> {
	const { allPools, POOL_COLUMNS, someVolumes, VOLUME_COLUMNS } = await import("../pools/in-daemon.js");
	const [{ pools }, { volumes, total }] = await Promise.all([allPools(daemon), someVolumes(daemon, SHOWN)]);
	return [
		...section(tableLines(called("POOL", POOL_COLUMNS), pools), pools.length),
		...section(tableLines(called("VOLUME", VOLUME_COLUMNS), volumes), total),
		...more(total, "volume", "vblade volume ls has all"),
	];
}

/** Of a list among others, what its rows are. */
function called<Row>(title: string, [first, ...others]: readonly Column<Row>[]): Column<Row>[] {
	return first === undefined ? [] : [{ ...first, title }, ...others];
}

function section(lines: readonly string[], total: number): string[] {
	return total === 0 ? [] : ["", ...lines];
}

/** Nothing is left out without a word. */
function more(total: number, what: string, where: string): string[] {
	return total > SHOWN ? [`and ${counted(total - SHOWN, `more ${what}`)}: ${where}`] : [];
}

/** Nothing of what is not used. */
function iscsiFacts(iscsi: Status["iscsi"]): (readonly [string, string])[] {
	const { sessions, refusals, latest, errors, headerDigestErrors, dataDigestErrors } = iscsi;
	const counts = (all: Readonly<Record<string, number>>): string =>
		Object.entries(all)
			.filter(([, count]) => count > 0)
			.map(([what, count]) => `${what} ${count}`)
			.join(", ");
	const [last] = latest;
	// (Each initiator is told some when it logs in, and whenever a disk changes.)
	const { "unit attention": _, ...others } = errors;
	const failures = counts(others);
	const digests = counts({ headers: headerDigestErrors, data: dataDigestErrors });
	return [
		...(sessions > 0 ? ([["iscsi sessions", String(sessions)]] as const) : []),
		...(last === undefined
			? []
			: ([
					["iscsi refused", counts(refusals)],
					["iscsi refused", `last ${last.initiator ?? last.peer} at ${last.at}: ${last.why}`],
				] as const)),
		...(failures === "" ? [] : ([["iscsi errors", failures]] as const)),
		...(digests === "" ? [] : ([["iscsi wrong digests", digests]] as const)),
	];
}

function factsOf(status: Status): (readonly [string, string])[] {
	const { version, since, health, configuration, counts, nbdTls, iscsi, rates, latency } = status;
	const states = [
		`${counts.open} open`,
		...(counts.failed > 0 ? [`${counts.failed} failed`] : []),
		...(counts.waiting > 0 ? [`${counts.waiting} waiting`] : []),
		...(counts.fenced > 0 ? [`${counts.fenced} fenced`] : []),
	].join(", ");
	const { lastReload, restartNeeded, files } = configuration;
	return [
		["vblade", `${version}, ${health}, since ${since}`],
		["disks", `${counts.disks}: ${states}`],
		["links", String(counts.links)],
		["initiators", `${counts.initiators} connected, or heard in the last minute`],
		...(counts.nbdClients > 0 ? ([["nbd clients", String(counts.nbdClients)]] as const) : []),
		...nbdTls.latest
			.slice(0, 1)
			.map(
				({ at, peer, why }) => ["nbd tls", `refused ${nbdTls.count}, last ${peer} at ${at}: ${why}`] as const,
			),
		...iscsiFacts(iscsi),
		...(counts.machines > 0
			? ([["machines", `${counts.machines}: ${counts.activeMachines} active`]] as const)
			: []),
		["reads", loadText(rates.reads, rates.readBytes, latency.read)],
		["writes", loadText(rates.writes, rates.writtenBytes, latency.write)],
		["files", files.join(", ") || NONE],
		["last reload", lastReload === null ? NONE : `${lastReload.at}, ${lastReload.ok ? "done" : "failed"}`],
		...(restartNeeded.length > 0 ? ([["from the next start", restartNeeded.join(", ")]] as const) : []),
	];
}

function loadText(count: number, bytes: number, latency: Latencies["read"]): string {
	const took = latency
		? `; since the start p50 ${latencyText(latency.p50)}, p99 ${latencyText(latency.p99)}, p99.9 ${latencyText(latency.p999)}`
		: "";
	return `${rateText(count)}/s, ${sizeText(bytes)}/s${took}`;
}

const PROCESS_COLUMNS: readonly Column<Process>[] = [
	{ title: "PROCESS", text: ({ kind, index }) => `${kind} ${index}` },
	{ title: "PID", isNumber: true, text: ({ pid }) => orNone(pid === null ? null : String(pid)) },
	{ title: "RESTARTS", isNumber: true, text: ({ restarts }) => String(restarts) },
	{
		title: "CPU",
		isNumber: true,
		text: ({ cpuSeconds }) => (cpuSeconds === null ? NONE : `${cpuSeconds.toFixed(1)}s`),
	},
	{ title: "MEMORY", isNumber: true, text: ({ residentBytes }) => sizeOrNone(residentBytes) },
	{ title: "SINCE", text: ({ since }) => orNone(since) },
];

/** `10Gbit/s`: of links powers of ten. */
function speedText(bitsPerSecond: number | null): string {
	if (bitsPerSecond === null) return NONE;
	return bitsPerSecond >= 1e9 ? `${bitsPerSecond / 1e9}Gbit/s` : `${bitsPerSecond / 1e6}Mbit/s`;
}

const LINK_COLUMNS: readonly Column<Link>[] = [
	{ title: "STATE", text: ({ state }) => state },
	{ title: "MAC", text: ({ mac }) => orNone(mac) },
	{ title: "MTU", isNumber: true, text: ({ mtu }) => orNone(mtu === null ? null : String(mtu)) },
	{ title: "SPEED", isNumber: true, text: ({ speedBitsPerSecond }) => speedText(speedBitsPerSecond) },
	{ title: "DISKS", isNumber: true, text: ({ disks }) => String(disks) },
	{ title: "IN/S", isNumber: true, text: ({ framesInPerSecond }) => rateText(framesInPerSecond) },
	{ title: "OUT/S", isNumber: true, text: ({ framesOutPerSecond }) => rateText(framesOutPerSecond) },
	{
		title: "DROPPED",
		isNumber: true,
		text: ({ dropped }) => String(Object.values(dropped).reduce((sum, count) => sum + count, 0)),
	},
	{ title: "LINK", text: ({ name, reason }) => (reason === null ? name : `${name} (${reason})`) },
];

const INITIATOR_COLUMNS: readonly Column<Initiator>[] = [
	{ title: "INITIATOR", text: ({ mac }) => mac },
	{ title: "R/S", isNumber: true, text: ({ rates }) => rateText(rates.reads) },
	{ title: "W/S", isNumber: true, text: ({ rates }) => rateText(rates.writes) },
	{ title: "READ P99", isNumber: true, text: ({ rates }) => latencyText(rates.readP99) },
	{ title: "WRITE P99", isNumber: true, text: ({ rates }) => latencyText(rates.writeP99) },
	{ title: "RESENDS", isNumber: true, text: ({ counters }) => String(counters.resends) },
	{ title: "LAST REQUEST", text: ({ lastSeen }) => orNone(lastSeen) },
	{ title: "DISKS", isNumber: true, text: ({ disks }) => String(disks.length) },
	{ title: "LINK", text: ({ link }) => link },
];
