/** etcd for tests: one member or a cluster of several, on loopback. See `service.ts`. */

import { existsSync } from "node:fs";
import path from "node:path";
import { scratchDirectory } from "../cleanup.js";
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

	private constructor(members: number) {
		this.#ports = Array.from({ length: members }, (_, member) => FIRST_PORT + member);
		this.#programs = this.#ports.map((_, member) => this.#member(member));
	}

	static async start(members: number): Promise<Etcd> {
		const etcd = new Etcd(members);
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
			"quota-backend-bytes": "67108864",
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

	async stop(): Promise<void> {
		await Promise.all(this.#programs.map((program) => program.stop("SIGKILL")));
	}
}
