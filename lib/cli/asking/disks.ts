/**
 * `vblade disk ls` and `vblade disk show`: what is served, in a list and one by one. Called by `commands.ts`; also how other commands
 * of this folder ask for disks.
 */

import {
	DISK_STATES,
	Disk,
	DiskList,
	type DiskState,
	type DiskSummary,
	type MirroredPart,
} from "../../control/model.js";
import { readDiskName } from "../../spec/schema.js";
import { sizeText } from "../../text.js";
import { type Output, processOutput, putJson } from "../client.js";
import { asking, queryOf, readWord } from "./asking.js";
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
import { DISK_LS, DISK_SHOW } from "./options.js";
import { accessFacts, iscsiFacts, nbdFacts, type Pair, some } from "./stream-facts.js";

const PAGE = 1000;

/** By what a list can be sorted. */
export const SORTS = ["name", "reads", "writes", "latency", "errors"] as const;
export type Sort = (typeof SORTS)[number];

export interface Selection {
	readonly search?: string | undefined;
	readonly state?: DiskState | undefined;
	readonly sort?: Sort | undefined;
}

export const COLUMNS: readonly Column<DiskSummary>[] = [
	{ title: "NAME", text: ({ name }) => name },
	{ title: "STATE", text: ({ state }) => state },
	{ title: "ADDRESS", text: ({ addresses }) => orNone(addresses.join(" ") || null) },
	{ title: "SIZE", isNumber: true, text: ({ sizeBytes }) => sizeOrNone(sizeBytes) },
	{ title: "R/S", isNumber: true, text: ({ rates }) => rateText(rates.reads) },
	{ title: "W/S", isNumber: true, text: ({ rates }) => rateText(rates.writes) },
	{ title: "ERRORS", isNumber: true, text: ({ errors }) => String(errors) },
	{ title: "BUSIEST INITIATOR", text: ({ busiestInitiator }) => orNone(busiestInitiator) },
	{
		title: "STORAGE",
		text: ({ storage, readOnly, reason }) =>
			`${storage}${readOnly ? " (read-only)" : ""}${reason === null ? "" : ` (${reason})`}`,
	},
];

export async function diskLsCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	return asking(DISK_LS, argv, output, async ({ line, daemon, json }) => {
		const list = await allDisks(daemon, {
			search: line.last("search"),
			state: readWord("state", line.last("state"), Object.keys(DISK_STATES) as DiskState[]),
			sort: readWord("sort", line.last("sort"), SORTS),
		});
		if (json) putJson(output, list);
		else output.out(linesText(tableLines(COLUMNS, list.disks)));
		return 0;
	});
}

/** All that match, whatever the pages of the API. */
export async function allDisks(daemon: DaemonClient, selection: Selection = {}): Promise<DiskList> {
	const disks = new Map<string, DiskSummary>();
	for (let offset = 0; ; offset += PAGE) {
		const page = await someDisks(daemon, selection, offset, PAGE);
		// Between two pages the order may have become another one.
		for (const disk of page.disks) disks.set(disk.name, disk);
		if (page.next === null) return { disks: [...disks.values()], total: disks.size, next: null };
	}
}

export function someDisks(
	daemon: DaemonClient,
	{ search, state, sort }: Selection,
	offset: number,
	limit: number,
): Promise<DiskList> {
	return daemon.get(`/api/v1/disks?${queryOf({ search, state, sort, offset, limit })}`, DiskList);
}

/** Throws an OperatorError for what is no name of a disk. */
export function pathOf(name: string): string {
	return `/api/v1/disks/${encodeURIComponent(readDiskName(name))}`;
}

export async function diskShowCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	return asking(DISK_SHOW, argv, output, async ({ line, daemon, json }) => {
		const disk = await daemon.get(pathOf(line.positionals[0] ?? ""), Disk);
		if (json) putJson(output, disk);
		else output.out(linesText(diskLines(disk)));
		return 0;
	});
}

/** All there is to know of a disk. */
export function diskLines(disk: Disk): string[] {
	return [...pairLines(factsOf(disk)), "", ...tableLines(OPERATION_COLUMNS, operationsOf(disk))];
}

function factsOf(disk: Disk): Pair[] {
	const { source, identity, retryAt } = disk;
	const from = source.kind === "file" ? `${source.file}:${source.line}` : "added by command, API or page";
	return [
		["name", disk.name],
		["state", disk.state],
		...some("reason", disk.reason),
		...some("tried again", retryAt),
		...some("notice", disk.notice),
		["storage", disk.storage],
		["size", disk.sizeBytes === null ? NONE : `${sizeText(disk.sizeBytes)} (${disk.sizeBytes} bytes)`],
		["read-only", disk.readOnly ? "yes" : "no"],
		["durability", disk.durability],
		["named by", from],
		...(identity === null
			? []
			: ([
					["serial", identity.serial],
					["wwn", identity.wwn],
				] as const)),
		...some("worker", disk.worker === null ? null : String(disk.worker)),
		...aoeFacts(disk),
		...accessFacts(disk),
		...nbdFacts(disk),
		...iscsiFacts(disk),
		...remoteFacts(disk),
		...partFacts(disk),
		...limitFacts(disk),
		["under way", String(disk.underWay)],
		["busiest initiator", orNone(disk.busiestInitiator)],
		["last request", orNone(disk.lastSeen)],
		["sent again", String(disk.counters.resends)],
		["errors", errorsText(disk)],
		...some("last fault", disk.lastFault),
		...some("no answer since", disk.stalledSince),
	];
}

function aoeFacts({ aoe }: Disk): Pair[] {
	if (aoe === null) return [];
	const { address, netif, macs, reservedBy, configString, silenced, rivals } = aoe;
	return [
		["aoe address", address],
		["aoe links", netif.join(", ")],
		["aoe macs", macs === null ? "everyone" : macs.join(", ") || "nobody"],
		...some("aoe reserved by", reservedBy.join(", ") || null),
		...some("aoe config string", configString || null),
		...silenced.map(
			({ netif, mac, since }): Pair => ["aoe silent", `on ${netif}: ${mac} serves it since ${since}`],
		),
		...rivals.map(({ netif, mac }): Pair => ["aoe rival", `on ${netif}: ${mac} answers for it, too`]),
	];
}

function remoteFacts({ remote }: Disk): Pair[] {
	if (remote === null) return [];
	const { state, since, why, losses, resends, waiting } = remote;
	return [
		["server", `${state} since ${since}`],
		...some("server's last trouble", why),
		["server's losses", `${losses}, sent again ${resends}, waiting ${waiting}`],
	];
}

/** What it is made of, or a part of. */
function partFacts({ parts, partOf }: Disk): Pair[] {
	const told = (parts ?? []).map(({ disk, state, reason, offsetBytes, sizeBytes, mirrored }): Pair => {
		if (mirrored !== null) return ["mirrored on", `disk ${disk}: ${mirroredText(mirrored)}`];
		const where =
			offsetBytes === null || sizeBytes === null
				? ""
				: `, ${sizeText(sizeBytes)} from byte ${offsetBytes} on`;
		return ["made of", `disk ${disk}: ${state}${where}${reason === null ? "" : `: ${reason}`}`];
	});
	return [...told, ...some("part of", partOf === null ? null : `disk ${partOf}`)];
}

function mirroredText({ standing, why, behindBytes, since, errors, repairs }: MirroredPart): string {
	const from = since === null ? "" : ` since ${since}`;
	const lacks = behindBytes > 0 ? `, lacks ${sizeText(behindBytes)} at most${from}` : "";
	const what = standing === "inSync" ? "in sync" : standing;
	return `${what}${lacks}, errors ${errors}, repairs ${repairs}${why === null ? "" : `: ${why}`}`;
}

function limitFacts({ limit }: Disk): Pair[] {
	if (limit === null) return [];
	const { iops, readIops, writeIops, bandwidth, readBandwidth, writeBandwidth } = limit;
	const size = (bytes: number | null) => (bytes === null ? null : `${sizeText(bytes)}/s`);
	const operations = (count: number | null) => (count === null ? null : `${count}/s`);
	return [
		...some("limit iops", operations(iops)),
		...some("limit read_iops", operations(readIops)),
		...some("limit write_iops", operations(writeIops)),
		...some("limit bandwidth", size(bandwidth)),
		...some("limit read_bandwidth", size(readBandwidth)),
		...some("limit write_bandwidth", size(writeBandwidth)),
		["delayed by it", `${limit.delayed} requests, ${latencyText(limit.delayedSeconds)} in all`],
	];
}

function errorsText({ counters, causes }: Disk): string {
	const told = Object.entries(causes).map(([cause, count]) => `${cause} ${count}`);
	return told.length === 0 ? String(counters.errors) : `${counters.errors} (${told.join(", ")})`;
}

interface Operation {
	readonly name: string;
	readonly count: number;
	readonly bytes: number | null;
	readonly latency: Disk["latency"]["read"];
}

const OPERATION_COLUMNS: readonly Column<Operation>[] = [
	{ title: "", text: ({ name }) => name },
	{ title: "COUNT", isNumber: true, text: ({ count }) => String(count) },
	{ title: "BYTES", isNumber: true, text: ({ bytes }) => sizeOrNone(bytes) },
	{ title: "P50", isNumber: true, text: ({ latency }) => latencyText(latency?.p50 ?? null) },
	{ title: "P99", isNumber: true, text: ({ latency }) => latencyText(latency?.p99 ?? null) },
	{ title: "P99.9", isNumber: true, text: ({ latency }) => latencyText(latency?.p999 ?? null) },
];

function operationsOf({ counters, latency }: Disk): Operation[] {
	return [
		{ name: "reads", count: counters.reads, bytes: counters.readBytes, latency: latency.read },
		{ name: "writes", count: counters.writes, bytes: counters.writtenBytes, latency: latency.write },
		{ name: "flushes", count: counters.flushes, bytes: null, latency: latency.flush },
		{ name: "trims", count: counters.trims, bytes: null, latency: null },
	];
}
