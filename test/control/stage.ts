/**
 * A control process among fakes: an opener whose files are in memory, workers that note what they are asked for and fail as they are
 * told, and somebody who asks by HTTP. The process itself, its server and its sockets are real.
 */

import http from "node:http";
import path from "node:path";
import type { Test } from "tap";
import { Control, type ControlOptions } from "../../lib/control/control.js";
import type { Process } from "../../lib/control/model.js";
import type { Listening, Opener } from "../../lib/control/seams.js";
import { DamagedError, type OperatorError } from "../../lib/errors.js";
import type { Source } from "../../lib/spec/parts.js";
import { scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { FakeWorkers } from "./fake-workers.js";

export const FILE = "/etc/vblade/vblade.toml";
export const TOKEN = "a-token-of-the-tests";

/** What the fakes run with: what a configuration says that says nothing of it. */
export const STARTED = { state: "/var/lib/vblade", user: undefined, workers: 1 };

/** Two disks. */
export const TWO = `
[disk.web]
memory = "64M"
[disk.web.aoe]
address = "9.0"
netif = ["eth0"]
[disk.mail]
memory = "32M"
limit = { iops = 100 }
[disk.mail.aoe]
address = "9.1"
netif = ["eth0"]
`;

export class FakeOpener implements Opener {
	text = TWO;
	/** Exports of Debian's. */
	readonly debian: Source[] = [];
	token: string | undefined = TOKEN;
	readonly files = new Map<string, Uint8Array>();
	/** Files that are there and can't be read; and what was put aside. */
	readonly damaged = new Set<string>();
	readonly aside: string[] = [];
	/** What `keep` throws. */
	broken: OperatorError | undefined;
	/** Why it would not open what a disk is made of. */
	readonly refusals = new Map<string, string>();
	speed = new Map<string, number>();

	async readSources() {
		return { files: [{ path: FILE, text: this.text }], debian: this.debian };
	}

	async readToken() {
		return this.token;
	}

	async processes(): Promise<Process[]> {
		const since = new Date(0).toISOString();
		return [
			{
				kind: "control",
				index: 0,
				pid: process.pid,
				since,
				restarts: 0,
				cpuSeconds: 1.5,
				residentBytes: 4096,
			},
		];
	}

	async listeners(): Promise<{ listeners: readonly Listening[]; wrong: readonly string[] }> {
		return { listeners: [], wrong: [] };
	}

	async whyNotFile(path: string) {
		return this.refusals.get(path);
	}

	async whyNotLink(link: string) {
		return this.refusals.get(link);
	}

	async whyNotSecret(file: string) {
		return this.refusals.get(file);
	}

	async speeds() {
		return this.speed;
	}

	async keep(name: string, bytes: Uint8Array) {
		if (this.broken !== undefined) throw this.broken;
		this.files.set(name, bytes.slice());
	}

	async kept(name: string) {
		if (this.damaged.has(name)) throw new DamagedError(`${name}: can't be read (EIO)`);
		return this.files.get(name);
	}

	async setAside(name: string) {
		this.damaged.delete(name);
		this.files.delete(name);
		this.aside.push(name);
		return `${name}.damaged-then`;
	}
}

export interface Reply {
	readonly status: number;
	readonly headers: http.IncomingHttpHeaders;
	readonly text: string;
	// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever comes
	readonly body: any;
}

/** Asks by HTTP. A body that is not text is sent as JSON. */
export function ask(
	where: http.RequestOptions,
	method: string,
	address: string,
	{ body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<Reply> {
	const sent = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
	const type = { "content-type": "application/json" };
	return new Promise((resolve, reject) => {
		const request = http.request(
			{
				agent: false,
				timeout: LIMIT_MS,
				...where,
				method,
				path: address,
				headers: { ...(method === "GET" ? {} : type), ...headers },
			},
			(response) => {
				let text = "";
				response.setEncoding("utf8");
				response.on("data", (piece: string) => {
					text += piece;
				});
				response.on("error", reject);
				response.on("end", () => {
					const isJson = /json/.test(response.headers["content-type"] ?? "");
					const { statusCode: status = 0, headers } = response;
					resolve({ status, headers, text, body: isJson && text !== "" ? JSON.parse(text) : undefined });
				});
			},
		);
		request.on("error", reject);
		request.on("timeout", () => request.destroy(new Error("no answer")));
		request.end(sent);
	});
}

let sockets = 0;
const directory = scratchDirectory();

export class Stage {
	readonly opener = new FakeOpener();
	readonly workers = new FakeWorkers();
	readonly socketPath = path.join(directory, `${sockets++}.sock`);
	readonly log: string[] = [];
	#control: Control | undefined;

	/** Starts it, or, with the same opener and workers, starts it again. */
	async start(t: Test, more: Partial<ControlOptions> = {}): Promise<Control> {
		const note = (message: string): void => {
			this.log.push(message);
		};
		const control = await Control.start({
			version: "1.0",
			sinceMs: 0,
			started: STARTED,
			opener: this.opener,
			workers: this.workers,
			interfaceNames: () => ["eth0", "eth1"],
			listeners: [{ transport: "unix", where: { path: this.socketPath } }],
			assets: new Map(),
			log: { error: note, warn: note, info: note, verbose: () => {} },
			...more,
		});
		this.#control = control;
		t.teardown(() => control.close());
		return control;
	}

	get control(): Control {
		if (this.#control === undefined) throw new Error("not started");
		return this.#control;
	}

	async close(): Promise<void> {
		await this.control.close();
	}

	ask(method: string, address: string, more: Parameters<typeof ask>[3] = {}): Promise<Reply> {
		return ask({ socketPath: this.socketPath }, method, address, more);
	}

	/** With the ETag of the disk. */
	async askTagged(
		method: string,
		name: string,
		more: { body?: unknown; query?: string } = {},
	): Promise<Reply> {
		const { headers } = await this.ask("GET", `/api/v1/disks/${name}`);
		const tag = { "if-match": headers.etag ?? "" };
		return this.ask(method, `/api/v1/disks/${name}${more.query ?? ""}`, { headers: tag, body: more.body });
	}

	/** Until the job that a reply names is over. */
	async done(reply: Reply): Promise<void> {
		const id = reply.body.job ?? reply.body.id;
		await this.control.inside.jobs.get(id)?.ended;
	}

	async state(name: string): Promise<string> {
		return (await this.ask("GET", `/api/v1/disks/${name}`)).body.state;
	}
}

/** Lets everything go on that needs no time. */
export async function settle(): Promise<void> {
	for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
