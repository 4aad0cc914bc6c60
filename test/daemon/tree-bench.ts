/**
 * A whole daemon for tests: its configuration in a folder of its own, started as a user starts it, asked by its API, its processes killed.
 * Its disks are at `unix:` links in that folder, or at interfaces of a network namespace.
 */

import { mkdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import path from "node:path";
import {
	CONFIG_HEADER_BYTES,
	ConfigCommand,
	configLength,
	configVersionCommand,
} from "../../lib/aoe/config.js";
import { Initiator } from "../../lib/client/initiator.js";
import { configQuery, type FoundBlade } from "../../lib/client/query.js";
import type { RemoteDisk } from "../../lib/client/remote-disk.js";
import { RoundTrip } from "../../lib/client/round-trip.js";
import type { Job, Process } from "../../lib/control/model.js";
import { UnixLink } from "../../lib/link/unix.js";
import { Pump } from "../../lib/pump.js";
import { scratchDirectory, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { Program, sendSignal } from "../support/process.js";

export interface Answer {
	readonly status: number;
	readonly headers: Readonly<Record<string, string | string[] | undefined>>;
	// Tests look into it as they like.
	readonly body: Readonly<Record<string, never>> & Record<string, unknown>;
}

export class DaemonTree {
	readonly folder = scratchDirectory();
	readonly socket = path.join(this.folder, "run/vblade.sock");
	readonly frames = path.join(this.folder, "frames.sock");
	program!: Program;
	/** What is started, and by what. */
	vblade: readonly string[] = vbladeCommand();
	/** What all that were started have said, before the one that runs. */
	said = "";
	#links: UnixLink[] = [];

	constructor(readonly namespace?: string) {
		mkdirSync(path.join(this.folder, "run"));
	}

	path(name: string): string {
		return path.join(this.folder, name);
	}

	/** A file of zeros that only root may read. */
	file(name: string, sizeBytes = 1024 * 1024): string {
		const file = this.path(name);
		writeFileSync(file, "", { mode: 0o600 });
		truncateSync(file, sizeBytes);
		return file;
	}

	/** The main file, whole at any moment: the state directory, then `text`. */
	configure(text: string): void {
		writeFileSync(this.path("new.toml"), `[daemon]\nstate = "${this.path("state")}"\n${text}`);
		renameSync(this.path("new.toml"), this.path("vblade.toml"));
	}

	get command(): string[] {
		return [...this.vblade, "daemon", "--config", this.path("vblade.toml"), "--socket", this.socket];
	}

	/** Resolves when it says that it is ready. */
	async start(): Promise<void> {
		this.said += this.program?.output ?? "";
		this.program = new Program(this.command, { namespace: this.namespace });
		await this.program.waitFor(/^vblade: ready: .*$/m, LIMIT_MS);
	}

	async stop(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
		for (const link of this.#links.splice(0)) await link.close();
		return this.program.stop("SIGTERM", LIMIT_MS);
	}

	ask(method: string, resource: string, body?: object, headers: object = {}): Promise<Answer> {
		return new Promise((resolve, reject) => {
			const asked = request(
				{
					socketPath: this.socket,
					method,
					path: resource,
					timeout: LIMIT_MS,
					headers: { ...(body && { "content-type": "application/json" }), ...headers },
				},
				(answer) => {
					let text = "";
					answer.setEncoding("utf8").on("data", (chunk) => {
						text += chunk;
					});
					answer.on("end", () => {
						const { statusCode: status = 0, headers } = answer;
						const isJson = String(headers["content-type"]).includes("json");
						resolve({ status, headers, body: isJson ? JSON.parse(text) : { text } });
					});
				},
			);
			asked.on("error", reject);
			asked.on("timeout", () => asked.destroy(new Error(`${method} ${resource}: no answer`)));
			asked.end(body && JSON.stringify(body));
		});
	}

	/** Has the files read again; false if nobody is there who could. */
	async reload(): Promise<boolean> {
		const answer = await this.ask("POST", "/api/v1/reload", {}).catch(() => undefined);
		return answer?.status === 202;
	}

	async processes(): Promise<readonly Process[]> {
		const { body } = await this.ask("GET", "/api/v1/status");
		return body.processes as unknown as Process[];
	}

	async pidOf(kind: Process["kind"], index = 0): Promise<number> {
		const found = (await this.processes()).find((each) => each.kind === kind && each.index === index);
		return found?.pid ?? 0;
	}

	/** Ends a process as nothing else would, and waits until another has taken its place. */
	async kill(kind: "worker" | "control", index = 0): Promise<void> {
		const pid = await this.pidOf(kind, index);
		sendSignal(pid, "SIGKILL");
		await until(
			`${kind} ${index} again`,
			async () => {
				const now = await this.pidOf(kind, index).catch(() => 0);
				return now !== 0 && now !== pid;
			},
			LIMIT_MS,
		);
	}

	/** The state of a disk, once it is `wanted`. */
	async state(name: string, wanted: string): Promise<Answer["body"]> {
		let body: Answer["body"] = {};
		const isSo = async (): Promise<boolean> => {
			({ body } = await this.ask("GET", `/api/v1/disks/${name}`));
			return String(body.state) === wanted;
		};
		await until(`${name} ${wanted}`, isSo, LIMIT_MS).catch((error: unknown) => {
			throw new Error(`${error}; it is ${JSON.stringify(body)}`);
		});
		return body;
	}

	/** Waits until the status has a problem in such words. */
	async problem(words: RegExp): Promise<void> {
		const told = async (): Promise<boolean> =>
			words.test(String((await this.ask("GET", "/api/v1/status")).body.problems));
		await until(`a problem: ${words}`, told, LIMIT_MS);
	}

	/** All that was asked for has been tried. */
	async nothingUnderWay(): Promise<void> {
		await until(
			"jobs that are over",
			async () => {
				const { jobs } = (await this.ask("GET", "/api/v1/jobs")).body;
				return (jobs as unknown as readonly Job[]).every(({ state }) => state !== "running");
			},
			LIMIT_MS,
		);
	}

	async initiator(): Promise<Initiator> {
		const link = await UnixLink.connect(this.frames, { pump: new Pump(), framesInFlight: 16 });
		this.#links.push(link);
		return new Initiator(link, { deadlineMs: LIMIT_MS });
	}

	/** What answers for an address, once it does. */
	async found(shelf: number, slot: number, initiator?: Initiator): Promise<FoundBlade> {
		const asking = initiator ?? (await this.initiator());
		const blades: FoundBlade[] = [];
		const answers = async (): Promise<boolean> =>
			blades.push(...(await asking.discover({ shelf, slot }))) > 0;
		await until(`e${shelf}.${slot} answers`, answers, LIMIT_MS);
		return blades[0]!;
	}

	/** A disk as an initiator sees it, over a connection of its own. */
	async open(shelf: number, slot: number): Promise<RemoteDisk> {
		return (await this.initiator()).open(shelf, slot);
	}

	/** As an initiator does it. */
	async setConfigString(shelf: number, slot: number, text: string): Promise<void> {
		const initiator = await this.initiator();
		const blade = await this.found(shelf, slot, initiator);
		await initiator.ask(
			{ ...blade, roundTrip: new RoundTrip() },
			{
				...configQuery,
				frameBytes: CONFIG_HEADER_BYTES + text.length,
				encode(bytes, at) {
					configQuery.encode(bytes, at);
					configVersionCommand.set(bytes, at, ConfigCommand.forceSet);
					configLength.set(bytes, at, text.length);
					bytes.set(Buffer.from(text, "latin1"), at + CONFIG_HEADER_BYTES);
				},
			},
		);
	}

	kept(): { disks: Record<string, { serial: string; wwn: string; set?: unknown }> } {
		return JSON.parse(readFileSync(this.path("state/disks.json"), "utf8"));
	}
}

/** The tables of a disk, for `configure`. */
export function diskToml(name: string, storage: string, address: string, netif: string, more = ""): string {
	return `[disk.${name}]\n${storage}\n${more}\n[disk.${name}.aoe]\naddress = "${address}"\nnetif = ["${netif}"]\n`;
}
