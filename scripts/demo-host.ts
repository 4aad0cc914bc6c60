/**
 * A host of the demo of pools in object stores: a daemon with a folder of its own, asked by commands and by its socket, whose disk an
 * initiator uses over a Unix socket. Made by `demo-objects.ts`.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import path from "node:path";
import { Initiator } from "../lib/client/initiator.js";
import type { RemoteDisk } from "../lib/client/remote-disk.js";
import { UnixLink } from "../lib/link/unix.js";
import { Pump } from "../lib/pump.js";
import { scratchDirectory, until } from "../test/support/cleanup.js";
import { vbladeCommand } from "../test/support/paths.js";
import { Program, run } from "../test/support/process.js";

export const LIMIT_MS = 60_000;

export class Host {
	readonly #folder = scratchDirectory();
	readonly #show: (text: string) => void;
	#daemon: Program | undefined;

	/** @param store the sections of the configuration that say where the pool is */
	constructor(
		readonly name: string,
		store: string,
		show: (text: string) => void,
	) {
		this.#show = show;
		mkdirSync(this.path("run"));
		const config = [
			`[daemon]\nstate = "${this.path("state")}"\n`,
			store,
			`log = "${this.path("log")}"\nstable = "store"\n`,
			`[disk.web]\nvolume = "gold/web"\naoe = { address = "9.0", netif = ["unix:${this.path("frames.sock")}"] }\n`,
		].join("\n");
		writeFileSync(this.path("vblade.toml"), config);
	}

	path(name: string): string {
		return path.join(this.#folder, name);
	}

	get #socket(): string {
		return this.path("run/vblade.sock");
	}

	async start(): Promise<void> {
		this.#show(`${this.name}$ vblade daemon --config vblade.toml`);
		const words = ["daemon", "--config", this.path("vblade.toml"), "--socket", this.#socket];
		this.#daemon = new Program([...vbladeCommand(), ...words]);
		await this.#daemon.waitFor(/^vblade: ready: .*$/m, LIMIT_MS);
	}

	async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
		await this.#daemon?.stop(signal, LIMIT_MS);
	}

	/** What its daemon has said since it was started. */
	get said(): string {
		return this.#daemon?.output ?? "";
	}

	/** A command that has to be done. */
	async ask(...words: string[]): Promise<string> {
		const command = [...vbladeCommand(), ...words, "--socket", this.#socket];
		const { code, output } = await run(command, LIMIT_MS);
		if (code !== 0) throw new Error(`vblade ${words.join(" ")}: ${output}`);
		return output;
	}

	async tell(...words: string[]): Promise<void> {
		this.#show(`${this.name}$ vblade ${words.join(" ")}\n${(await this.ask(...words)).trimEnd()}`);
	}

	/** Its disk is served. */
	async serves(): Promise<void> {
		const isOpen = async (): Promise<boolean> =>
			/"state": "open"/.test(await this.ask("disk", "show", "web", "--json"));
		await until(`the disk of ${this.name} is open`, isOpen, LIMIT_MS);
	}

	/** All that was written is in the store. */
	async stored(): Promise<void> {
		const isStored = async (): Promise<boolean> =>
			/^vblade_pool_unshipped_bytes\S* 0$/m.test(await this.#metrics());
		await until(`${this.name} has brought all of it to the store`, isStored, LIMIT_MS);
	}

	/** Requests to the store since the daemon was started, by what they were. */
	async requests(op: "get" | "put"): Promise<number> {
		const rows = (await this.#metrics()).matchAll(/^vblade_object_request_seconds_count\{([^}]*)\} (\d+)$/gm);
		let sum = 0;
		for (const [, labels = "", count] of rows) if (labels.includes(`op="${op}"`)) sum += Number(count);
		return sum;
	}

	/** Has an initiator use its disk. */
	async withDisk<T>(use: (disk: RemoteDisk) => Promise<T>): Promise<T> {
		const link = await UnixLink.connect(this.path("frames.sock"), { pump: new Pump(), framesInFlight: 16 });
		const initiator = new Initiator(link);
		try {
			return await use(await initiator.open(9, 0));
		} finally {
			initiator.close();
			await link.close();
		}
	}

	#metrics(): Promise<string> {
		return new Promise((resolve, reject) => {
			const asked = request({ socketPath: this.#socket, path: "/metrics", timeout: LIMIT_MS }, (answer) => {
				let text = "";
				answer.setEncoding("utf8").on("data", (piece: string) => {
					text += piece;
				});
				answer.on("end", () => resolve(text));
			});
			asked.on("timeout", () => asked.destroy(new Error("no metrics in time")));
			asked.on("error", reject).end();
		});
	}
}
