/**
 * Swift for tests, all of it on loopback: a proxy with tempauth and the S3 face, an account and a container server, and object servers,
 * each of which has one copy of every object. See `service.ts`; `swift-servers.py` loads and forks them.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pause, scratchDirectory, until } from "../cleanup.js";
import { LIMIT_MS } from "../limit.js";
import { sourceFile } from "../paths.js";
import { Program, sendSignal } from "../process.js";
import { ready, says } from "./service.js";

const PORTS = { proxy: 18_080, account: 18_081, container: 18_082, memcached: 18_083, object: 18_090 };
const PYTHON = "/usr/bin/python3";
const USER = "test:tester";
const KEY = "testing";

/** For `t.test(name, { skip: swiftMissing() }, ...)`. */
export function swiftMissing(): string | false {
	const found = spawnSync(PYTHON, ["-c", "import swift.proxy.server, swift.obj.server"], {
		timeout: LIMIT_MS,
	});
	const memory = spawnSync("memcached", ["-V"], { timeout: LIMIT_MS });
	return found.status === 0 && memory.status === 0 ? false : "Swift is not there (package swift-proxy)";
}

const FILTERS = "catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth copy slo";

function proxy(common: string): string {
	const own: Record<string, string> = {
		cache: `memcache_servers = 127.0.0.1:${PORTS.memcached}`,
		s3api: "location = us-east-1\ns3_acl = false",
		tempauth: `user_test_tester = ${KEY} .admin\nstorage_url_scheme = http`,
	};
	const names: Record<string, string> = { cache: "memcache" };
	const filters = FILTERS.split(" ").map(
		(name) => `[filter:${name}]\nuse = egg:swift#${names[name] ?? name}\n${own[name] ?? ""}\n`,
	);
	return `[DEFAULT]
bind_port = ${PORTS.proxy}
${common}
[pipeline:main]
pipeline = ${FILTERS} proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
node_timeout = 3
conn_timeout = 1
error_suppression_interval = 1
${filters.join("")}`;
}

function storage(kind: string, port: number, devices: string, common: string): string {
	return `[DEFAULT]
bind_port = ${port}
devices = ${devices}
${common}
[pipeline:main]
pipeline = ${kind}-server
[app:${kind}-server]
use = egg:swift#${kind}
`;
}

export class Swift {
	readonly #folder = scratchDirectory();
	readonly #memcached: Program;
	readonly #servers: Program;
	readonly #names: readonly string[];

	private constructor(copies: number) {
		this.#names = [
			"account",
			"container",
			...Array.from({ length: copies }, (_, copy) => `object${copy + 1}`),
			"proxy",
		];
		this.#configure(copies);
		const port = String(PORTS.memcached);
		this.#memcached = new Program([
			"memcached",
			"-l",
			"127.0.0.1",
			"-p",
			port,
			"-U",
			"0",
			"-m",
			"16",
			"-u",
			"root",
		]);
		const program = sourceFile("test/support/services/swift-servers.py");
		this.#servers = new Program([PYTHON, program, this.#folder, ...this.#names]);
	}

	/** @param copies of each object, with a server each */
	static async start(copies: number): Promise<Swift> {
		const swift = new Swift(copies);
		const logs = swift.#names.map((name) => path.join(swift.#folder, `${name}.log`));
		await ready("swift", [swift.#memcached, swift.#servers], logs, async () => {
			if (!(await says(`${swift.url}/healthcheck`, "OK"))) return false;
			// All of it works when somebody can log in and look.
			const { auth, user, key } = swift.account;
			const signal = AbortSignal.timeout(2_000);
			const login = await fetch(auth, { headers: { "x-auth-user": user, "x-auth-key": key }, signal });
			const token = login.headers.get("x-auth-token") ?? "";
			const looked = await fetch(`${swift.url}/v1/AUTH_test`, { headers: { "x-auth-token": token }, signal });
			await looked.arrayBuffer();
			return looked.ok;
		});
		return swift;
	}

	get url(): string {
		return `http://127.0.0.1:${PORTS.proxy}`;
	}

	get account() {
		return { version: 1, auth: `${this.url}/auth/v1.0`, user: USER, key: KEY } as const;
	}

	/** Of the S3 face. */
	get keys() {
		return { region: "us-east-1", accessKey: USER, secret: KEY };
	}

	#configure(copies: number): void {
		const write = (name: string, text: string): void => writeFileSync(path.join(this.#folder, name), text);
		const common = `bind_ip = 127.0.0.1
workers = 0
user = root
swift_dir = ${this.#folder}
mount_check = false
fallocate_reserve = 0
log_level = WARNING
recon_cache_path = ${this.#folder}`;
		write(
			"swift.conf",
			"[swift-hash]\nswift_hash_path_prefix = a\nswift_hash_path_suffix = b\n[storage-policy:0]\nname = gold\ndefault = yes\n",
		);
		write("mime.types", "");
		write("proxy.conf", proxy(common));
		const objects = Array.from({ length: copies }, (_, copy) => ({
			name: `object${copy + 1}`,
			port: PORTS.object + copy,
			copy,
		}));
		write(
			"ports",
			`account ${PORTS.account}\ncontainer ${PORTS.container}\nobject ${objects.map(({ port }) => port).join(" ")}\n`,
		);
		const devices = (name: string, device: string): string => {
			mkdirSync(path.join(this.#folder, name, device), { recursive: true });
			return path.join(this.#folder, name);
		};
		for (const kind of ["account", "container"] as const)
			write(`${kind}.conf`, storage(kind, PORTS[kind], devices(kind, "d1"), common));
		for (const { name, port, copy } of objects)
			write(`${name}.conf`, storage("object", port, devices(name, `d${copy + 1}`), common));
	}

	/** One server, as a crash would. */
	kill(name: string): void {
		this.signal(name, "SIGKILL");
	}

	/** SIGSTOP: it hangs. */
	signal(name: string, signal: NodeJS.Signals): void {
		const all = [...this.#servers.output.matchAll(new RegExp(`^started ${name} (\\d+)$`, "gm"))];
		const pid = all.at(-1)?.[1];
		if (pid === undefined) throw new Error(`${name} was not started`);
		sendSignal(Number(pid), signal);
	}

	/** An object server that was killed comes back with what it had then, and hears of nothing that it has missed; the proxy asks it again after a second. */
	async restart(name: string): Promise<void> {
		const from = this.#servers.output.length;
		this.#servers.write(`${name}\n`);
		await this.#servers.waitFor(new RegExp(`^started ${name} `, "m"), LIMIT_MS, from);
		const port = PORTS.object + Number(name.slice("object".length)) - 1;
		const answers = () =>
			fetch(`http://127.0.0.1:${port}/`).then(
				() => true,
				() => false,
			);
		await until(name, answers, LIMIT_MS);
		await pause(1500);
	}

	/** As a restart of memcached does: no token is known any more. */
	async forgetTokens(): Promise<void> {
		const { connect } = await import("node:net");
		const socket = connect(PORTS.memcached, "127.0.0.1");
		await new Promise<void>((resolve, reject) => {
			socket.once("error", reject).once("data", () => resolve());
			socket.write("flush_all\r\n");
		});
		socket.destroy();
	}

	async stop(): Promise<void> {
		await Promise.all([this.#servers.stop("SIGKILL"), this.#memcached.stop("SIGKILL")]);
	}
}
