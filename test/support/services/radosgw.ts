/**
 * Ceph's S3 for tests: radosgw over one monitor and one OSD that keeps what there is in memory, all of it on loopback. See `service.ts`.
 */

import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { scratchDirectory } from "../cleanup.js";
import { Program, run } from "../process.js";
import { ready, says } from "./service.js";

const PORTS = { gateway: 18_480, monitor: 18_481, first: 18_490, last: 18_499 };
const STEP_MS = 60_000;
const KEYS = { region: "us-east-1", accessKey: "testkey", secret: "testsecret" };
const CLIENTS = ["client.admin", "client.rgw.a", "osd.0"];

/** For `t.test(name, { skip: radosgwMissing() }, ...)`. */
export function radosgwMissing(): string | false {
	const programs = ["radosgw", "ceph-mon", "ceph-osd", "ceph"];
	return programs.every((program) => existsSync(`/usr/bin/${program}`))
		? false
		: "Ceph is not there (package radosgw)";
}

/** Each new pool is a round of the monitor's, one a second if it is not told otherwise. */
function configuration(folder: string, id: string): string {
	return `[global]
fsid = ${id}
mon_host = [v2:127.0.0.1:${PORTS.monitor}]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_allow_insecure_global_id_reclaim = false
keyring = ${folder}/keyring
ms_bind_msgr1 = false
ms_bind_port_min = ${PORTS.first}
ms_bind_port_max = ${PORTS.last}
run_dir = ${folder}
admin_socket = ${folder}/$name.asok
log_file = ${folder}/$name.log
crash_dir = ${folder}/crash
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
[mon]
mon_data = ${folder}/mon
mon_data_avail_crit = 1
mon_data_avail_warn = 2
mon_max_pg_per_osd = 1000
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
[osd]
osd_data = ${folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 1073741824
osd_memory_target = 939524096
[client.rgw.a]
rgw_frontends = beast endpoint=127.0.0.1:${PORTS.gateway}
rgw_data = ${folder}/rgw
`;
}

export class Radosgw {
	readonly #folder = scratchDirectory();
	readonly #id = randomUUID();
	/** In the order in which they were started. */
	readonly #programs: Program[] = [];
	readonly keys = KEYS;
	readonly url = `http://127.0.0.1:${PORTS.gateway}`;

	static async start(): Promise<Radosgw> {
		const radosgw = new Radosgw();
		try {
			await radosgw.#start();
		} catch (error) {
			await radosgw.stop();
			throw error;
		}
		return radosgw;
	}

	get #env(): Record<string, string> {
		return { CEPH_CONF: this.#file("ceph.conf") };
	}

	#file(name: string): string {
		return path.join(this.#folder, name);
	}

	/** To its end. */
	async #run(...command: string[]): Promise<string> {
		const { code, output } = await run(command, STEP_MS, { env: this.#env });
		if (code !== 0) throw new Error(`${command.join(" ")}: ${code}\n${output}`);
		return output;
	}

	#ceph(...words: string[]): Promise<string> {
		return this.#run("ceph", "--connect-timeout", "5", ...words);
	}

	async #begin(command: readonly string[], isReady: () => Promise<boolean>): Promise<void> {
		this.#programs.push(new Program(command, { env: this.#env }));
		await ready(command[0] ?? "", this.#programs, [], isReady);
	}

	async #start(): Promise<void> {
		for (const name of ["mon", "osd", "rgw", "crash"]) mkdirSync(this.#file(name));
		writeFileSync(this.#file("ceph.conf"), configuration(this.#folder, this.#id));
		const keyring = this.#file("keyring");
		await this.#run(
			"ceph-authtool",
			"--create-keyring",
			keyring,
			"--gen-key",
			"-n",
			"mon.",
			"--cap",
			"mon",
			"allow *",
		);
		const caps = ["mon", "osd", "mgr"].flatMap((what) => ["--cap", what, "allow *"]);
		for (const client of CLIENTS)
			await this.#run("ceph-authtool", keyring, "--gen-key", "-n", client, ...caps);
		const map = this.#file("monmap");
		const place = `[v2:127.0.0.1:${PORTS.monitor}]`;
		await this.#run("monmaptool", "--create", "--fsid", this.#id, "--addv", "a", place, map);
		await this.#run("ceph-mon", "--mkfs", "-i", "a", "--monmap", map, "--keyring", keyring);
		await this.#begin(["ceph-mon", "-f", "-i", "a"], async () => (await this.#ceph("mon", "stat")) !== "");
		const osd = randomUUID();
		await this.#ceph("osd", "new", osd);
		await this.#run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd);
		const isActive = async (): Promise<boolean> =>
			(await this.#ceph("daemon", "osd.0", "status")).includes('"active"');
		await this.#begin(["ceph-osd", "-f", "-i", "0"], isActive);
		await this.#begin(["radosgw", "-f", "-n", "client.rgw.a"], () => says(this.url, "ListAllMyBuckets"));
		const user = [
			"--uid=test",
			"--display-name=test",
			`--access-key=${KEYS.accessKey}`,
			`--secret-key=${KEYS.secret}`,
		];
		await this.#run("radosgw-admin", "-n", "client.rgw.a", "user", "create", ...user);
	}

	/** The gateway first, for without the others it lingers. */
	async stop(): Promise<void> {
		for (const program of this.#programs.toReversed()) await program.stop("SIGKILL");
	}
}
