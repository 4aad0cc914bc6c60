/** Hosts of tests of replicas: daemons that know one store, and what is asked of them. */

import { writeFileSync } from "node:fs";
import { BUCKET, KEYS } from "../object/stand-in-s3.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run, sendSignal } from "../support/process.js";
import { DaemonTree } from "./tree-bench.js";

/** A daemon that has a store at that endpoint, and a pool; what it serves is served by NBD. */
export class ReplicaHost {
	readonly tree = new DaemonTree();

	readonly #endpoint: string;
	readonly #pool: string;

	constructor(endpoint: string, pool: (tree: DaemonTree) => string) {
		this.#endpoint = endpoint;
		writeFileSync(this.tree.path("secret"), `${KEYS.secret}\n`, { mode: 0o600 });
		this.#pool = pool(this.tree);
	}

	serve(disk: string, volume: string, ...keys: string[]): void {
		this.serveAll(
			`${this.#pool}\n[disk.${disk}]\nvolume = "${volume}"\n${keys.join("")}[disk.${disk}.nbd]\n`,
		);
	}

	/** With all tables of pools and disks. */
	serveAll(tables: string): void {
		const { tree } = this;
		tree.configure(
			[
				`[nbd]\nlisten = ["unix:${tree.path("nbd.sock")}"]`,
				`[store.attic]\ntype = "s3"\nendpoint = "${this.#endpoint}"\nregion = "${KEYS.region}"`,
				`access_key = "${KEYS.accessKey}"\nsecret_file = "${tree.path("secret")}"`,
				tables,
			].join("\n"),
		);
	}

	async say(...words: string[]): Promise<string> {
		return (await run([...vbladeCommand(), ...words, "--socket", this.tree.socket], LIMIT_MS)).output;
	}

	/** Until it says that, or too long. */
	async says(wanted: RegExp, ...words: string[]): Promise<string> {
		const end = Date.now() + LIMIT_MS;
		for (;;) {
			const said = await this.say(...words);
			if (wanted.test(said) || Date.now() > end) return said;
		}
	}

	/** As when its power goes. */
	async kill(): Promise<void> {
		for (const { pid } of await this.tree.processes()) if (pid !== null) sendSignal(pid, "SIGKILL");
		await this.tree.program.stop("SIGKILL", LIMIT_MS);
	}

	async io(...commands: string[]): Promise<string> {
		return this.ioOf("web", ...commands);
	}

	/** A disk that is only read, unless it is web. */
	async ioOf(disk: string, ...commands: string[]): Promise<string> {
		return this.#io(disk, disk !== "web", commands);
	}

	/** One that may be written to. */
	async ioOn(disk: string, ...commands: string[]): Promise<string> {
		return this.#io(disk, false, commands);
	}

	async #io(disk: string, isRead: boolean, commands: readonly string[]): Promise<string> {
		const words = commands.flatMap((command) => ["-c", command]);
		const only = isRead ? ["-r"] : [];
		const at = `nbd+unix:///${disk}?socket=${this.tree.path("nbd.sock")}`;
		return (await run(["qemu-io", "-f", "raw", ...only, ...words, at], LIMIT_MS)).output;
	}
}

/** The tables of a disk of a volume. */
export function nbd(disk: string, volume: string, more = ""): string {
	return `[disk.${disk}]\nvolume = "${volume}"\n${more}[disk.${disk}.nbd]\n`;
}

/** Of a pool: that its replica is in the attic, under a prefix. */
export function replicaIn(prefix: string, ...more: string[]): string {
	const keys = [`container = "${BUCKET}"`, `prefix = "${prefix}"`, ...more];
	return `replica = [{ store = "attic", ${keys.join(", ")} }]\n`;
}

/** What is under that prefix as a pool, for another host. */
export function copyOf(prefix: string, tree: DaemonTree): string {
	return [
		`[pool.${prefix}-copy]\nstore = "attic"\ncontainer = "${BUCKET}"\nprefix = "${prefix}"\nhead = "store"`,
		`log = "${tree.path(`${prefix}-log`)}"\n`,
	].join("\n");
}

/** A store that is not the attic, and where superblocks are of pools in it. */
export interface CellarAt {
	readonly at: string;
	readonly head: string;
}

export function cellar(tree: DaemonTree, { at, head }: CellarAt): string {
	return [
		`[store.cellar]\ntype = "s3"\nendpoint = "${at}"\nregion = "${KEYS.region}"`,
		`access_key = "${KEYS.accessKey}"\nsecret_file = "${tree.path("secret")}"`,
		`[head.etcd]\nendpoints = ["${head}"]\n`,
	].join("\n");
}

/** A pool in it, with a replica. */
export function poolInCellar(tree: DaemonTree, pool: string, stable: "host" | "store"): string {
	return [
		`[pool.${pool}]\nstore = "cellar"\ncontainer = "${BUCKET}"\nprefix = "${pool}"\nhead = "etcd"`,
		`stable = "${stable}"\nlog = "${tree.path(`${pool}-own`)}"\n${replicaIn(pool)}`,
	].join("\n");
}

/** The same of gold; what is acknowledged is on its host. */
export function inCellar(tree: DaemonTree, where: CellarAt): string {
	return cellar(tree, where) + poolInCellar(tree, "gold", "host");
}
