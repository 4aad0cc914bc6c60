/** Hosts of tests of replicas: daemons that know one store, and what is asked of them. */

import { writeFileSync } from "node:fs";
import { KEYS } from "../object/stand-in-s3.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";
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

	async io(...commands: string[]): Promise<string> {
		return this.ioOf("web", ...commands);
	}

	async ioOf(disk: string, ...commands: string[]): Promise<string> {
		const words = commands.flatMap((command) => ["-c", command]);
		const only = disk === "web" ? [] : ["-r"];
		const at = `nbd+unix:///${disk}?socket=${this.tree.path("nbd.sock")}`;
		return (await run(["qemu-io", "-f", "raw", ...only, ...words, at], LIMIT_MS)).output;
	}
}
