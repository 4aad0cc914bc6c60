/**
 * Rows and reports of a worker as the parts of a `Look`: numbers under the names that the API has for them. Pure; used by `onlooker.ts`.
 */

import { REJECT_REASONS } from "../aoe/stats.js";
import type { FigureRow } from "../daemon/figures-frame.js";
import type { IscsiReport, IscsiState } from "../daemon/iscsi-state.js";
import type { NbdState, TlsRefusals as ToldRefusals } from "../daemon/nbd-state.js";
import type { DiskReport, ExportState, LinkReport } from "../daemon/state.js";
import { ERROR_CAUSES, type ErrorCause } from "../disk.js";
import { addCounts, HISTOGRAM_CLASSES } from "../histogram.js";
import { oneLine } from "../text.js";
import type { AoeExport, Counters, IscsiExport, NbdExport, Operation, TlsRefusals } from "./model.js";
import { latenciesOf } from "./observed.js";
import { NO_COUNTERS } from "./rates.js";
import type {
	DiskFigures,
	DiskView,
	InitiatorCounts,
	LinkView,
	Measured,
	MeasuredByOperation,
} from "./seams.js";

const COUNTERS = Object.keys(NO_COUNTERS) as (keyof Counters)[];
export const NOTHING_MEASURED: MeasuredByOperation = { read: null, write: null, flush: null };

/** The columns that disks, links and initiators have alike. */
type IoRow = FigureRow<"disks"> | FigureRow<"links"> | FigureRow<"initiators">;

export function operationsOf(row: IoRow | undefined): number {
	return row === undefined ? 0 : row.reads + row.writes;
}

function countersOf(rows: readonly IoRow[]): Counters {
	const counters = { ...NO_COUNTERS };
	for (const row of rows) for (const name of COUNTERS) counters[name] += row[name];
	return counters;
}

export function diskFigures(
	name: string,
	row: FigureRow<"disks">,
	latency: MeasuredByOperation,
	busiestInitiator: string | null,
): DiskFigures {
	const causes: Record<string, number> = {};
	for (const cause of Object.keys(ERROR_CAUSES) as ErrorCause[])
		if (row[`cause ${cause}`] > 0) causes[cause] = row[`cause ${cause}`];
	return {
		name,
		counters: countersOf([row]),
		causes,
		underWay: row.underWay,
		delayed: row.delayed,
		delayedSeconds: row.delayedSeconds,
		lastSeenMs: row.lastSeenMs || null,
		latency,
		busiestInitiator,
	};
}

interface Part {
	readonly row: FigureRow<"initiators"> | undefined;
	readonly latency: MeasuredByOperation;
}

/** What one initiator has asked for, of what it does on each of its disks. */
export function countsOf(parts: readonly Part[]): InitiatorCounts {
	return joined(
		parts.map(({ row, latency }) => ({
			counters: row ? countersOf([row]) : NO_COUNTERS,
			lastSeenMs: row?.lastSeenMs ?? null,
			latency,
		})),
	);
}

/** One of whom it is known in parts what he has asked for. */
export function joined(all: readonly InitiatorCounts[]): InitiatorCounts {
	const counters = { ...NO_COUNTERS };
	for (const each of all) for (const name of COUNTERS) counters[name] += each.counters[name];
	const of = (operation: Operation): Measured | null =>
		sumOf(all.flatMap(({ latency }) => latency[operation] ?? []));
	return {
		counters,
		lastSeenMs: all.reduce((latest, { lastSeenMs }) => Math.max(latest, lastSeenMs ?? 0), 0) || null,
		latency: { read: of("read"), write: of("write"), flush: of("flush") },
	};
}

function sumOf(all: readonly Measured[]): Measured | null {
	const [first] = all;
	if (first === undefined || all.length === 1) return first ?? null;
	const counts = new Float64Array(HISTOGRAM_CLASSES);
	for (const each of all) addCounts(counts, each.counts);
	return { counts, sumSeconds: all.reduce((sum, { sumSeconds }) => sum + sumSeconds, 0) };
}

export function viewOf(report: DiskReport): DiskView {
	const { name, phase, open, lastFault, stalledSince, shrunkBytes, exports, nbd, iscsi, remote, parts } =
		report;
	const [exported] = exports;
	const where = lastFault?.lba == null ? "" : ` at LBA ${lastFault.lba}`;
	return {
		name,
		phase: phase === "draining" || phase === "abandoned" ? phase : "open",
		sizeBytes: open?.sizeBytes ?? 0,
		readOnly: open?.readOnly ?? false,
		aoe: exported === undefined ? null : aoeOf(exported),
		nbd: nbd && nbdOf(nbd),
		iscsi: iscsi && iscsiOf(iscsi),
		remote: remote && { ...remote, why: remote.why && oneLine(remote.why) },
		parts:
			parts?.map(({ mirrored, ...part }) => ({
				...part,
				mirrored: mirrored && { ...mirrored, why: mirrored.why && oneLine(mirrored.why) },
			})) ?? null,
		lastFault: lastFault && `${lastFault.what}${where}: ${lastFault.cause} (${lastFault.at})`,
		stalledSince,
		identity: open && { serial: open.serial, wwn: open.wwn },
		shrunkBytes,
	};
}

export function refusalsOf({ count, latest }: ToldRefusals): TlsRefusals {
	return {
		count,
		latest: latest.map(({ at, peer, why }) => ({ at, peer: oneLine(peer), why: oneLine(why) })),
	};
}

export function loginsOf({ latest, ...counts }: IscsiReport): IscsiReport {
	return {
		...counts,
		latest: latest.map((each) => ({
			...each,
			peer: oneLine(each.peer),
			initiator: each.initiator && oneLine(each.initiator),
			target: each.target && oneLine(each.target),
			why: oneLine(each.why),
		})),
	};
}

function iscsiOf({ target, unavailable, sessions, ...counts }: IscsiState): IscsiExport {
	return {
		...counts,
		target: oneLine(target),
		unavailable: unavailable && oneLine(unavailable),
		sessions: sessions.map((each) => ({
			...each,
			peer: oneLine(each.peer),
			initiator: oneLine(each.initiator),
			user: each.user && oneLine(each.user),
			isid: oneLine(each.isid),
		})),
	};
}

function nbdOf({ name, description, clients, ...counts }: NbdState): NbdExport {
	return {
		...counts,
		name: oneLine(name),
		description: oneLine(description),
		clients: clients.map((each) => ({
			...each,
			peer: oneLine(each.peer),
			identity: each.identity && oneLine(each.identity),
			encryption: each.encryption && oneLine(each.encryption),
			past: each.past && oneLine(each.past),
		})),
	};
}

function aoeOf({ address, places, macs, reservedBy, configString }: ExportState): AoeExport {
	return {
		address,
		netif: places.map(({ link }) => link),
		macs: macs && [...macs],
		reservedBy: [...reservedBy],
		configString: oneLine(configString),
		silenced: places.flatMap(({ link, state, rival, since }) =>
			state === "silent" && rival !== null && since !== null ? [{ netif: link, mac: rival, since }] : [],
		),
		rivals: places.flatMap(({ link, state, rival }) =>
			state === "serving" && rival !== null ? [{ netif: link, mac: rival }] : [],
		),
	};
}

export function linkView(
	{ name, status, isUp, mac, mtu, blades }: LinkReport,
	row: FigureRow<"links"> | undefined,
	latency: MeasuredByOperation,
): LinkView {
	const dropped: Record<string, number> = {};
	for (const reason of Object.keys(REJECT_REASONS) as (keyof typeof REJECT_REASONS)[])
		if (row && row[`dropped ${reason}`] > 0) dropped[reason] = row[`dropped ${reason}`];
	if (row && row.droppedIn > 0) dropped.ring = row.droppedIn;
	if (row && row.droppedOut > 0) dropped.queue = row.droppedOut;
	return {
		name,
		state: isUp ? "up" : status.startsWith("gone") ? "gone" : "down",
		reason: isUp ? null : status,
		mac,
		mtu,
		speedBitsPerSecond: null,
		disks: blades,
		initiators: row?.initiators ?? 0,
		framesIn: row?.framesIn ?? 0,
		framesOut: row?.framesOut ?? 0,
		bytesIn: row?.writtenBytes ?? 0,
		bytesOut: row?.readBytes ?? 0,
		counters: row ? countersOf([row]) : NO_COUNTERS,
		latency: latenciesOf(latency),
		underWay: row?.underWay ?? 0,
		dropped,
	};
}
