/**
 * Where the tests of the daemon play: a daemon on one end of a virtual cable, our initiator on the other, in one process; and
 * specs of disks in memory, in files, and on devices that the test has in its hands. Run within `inNamespace`.
 */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { Test } from "tap";
import { Initiator } from "../../lib/client/initiator.js";
import type { RemoteDisk } from "../../lib/client/remote-disk.js";
import { Daemon } from "../../lib/daemon/daemon.js";
import type { OpenDevice } from "../../lib/daemon/openers.js";
import { interfaceInfo, interfaceNames } from "../../lib/link/interfaces.js";
import { PacketLink } from "../../lib/link/packet.js";
import { Pump } from "../../lib/pump.js";
import type { AoeExportSpec, DiskSpec, StorageSpec } from "../../lib/spec/spec.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";

export const NEAR = { kind: "interface", name: "near" } as const;

/** In a namespace of the test's own, never among the machine's interfaces. */
export async function layCable(): Promise<void> {
	if (interfaceNames().some((name) => name !== "lo")) throw new Error("not in a namespace of the test's own");
	const ip = (command: string) =>
		execFileSync("ip", command.split(" "), { stdio: ["ignore", "ignore", "inherit"], timeout: LIMIT_MS });
	ip("link add name near mtu 9000 type veth peer name far mtu 9000");
	for (const end of ["near", "far"]) ip(`link set ${end} up`);
	await until("the carrier", () => interfaceInfo("far")?.up === true, LIMIT_MS);
}

export function diskSpec(name: string, storage?: StorageSpec): DiskSpec {
	const memory = { kind: "memory", name: "mem:1M", sizeBytes: 2 ** 20 } as const;
	const part = { offsetSectors: 0, lengthSectors: undefined };
	const how = { readOnly: false, direct: false, durability: "flush" } as const;
	return { name, storage: storage ?? memory, ...part, ...how };
}

/** The export of the disk of the same name at 9.`slot`. */
export function exportSpec(name: string, slot: number, more: Partial<AoeExportSpec> = {}): AoeExportSpec {
	const address = { shelf: 9, slot, netifs: [NEAR] };
	return {
		protocol: "aoe",
		name,
		disk: name,
		...address,
		macs: undefined,
		bufferCount: 16,
		force: false,
		...more,
	};
}

export class Stage {
	/** Warnings and errors: how often it waits in vain, which is told too, depends on the machine. */
	readonly log: string[] = [];
	readonly daemon: Daemon;
	readonly #pump = new Pump();
	readonly initiator: Initiator;

	constructor(t: Test, open?: OpenDevice) {
		const note = (message: string) => {
			this.log.push(message);
		};
		this.daemon = new Daemon({
			log: { error: note, warn: note, info: () => {}, verbose: () => {} },
			version: "1.0",
			...(open && { open }),
		});
		const link = new PacketLink("far", this.#pump, { framesInFlight: 64 });
		this.initiator = new Initiator(link, { deadlineMs: LIMIT_MS });
		t.teardown(async () => {
			this.initiator.close();
			await link.close();
			await this.daemon.close(1000);
		});
	}

	add(name: string, slot: number, storage?: StorageSpec): Promise<void> {
		return this.daemon.add({
			disks: [diskSpec(name, storage)],
			exports: [exportSpec(name, slot)],
			links: [],
		});
	}
}

/** Reads and writes of one disk without a pause, until it is stopped; every answer is looked at. */
export class Load {
	rounds = 0;
	#stopped = false;
	readonly #work: Promise<void>;

	constructor(disk: RemoteDisk) {
		this.#work = this.#run(disk);
		this.#work.catch(() => {});
	}

	async #run(disk: RemoteDisk): Promise<void> {
		for (; !this.#stopped; this.rounds++) {
			const bytes = new Uint8Array(4096).fill(this.rounds);
			await disk.write((this.rounds % 100) * 8, bytes);
			const read = await disk.read((this.rounds % 100) * 8, 8);
			if (!Buffer.from(read).equals(bytes)) throw new Error(`round ${this.rounds} has read something else`);
		}
	}

	/** It goes on meanwhile: resolves when that has been seen. Throws what the work has thrown. */
	async goesOn(): Promise<void> {
		const from = this.rounds;
		await Promise.race([this.#work, until("the load goes on", () => this.rounds > from + 2, LIMIT_MS)]);
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		await this.#work;
	}
}

/** What this process holds: descriptors, threads, and names on interfaces. */
export function holdings(): { descriptors: number; threads: number; names: number } {
	const names = readFileSync("/proc/self/net/unix", "utf8").match(/@vblade\//g)?.length ?? 0;
	const threads = Number(/^Threads:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
	return { descriptors: readdirSync("/proc/self/fd").length, threads, names };
}
