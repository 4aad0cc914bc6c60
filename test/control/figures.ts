/**
 * Figures as workers tell them, for tests: of any number of disks, with counts that follow from how long they have been at it.
 */

import { NO_COUNTERS } from "../../lib/control/rates.js";
import type { DiskFigures, DiskView, LinkView, Look, Measured } from "../../lib/control/seams.js";
import { classOf, HISTOGRAM_CLASSES } from "../../lib/histogram.js";
import type { PoolLook } from "../../lib/pool/looks.js";
import type { ReplicaLook, StoredLook } from "../../lib/pool/stored-look.js";
import { formatMac } from "../../lib/wire/mac.js";
import { NO_ISCSI } from "../support/no-iscsi.js";

/** So many requests, all of which took `us` microseconds. */
export function measured(count: number, us: number): Measured {
	const counts = new Float64Array(HISTOGRAM_CLASSES);
	counts[classOf(us)] = count;
	return { counts, sumSeconds: (count * us) / 1e6 };
}

/** A disk that has read and written so many blocks of 4 KiB, a read in 100 us and a write in 1 ms. */
export function figuresOf(
	name: string,
	reads: number,
	writes: number,
	more: Partial<DiskFigures> = {},
): DiskFigures {
	return {
		name,
		counters: { ...NO_COUNTERS, reads, readBytes: 4096 * reads, writes, writtenBytes: 4096 * writes },
		causes: {},
		underWay: 0,
		delayed: 0,
		delayedSeconds: 0,
		lastSeenMs: 1_700_000_000_000,
		latency: {
			read: reads ? measured(reads, 100) : null,
			write: writes ? measured(writes, 1000) : null,
			flush: null,
		},
		busiestInitiator: null,
		...more,
	};
}

export function viewOf(name: string, sizeBytes = 2 ** 20): DiskView {
	const quiet = {
		aoe: null,
		nbd: null,
		iscsi: null,
		remote: null,
		parts: null,
		lastFault: null,
		stalledSince: null,
		shrunkBytes: null,
		identity: null,
	};
	return { name, phase: "open", sizeBytes, readOnly: false, ...quiet };
}

export const LINK: LinkView = {
	name: "eth0",
	state: "up",
	reason: null,
	mac: "02:00:00:00:00:01",
	mtu: 9000,
	speedBitsPerSecond: 10e9,
	disks: 2,
	initiators: 1,
	framesIn: 1000,
	framesOut: 900,
	bytesIn: 4_000_000,
	bytesOut: 5_000_000,
	counters: NO_COUNTERS,
	latency: { read: null, write: null, flush: null },
	underWay: 0,
	dropped: { masked: 3 },
};

export function lookOf(figures: readonly DiskFigures[], more: Partial<Look> = {}): Look {
	return {
		worker: 0,
		life: 1,
		figures,
		views: [],
		links: [],
		linkOptions: [],
		unheard: [],
		nbdTls: { count: 0, latest: [] },
		iscsi: NO_ISCSI,
		initiators: [],
		...more,
	};
}

/** With one volume. */
export const POOL: PoolLook = {
	format: 1,
	disks: null,
	stored: null,
	onlyRead: null,
	replicas: [],
	away: null,
	failed: null,
	unstored: null,
	full: null,
	fullFor: [],
	checkpointFailures: 0,
	clockDoubt: null,
	id: 7,
	sizeBytes: 2 ** 30,
	usedBytes: 2 ** 24,
	historyBytes: 2 ** 20,
	freeingBytes: 2 ** 22,
	waitingBytes: 2 ** 23,
	freeBytes: 2 ** 30 - 2 ** 24 - 2 ** 23,
	momentsFrom: "2026-11-26T09:00:00.000Z",
	unsure: [],
	settings: { history: "1h", historySpace: "10%", historyMin: "0", keep: { daily: "30d" } },
	volumeCount: 1,
	isMore: false,
	volumes: [
		{
			name: "web",
			sizeBytes: 2 ** 30,
			pageBytes: 4096,
			usedBytes: 8192,
			uniqueBytes: 4096,
			sharedBytes: 4096,
			historyBytes: 2 ** 20,
			created: "2026-11-26T10:00:00.000Z",
			momentsFrom: "2026-11-26T10:00:00.000Z",
			serial: "a",
			wwn: "3000000000000000",
			history: null,
			keep: null,
			quotaBytes: 2 ** 29,
			snapshotCount: 1,
			snapshots: [
				{
					name: "monday",
					sizeBytes: 2 ** 30,
					usedBytes: 2 ** 25,
					uniqueBytes: 2 ** 24,
					created: "2026-11-26T11:00:00.000Z",
					held: true,
					clones: ["shop"],
				},
			],
		},
	],
};

/** What is kept of so many machines that have come to the room `lab`: 20.0, 20.1 and so on, from 02:00:00:00:00:01. */
export function machinesText(count: number): Uint8Array {
	const machines = Array.from({ length: count }, (_, slot) => {
		const mac = formatMac(0x020000000001 + slot);
		const volume = `fast/lab-${mac.replaceAll(":", "")}`;
		return { template: "lab", mac, shelf: 20, slot, volume, image: "fast/gold@v1", madeMs: 0, keep: null };
	});
	return new TextEncoder().encode(JSON.stringify({ machines, golden: {} }));
}

/** How a pool in an object store stands with that. */
export const REPLICA: ReplicaLook = {
	name: "attic:fast-copy",
	lagBytes: 65_536,
	lagSeconds: 12.5,
	sentBytes: 2 ** 20,
	givenUp: 1,
	trouble: null,
	state: "follows",
	promoted: null,
};

export const STORED: StoredLook = {
	store: "https://objects.example.org/gold",
	head: "etcd vblade/pools/gold",
	objects: 7,
	storedBytes: 7 * 2 ** 20,
	unshippedBytes: 4096,
	unshippedSeconds: 2.5,
	fetchedBytes: 65_536,
	leaseSeconds: 5.5,
	isReplicaOf: null,
	lost: [{ epoch: 3, bytes: 4096, seconds: 2 }],
	trouble: "what is written stays on this host: 503",
	requests: [
		{ op: "put", code: "201", sumUs: 3000, counts: [[20, 3]] },
		{ op: "put", code: "503", sumUs: 100, counts: [[15, 1]] },
		{ op: "swap", code: "ok", sumUs: 400, counts: [[15, 2]] },
	],
};
