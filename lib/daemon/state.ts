/**
 * The state of what a worker serves, in words and plain values, for whoever looks: disks with their exports, links, the worker
 * itself. What changes with every request is in the figures (`figures.ts`); here is what says how things stand, and why. Of
 * thousands of disks it is made some in a turn of the loop. Asked by `daemon.ts`.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Blade } from "../aoe/blade.js";
import { systemClock } from "../clock.js";
import type { Disk, DiskPhase } from "../disk.js";
import type { SessionState } from "../nbd/remote/options.js";
import { turn } from "../turn.js";
import { formatMac } from "../wire/mac.js";
import type { AoeExporter } from "./aoe-exporter.js";
import type { AoeExport } from "./aoe-exports.js";
import type { PartReport } from "./compounds.js";
import type { Disks, HeldDisk } from "./disks.js";
import type { IscsiExporter } from "./iscsi-exporter.js";
import type { IscsiReport, IscsiState } from "./iscsi-state.js";
import type { NbdExporter } from "./nbd-exporter.js";
import type { NbdState, TlsRefusals } from "./nbd-state.js";
import type { Outlet } from "./outlets.js";

/** Disks that are looked at in one turn. */
const DISKS_PER_TURN = 64;

/** An address on a link: served, silent because another host has it, or about to be asked for. */
export interface PlaceState {
	readonly link: string;
	readonly state: "serving" | "silent" | "asking";
	/** Who has it, or answers for it too while it is served. */
	readonly rival: string | null;
	/** It is silent: ISO 8601. */
	readonly since: string | null;
}

export interface ExportState {
	readonly name: string;
	readonly protocol: "aoe";
	/** `9.0` */
	readonly address: string;
	readonly places: readonly PlaceState[];
	/** The MAC mask in force: null lets everyone in, an empty one nobody. */
	readonly macs: readonly string[] | null;
	readonly reservedBy: readonly string[];
	/** A character for each byte. */
	readonly configString: string;
	readonly bufferCount: number;
	/** It takes no more requests. */
	readonly isLeaving: boolean;
}

/** How it stands with the server that stores a disk. */
export interface RemoteReport {
	readonly state: SessionState["state"];
	/** ISO 8601 */
	readonly since: string;
	/** What happened last that should not. */
	readonly why: string | null;
	readonly losses: number;
	readonly resends: number;
	/** Requests that the server has not answered. */
	readonly waiting: number;
}

export interface DiskReport {
	readonly name: string;
	readonly phase: DiskPhase | "opening";
	/** It will be gone. */
	readonly isLeaving: boolean;
	/** What is known of it once it is open. */
	readonly open: {
		readonly sizeBytes: number;
		readonly readOnly: boolean;
		readonly serial: string;
		/** 16 hexadecimal digits. */
		readonly wwn: string;
		readonly faults: number;
	} | null;
	/** What its storage did wrong last, at what LBA. */
	readonly lastFault: {
		readonly what: string;
		readonly lba: number | null;
		readonly cause: string;
		readonly at: string;
	} | null;
	/** Since when its storage has not answered. */
	readonly stalledSince: string | null;
	/** How long its file is, if that is shorter than what is served of it. */
	readonly shrunkBytes: number | null;
	readonly exports: readonly ExportState[];
	/** Null: it is not served over NBD. */
	readonly nbd: NbdState | null;
	/** Likewise. */
	readonly iscsi: IscsiState | null;
	/** Null: it is stored here. */
	readonly remote: RemoteReport | null;
	/** What it is made of, and where that lies in it; null: it is made of no disks, or not open. */
	readonly parts: readonly PartReport[] | null;
}

export interface LinkReport {
	readonly name: string;
	/** `up, now called enp3s0` */
	readonly status: string;
	readonly isUp: boolean;
	readonly mac: string;
	readonly mtu: number;
	readonly blades: number;
	/** What it was opened with. */
	readonly pollUs: number;
	readonly xdp: boolean;
}

export interface WorkerReport {
	readonly engine: string;
	readonly putOff: number;
	/** Files that wait their turn to be opened, or a thread. */
	readonly openingsWaiting: number;
	readonly longestTurnSteps: number;
	readonly links: readonly LinkReport[];
	/** Why nobody can connect at addresses that NBD and iSCSI should be served at. */
	readonly unheard: readonly string[];
	readonly nbdTls: TlsRefusals;
	readonly iscsi: IscsiReport;
}

export function workerReport(disks: Disks, { aoe, nbd, iscsi }: Exporters): WorkerReport {
	const { putOff, openings, description } = disks.engine;
	const links = [...aoe.outlets()].map(linkReport);
	return {
		engine: description,
		putOff,
		openingsWaiting: openings.waiting,
		longestTurnSteps: turn.most,
		links,
		unheard: [...nbd.unheard.map((why) => `nbd: ${why}`), ...iscsi.unheard.map((why) => `iscsi: ${why}`)],
		nbdTls: nbd.tlsRefusals,
		iscsi: iscsi.state,
	};
}

function linkReport({ link, registry, pollUs, xdp }: Outlet): LinkReport {
	const { name, status, up, mac, mtu } = link;
	return { name, status, isUp: up, mac: formatMac(mac), mtu, blades: registry.size, pollUs, xdp };
}

/** Those who export disks. */
interface Exporters {
	readonly aoe: AoeExporter;
	readonly nbd: Pick<NbdExporter, "stateOf" | "unheard" | "tlsRefusals">;
	readonly iscsi: Pick<IscsiExporter, "stateOf" | "unheard" | "state">;
}

/** All disks, or those of these names that there are; as many at a time as a turn of the loop has time for. */
export async function* diskReports(
	disks: Disks,
	exporters: Exporters,
	names?: ReadonlySet<string>,
): AsyncIterable<readonly DiskReport[]> {
	const wanted =
		names === undefined ? [...disks.held()] : [...names].flatMap((name) => disks.find(name) ?? []);
	for (let from = 0; from < wanted.length; from += DISKS_PER_TURN) {
		if (from > 0) await nextTurn();
		yield wanted.slice(from, from + DISKS_PER_TURN).map((held) => diskReport(held, disks, exporters));
	}
}

function diskReport(
	{ name, spec, disk, isLeaving }: HeldDisk,
	disks: Disks,
	{ aoe, nbd, iscsi }: Exporters,
): DiskReport {
	const { faults } = disks;
	const called = spec.called ?? name;
	const last = faults.lastOf(called);
	const stalled = faults.stalledSince(called);
	return {
		name,
		phase: disk?.phase ?? "opening",
		isLeaving,
		open: disk && openReport(disk),
		lastFault: last === undefined ? null : { ...last, at: moment(last.at) },
		stalledSince: stalled === undefined ? null : moment(stalled),
		shrunkBytes: faults.shrunkBytes(called) ?? null,
		exports: Array.from(aoe.exportsOf(name), exportState),
		nbd: nbd.stateOf(name),
		iscsi: iscsi.stateOf(name),
		remote: remoteReport(disk === null ? undefined : disks.remotes.of(disk)),
		parts: disk === null ? null : disks.compounds.partsOf(disk),
	};
}

function remoteReport(state: SessionState | undefined): RemoteReport | null {
	if (state === undefined) return null;
	const { sinceMs, changes: _, ...told } = state;
	return { ...told, since: moment(Date.now() - (systemClock.now() - sinceMs)) };
}

function openReport({ device, identity, faults }: Disk): DiskReport["open"] {
	const { sizeBytes, readOnly } = device.info;
	const wwn = identity.wwn.toString(16).padStart(16, "0");
	return { sizeBytes, readOnly, serial: identity.serial, wwn, faults };
}

function exportState({ spec, blade, outlets, isLeaving }: AoeExport): ExportState {
	const { name, protocol, shelf, slot, bufferCount } = spec;
	return {
		name,
		protocol,
		address: `${shelf}.${slot}`,
		places: outlets.map((outlet) => placeState(outlet, blade)),
		macs: blade?.access.isMasked ? [...blade.access.mask].map(formatMac) : null,
		reservedBy: [...(blade?.access.reserved ?? [])].map(formatMac),
		configString: Buffer.from(blade?.configString ?? "").toString("latin1"),
		bufferCount,
		isLeaving,
	};
}

function placeState({ link, registry, target }: Outlet, blade: Blade | null): PlaceState {
	const [contest] = blade === null ? [] : target.contests(blade);
	const rival = contest === undefined ? null : formatMac(contest.mac);
	const since = contest?.silentSince?.toISOString() ?? null;
	if (since !== null) return { link: link.name, state: "silent", rival, since };
	const isServed = blade !== null && registry.has(blade);
	return { link: link.name, state: isServed ? "serving" : "asking", rival, since };
}

function moment(ms: number): string {
	return new Date(ms).toISOString();
}
