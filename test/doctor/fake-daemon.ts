/** A daemon that answers what tests want it to, over a unix socket. */

import { createServer } from "node:http";
import path from "node:path";
import type { Test } from "tap";
import type { Disk, DiskSummary, Initiator, Link, Status } from "../../lib/control/model.js";
import { NO_COUNTERS, NO_RATES } from "../../lib/control/rates.js";
import { scratchDirectory } from "../support/cleanup.js";
import { NO_ISCSI } from "../support/no-iscsi.js";

const LATENCY = { read: null, write: null, flush: null } as const;

/** Serves what is given, by path without the query, until the test is over. Resolves to the socket. */
export async function fakeDaemon(t: Test, answers: Readonly<Record<string, unknown>>): Promise<string> {
	const socket = path.join(scratchDirectory(), "s");
	const server = createServer((request, response) => {
		const answer = answers[request.url?.replace(/\?.*/, "").replace("/api/v1/", "") ?? ""];
		if (answer === undefined) response.writeHead(500).end();
		else response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
	});
	await new Promise<void>((resolve) => server.listen(socket, resolve));
	t.teardown(() => server.close());
	return socket;
}

export function status(changes: Partial<Status>): Status {
	return {
		version: "0.1.0",
		since: "2026-11-26T08:00:00.000Z",
		health: "ok",
		problems: [],
		processes: [],
		configuration: { files: [], lastReload: null, restartNeeded: [] },
		counts: {
			disks: 1,
			open: 1,
			failed: 0,
			waiting: 0,
			fenced: 0,
			links: 1,
			initiators: 1,
			pools: 0,
			machines: 0,
			activeMachines: 0,
			nbdClients: 0,
		},
		nbdTls: { count: 0, latest: [] },
		iscsi: { ...NO_ISCSI, refusals: { ...NO_ISCSI.refusals }, latest: [], sessions: 0 },
		rates: NO_RATES,
		latency: LATENCY,
		...changes,
	};
}

export function disk(name: string, changes: Partial<DiskSummary>): DiskSummary {
	return {
		name,
		state: "open",
		reason: null,
		storage: "/srv/a.img",
		address: null,
		addresses: [],
		sizeBytes: 1024,
		readOnly: false,
		underWay: 0,
		rates: NO_RATES,
		errors: 0,
		busiestInitiator: null,
		lastSeen: null,
		...changes,
	};
}

/** All of a disk that is served at an address. */
export function whole(name: string, address: string, netif: string[]): Disk {
	return {
		...disk(name, { address, addresses: [address] }),
		retryAt: null,
		durability: "ack",
		limit: null,
		source: { kind: "runtime" },
		notice: null,
		settings: { file: "/srv/a.img" },
		identity: null,
		worker: 0,
		aoe: { address, netif, macs: null, reservedBy: [], configString: "", silenced: [], rivals: [] },
		nbd: null,
		iscsi: null,
		access: [],
		remote: null,
		parts: null,
		partOf: null,
		counters: NO_COUNTERS,
		causes: {},
		lastFault: null,
		stalledSince: null,
		latency: LATENCY,
	};
}

export function initiator(mac: string, reads: number, resends: number): Initiator {
	const counters = { ...NO_COUNTERS, reads, resends };
	return { mac, link: "eth0", disks: [], counters, rates: NO_RATES, latency: LATENCY, lastSeen: null };
}

export function link(name: string, dropped: Readonly<Record<string, number>>): Link {
	return {
		name,
		worker: 0,
		state: "up",
		reason: null,
		mac: null,
		mtu: 1500,
		speedBitsPerSecond: null,
		disks: 1,
		initiators: 1,
		framesIn: 0,
		framesOut: 0,
		bytesIn: 0,
		bytesOut: 0,
		counters: NO_COUNTERS,
		latency: LATENCY,
		underWay: 0,
		dropped,
		framesInPerSecond: 0,
		framesOutPerSecond: 0,
	};
}
