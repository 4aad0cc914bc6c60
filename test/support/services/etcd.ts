/** etcd for tests: one member or a cluster of several, on loopback. See `service.ts`. */

import { existsSync } from "node:fs";
import path from "node:path";
import { scratchDirectory } from "../cleanup.js";
import { LIMIT_MS } from "../limit.js";
import { Program } from "../process.js";
import { ready, says } from "./service.js";

const FIRST_PORT = 12_379;
/** Of what members tell each other. */
const PEERS = 100;

/** For `t.test(name, { skip: etcdMissing() }, ...)`. */
export function etcdMissing(): string | false {
	return existsSync("/usr/bin/etcd") ? false : "etcd is not there (package etcd-server)";
}

export class Etcd {
	readonly #folder = scratchDirectory();
	readonly #ports: readonly number[];
	readonly #programs: Program[];
	readonly #quotaBytes: number;

	private constructor(members: number, quotaBytes: number) {
		this.#quotaBytes = quotaBytes;
		this.#ports = Array.from({ length: members }, (_, member) => FIRST_PORT + member);
		this.#programs = this.#ports.map((_, member) => this.#member(member));
	}

	/** @param quotaBytes what it may have of data before it refuses more */
	static async start(members: number, quotaBytes = 67_108_864): Promise<Etcd> {
		const etcd = new Etcd(members, quotaBytes);
		await etcd.#ready();
		return etcd;
	}

	get endpoints(): readonly string[] {
		return this.#ports.map((port) => `http://127.0.0.1:${port}`);
	}

	#member(member: number): Program {
		const peer = (port: number): string => `http://127.0.0.1:${port + PEERS}`;
		const port = this.#ports[member]!;
		const client = `http://127.0.0.1:${port}`;
		const options = {
			name: `m${member}`,
			"data-dir": path.join(this.#folder, `m${member}`),
			"listen-client-urls": client,
			"advertise-client-urls": client,
			"listen-peer-urls": peer(port),
			"initial-advertise-peer-urls": peer(port),
			"initial-cluster": this.#ports.map((each, number) => `m${number}=${peer(each)}`).join(),
			"initial-cluster-state": "new",
			"quota-backend-bytes": String(this.#quotaBytes),
			"log-level": "warn",
		};
		return new Program(["etcd", ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])]);
	}

	#ready(): Promise<void> {
		return ready("etcd", this.#programs, [], async () => {
			const pages = await Promise.all(this.endpoints.map((endpoint) => says(`${endpoint}/health`, '"true"')));
			return pages.every((isHealthy) => isHealthy);
		});
	}

	/** As a crash would. */
	async kill(member: number): Promise<void> {
		await this.#programs[member]?.stop("SIGKILL");
	}

	/** With what it had. */
	async restart(member: number): Promise<void> {
		this.#programs[member] = this.#member(member);
		await this.#ready();
	}

	async #ask(member: number, path: string, form: object = {}): Promise<Record<string, unknown>> {
		const answer = await fetch(`${this.endpoints[member]}/v3/${path}`, {
			...{ method: "POST", body: JSON.stringify(form), signal: AbortSignal.timeout(LIMIT_MS) },
		});
		return (await answer.json()) as Record<string, unknown>;
	}

	/** Which member the others follow. */
	async leader(): Promise<number> {
		for (const member of this.#ports.keys()) {
			const { header, leader } = await this.#ask(member, "maintenance/status");
			if ((header as Record<string, unknown> | undefined)?.member_id === leader) return member;
		}
		throw new Error("there is no leader");
	}

	/** Until it takes no more. */
	async fill(): Promise<void> {
		const value = Buffer.alloc(1024 * 1024, 1).toString("base64");
		for (let count = 0; ; count++) {
			const key = Buffer.from(`junk ${count}`).toString("base64");
			const { error } = await this.#ask(0, "kv/put", { key, value });
			if (error === undefined) continue;
			if (String(error).includes("space exceeded")) return;
			throw new Error(String(error));
		}
	}

	/** As an operator makes room who has read how. */
	async makeRoom(): Promise<void> {
		const [key, end] = ["junk ", "junk!"].map((text) => Buffer.from(text).toString("base64"));
		const { header } = await this.#ask(0, "kv/deleterange", { key, range_end: end });
		const { revision } = header as Record<string, unknown>;
		await this.#ask(0, "kv/compaction", { revision, physical: true });
		for (const member of this.#ports.keys()) await this.#ask(member, "maintenance/defragment");
		const { alarms = [] } = await this.#ask(0, "maintenance/alarm", { action: "GET" });
		for (const alarm of alarms as object[])
			await this.#ask(0, "maintenance/alarm", { ...alarm, action: "DEACTIVATE" });
	}

	async stop(): Promise<void> {
		await Promise.all(this.#programs.map((program) => program.stop("SIGKILL")));
	}
}
