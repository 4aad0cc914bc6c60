/**
 * A disk as the API shows it, put together from what it shall be (its configuration), what became of that (its steward), what is kept of
 * it, and what is seen of it. Used by `api/`.
 */

import { membersOf } from "../spec/assembly.js";
import type { DiskConfig } from "../spec/configuration.js";
import { addressesOf, aoeExportsOf } from "../spec/exports.js";
import { peerText } from "../spec/peers.js";
import type { ExportSpec } from "../spec/spec.js";
import type { Changes } from "./changes.js";
import type { Kept } from "./kept.js";
import type { Disk, DiskAccess, DiskPart, DiskSummary, Limit, Rates, Source } from "./model.js";
import { latenciesOf, type Observed, type ObservedDisk } from "./observed.js";
import { NO_COUNTERS, NO_RATES } from "./rates.js";
import type { Replaced } from "./replaced.js";
import type { DiskView, Workers } from "./seams.js";
import type { Steward } from "./steward.js";

export interface ShowerOptions {
	readonly observed: Observed;
	readonly kept: Kept;
	readonly changes: Changes;
	readonly workers: Workers;
	readonly replaced: Replaced;
	/** From the clock of stewards to milliseconds since 1970. */
	readonly wallMs: (clockMs: number) => number;
}

export class Shower {
	readonly #options: ShowerOptions;

	constructor(options: ShowerOptions) {
		this.#options = options;
	}

	/** A row of a list: thousands are made for one answer. */
	summary(steward: Steward): DiskSummary {
		const { disk, state, reason } = steward;
		const { figures, view, rates } = this.#options.observed.disk(disk.name) ?? UNSEEN;
		const [exported] = aoeExportsOf(disk.exports);
		return {
			name: disk.name,
			state: state === "open" && view?.phase === "abandoned" ? "abandoned" : state,
			reason,
			storage: disk.disk.storage.name,
			address: exported === undefined ? null : `${exported.shelf}.${exported.slot}`,
			addresses: [...addressesOf(disk.exports)],
			sizeBytes: view?.sizeBytes ?? null,
			readOnly: view?.readOnly ?? disk.disk.readOnly,
			underWay: figures?.underWay ?? 0,
			rates,
			errors: figures?.counters.errors ?? 0,
			busiestInitiator: figures?.busiestInitiator ?? onlyClientOf(rates, view),
			lastSeen: figures?.lastSeenMs ? new Date(figures.lastSeenMs).toISOString() : null,
		};
	}

	/** All there is to know. */
	disk(steward: Steward): Disk {
		const { kept, changes, workers, observed, replaced, wallMs } = this.#options;
		const { disk, retryAtMs } = steward;
		const seen = observed.disk(disk.name) ?? UNSEEN;
		const identity = disk.disk.storage.kind === "volume" ? seen.view?.identity : kept.find(disk.name);
		return {
			...this.summary(steward),
			retryAt: retryAtMs === null ? null : new Date(wallMs(retryAtMs)).toISOString(),
			durability: disk.disk.durability,
			limit: limitOf(disk, seen),
			source: sourceOf(disk),
			notice:
				[changes.noticeOf(disk), replaced.textOf(steward)].flatMap((text) => text ?? []).join("; ") || null,
			settings: disk.settings,
			identity: identity ? { serial: identity.serial, wwn: identity.wwn } : null,
			worker: workers.workerOf(disk.name),
			aoe: seen.view?.aoe ?? null,
			nbd: seen.view?.nbd ?? null,
			iscsi: seen.view?.iscsi ?? null,
			access: accessOf(disk.exports),
			remote: seen.view?.remote ?? null,
			parts: partsOf(disk, seen, (name) => changes.desired.steward(name)),
			partOf: disk.partOf ?? null,
			counters: seen.figures?.counters ?? NO_COUNTERS,
			causes: { ...seen.figures?.causes },
			lastFault: seen.view?.lastFault ?? null,
			stalledSince: seen.view?.stalledSince ?? null,
			latency: seen.figures ? latenciesOf(seen.figures.latency) : { read: null, write: null, flush: null },
		};
	}
}

const UNSEEN: ObservedDisk = { figures: undefined, view: undefined, rates: NO_RATES, history: undefined };

/** Also while it is not open, and whatever has become of them. */
function partsOf(
	disk: DiskConfig,
	{ view }: ObservedDisk,
	stewardOf: (name: string) => Steward | undefined,
): DiskPart[] | null {
	const names = membersOf(disk);
	if (names.length === 0) return null;
	return names.map((name) => {
		const { state = "failed", reason = null } = stewardOf(name) ?? {};
		const place = view?.parts?.find((part) => part.disk === name);
		const { offsetBytes = null, sizeBytes = null, mirrored = null } = place ?? {};
		return { disk: name, state, reason, offsetBytes, sizeBytes, mirrored };
	});
}

function accessOf(exports: readonly ExportSpec[]): DiskAccess[] {
	return exports.flatMap((each) => {
		if (each.protocol === "aoe") return [];
		const isNbd = each.protocol === "nbd";
		const { protocol, clients } = each;
		return {
			protocol,
			initiators: isNbd ? null : (each.initiators?.slice() ?? null),
			clients: clients?.map(peerText) ?? null,
			readers: isNbd ? (each.readers?.map(peerText) ?? null) : null,
			chapUser: isNbd ? null : (each.chap?.user ?? null),
			mutualUser: isNbd ? null : (each.chap?.mutual?.user ?? null),
		};
	});
}

function sourceOf({ origin, placeOf }: DiskConfig): Source {
	if (origin === "runtime") return { kind: "runtime" };
	const { file, line } = placeOf();
	return { kind: "file", file, line };
}

function limitOf({ values: { limit } }: DiskConfig, { figures }: ObservedDisk): Limit | null {
	if (limit === undefined) return null;
	return {
		iops: limit.iops ?? null,
		readIops: limit.read_iops ?? null,
		writeIops: limit.write_iops ?? null,
		bandwidth: limit.bandwidth ?? null,
		readBandwidth: limit.read_bandwidth ?? null,
		writeBandwidth: limit.write_bandwidth ?? null,
		delayed: figures?.delayed ?? 0,
		delayedSeconds: figures?.delayedSeconds ?? 0,
	};
}

/** Of a disk that somebody asks: who that has to be, if no other is connected. */
function onlyClientOf({ reads, writes }: Rates, view: DiskView | undefined): string | null {
	const clients = view?.nbd?.clientCount ?? 0;
	const sessions = view?.iscsi?.sessionCount ?? 0;
	if (reads + writes === 0 || clients + sessions !== 1) return null;
	return view?.iscsi?.sessions[0]?.initiator ?? view?.nbd?.clients[0]?.peer ?? null;
}
