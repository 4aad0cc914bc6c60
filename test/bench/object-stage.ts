/**
 * What pools in object stores are measured on: real Swift, with one copy of each object, a real etcd, and daemons that have pools in them and a local one, in
 * the network namespace of this process. Used by `object-run.ts` and those that it calls.
 */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DaemonTree } from "../daemon/tree-bench.js";
import { pause } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run, sendSignal } from "../support/process.js";
import { Etcd, etcdMissing } from "../support/services/etcd.js";
import { Swift, swiftMissing } from "../support/services/swift.js";
import type { ObjectTask } from "./object-figures.js";

const COMMAND_LIMIT_MS = 300_000;
const POLL_MS = 50;

/** A disk of a daemon: a volume, as NBD's export of the same name, and at an address of AoE. */
export interface ObjectDisk {
	readonly name: string;
	readonly volume: string;
	readonly durability?: "ack" | "flush";
	readonly address?: string;
}

export interface Services {
	readonly swift: Swift;
	readonly etcd: Etcd;
	stop(): Promise<void>;
}

export async function startServices(): Promise<Services> {
	const missing = swiftMissing() || etcdMissing();
	if (missing) throw new Error(missing);
	const swift = await Swift.start(1);
	const etcd = await Etcd.start(1);
	return {
		swift,
		etcd,
		stop: async () => {
			await etcd.stop();
			await swift.stop();
		},
	};
}

/** What those who measure get. Keys are without `objects`. */
export interface MeasuringAlone {
	readonly task: ObjectTask;
	wants(key: string): boolean;
	/** One more value of a figure, and what is to be known of it. */
	add(key: string, value: number, note: string): void;
	progress(text: string): void;
	/** Does something if one of these figures is wanted; that it fails does the others no harm. */
	attempt(keys: readonly string[], act: () => Promise<void>): Promise<void>;
}

/** The same for those that want Swift and etcd. */
export interface Measuring extends MeasuringAlone {
	readonly services: Services;
}

/** Of the API's answer. */
export interface StoredLook {
	readonly unshippedBytes: number;
	readonly fetchedBytes: number;
	readonly trouble: string | null;
}

export class Host {
	readonly tree = new DaemonTree();
	readonly #services: Services;
	#more = "";

	constructor(services: Services) {
		this.#services = services;
		writeFileSync(this.tree.path("swift.key"), `${services.swift.account.key}\n`, { mode: 0o600 });
		for (const name of ["logs", "local"]) mkdirSync(this.tree.path(name));
	}

	/** Pools `host`, `store` (by what is stable in them) and `local`, and these disks; `more`: for pool `host`. */
	configure(disks: readonly ObjectDisk[], more = this.#more): void {
		const { tree } = this;
		const { swift, etcd } = this.#services;
		const { auth, user } = swift.account;
		this.#more = more;
		const pool = (name: string, stable: string): string =>
			[
				`[pool.${name}]\nstore = "cellar"\ncontainer = "${name}"\nhead = "etcd"\nstable = "${stable}"`,
				`log = "${tree.path(`logs/${name}`)}"`,
			].join("\n");
		tree.configure(
			[
				`[nbd]\nlisten = ["unix:${tree.path("nbd.sock")}"]`,
				`[store.cellar]\ntype = "swift"\nauth = "${auth}"\nuser = "${user}"`,
				`key_file = "${tree.path("swift.key")}"`,
				`[head.etcd]\nendpoints = [${etcd.endpoints.map((each) => `"${each}"`).join()}]`,
				`${pool("host", "host")}\n${more}`,
				pool("store", "store"),
				`[pool.local]\npath = "${tree.path("local/pool")}"`,
				...disks.map(
					({ name, volume, durability, address }) =>
						`[disk.${name}]\nvolume = "${volume}"\n${durability ? `durability = "${durability}"\n` : ""}[disk.${name}.nbd]\n${
							address === undefined ? "" : `[disk.${name}.aoe]\naddress = "${address}"\nnetif = ["lan0"]\n`
						}`,
				),
				"",
			].join("\n"),
		);
	}

	/** Has the files read again, and waits until a disk is open. */
	async serve(...disks: readonly string[]): Promise<void> {
		await this.tree.reload();
		for (const disk of disks) await this.tree.state(disk, "open");
	}

	uri(disk: string): string {
		return `nbd+unix:///${disk}?socket=${this.tree.path("nbd.sock")}`;
	}

	/** A command that asks the daemon. Throws with what it says if that fails. */
	async say(...words: readonly string[]): Promise<string> {
		const command = [...vbladeCommand(), ...words, "--socket", this.tree.socket];
		const { code, output } = await run(command, COMMAND_LIMIT_MS);
		if (code !== 0) throw new Error(`vblade ${words.join(" ")}: ${output}`);
		return output;
	}

	async stored(pool: string): Promise<StoredLook> {
		const { body } = await this.tree.ask("GET", `/api/v1/pools/${pool}`);
		return body.stored as unknown as StoredLook;
	}

	/** Until the store has all of it. */
	async shipped(pool: string): Promise<void> {
		for (const endMs = Date.now() + COMMAND_LIMIT_MS; ; await pause(POLL_MS)) {
			if ((await this.stored(pool)).unshippedBytes === 0) return;
			if (Date.now() > endMs) throw new Error(`pool ${pool}: not shipped in time`);
		}
	}

	/** Nothing of a pool is on this host any more; it is not started. */
	forget(pool: string): void {
		rmSync(path.join(this.tree.path("logs"), pool), { recursive: true, force: true });
	}

	/** As when the power goes. */
	async kill(): Promise<void> {
		const all = await this.tree.processes();
		for (const { pid } of all) if (pid !== null) sendSignal(pid, "SIGKILL");
		await this.tree.program.stop("SIGKILL", LIMIT_MS);
	}
}
