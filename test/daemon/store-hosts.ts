/**
 * Hosts with one configuration, whose pool is in an object store: each a daemon of its own, on a port of one bridge in a namespace of the test's own. Used by tests of what happens when one of them is gone, stopped, or hands over.
 */

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import type { Test } from "tap";
import type { Event } from "../../lib/control/model.js";
import { interfaceInfo } from "../../lib/link/interfaces.js";
import { StandInEtcd } from "../object/stand-in-etcd.js";
import { BUCKET, KEYS, StandInS3 } from "../object/stand-in-s3.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run, sendSignal } from "../support/process.js";
import { DaemonTree } from "./tree-bench.js";

const ip = (command: string) =>
	execFileSync("ip", command.split(" "), { stdio: ["ignore", "ignore", "inherit"], timeout: LIMIT_MS });

/** A switch with a port for each of these, as interfaces of the same names. */
export async function layBridge(names: readonly string[]): Promise<void> {
	ip("link set lo up");
	ip("link add bridge0 type bridge");
	ip("link set bridge0 up");
	for (const name of names) {
		ip(`link add name ${name} mtu 9000 type veth peer name ${name}port mtu 9000`);
		ip(`link set ${name}port master bridge0`);
		for (const end of [name, `${name}port`]) ip(`link set ${end} up`);
	}
	for (const name of names) await until("the carrier", () => interfaceInfo(name)?.up === true, LIMIT_MS);
}

/** Where a pool is: lines of the configuration, and what only its hosts know. */
export interface Services {
	/** Of the table of the store, but for its secret. */
	readonly store: readonly string[];
	readonly secret: { readonly key: "secret_file" | "key_file"; readonly text: string };
	readonly container: string;
	/** None: the superblock is in the store. */
	readonly etcd: readonly string[];
}

/** Those of a test, which may have them go wrong. */
export interface StandIns extends Services {
	readonly standIns: { readonly s3: StandInS3; readonly etcd: StandInEtcd };
}

export async function startServices(t: Test): Promise<StandIns> {
	const [s3, etcd] = [new StandInS3(), new StandInEtcd()];
	const [endpoint, head] = [await s3.start(), await etcd.start()];
	t.teardown(() => Promise.all([s3.stop(), etcd.stop()]));
	return {
		store: ['type = "s3"', `endpoint = "${endpoint}"`, ...keysOf(KEYS)],
		...{ secret: { key: "secret_file", text: KEYS.secret }, container: BUCKET, etcd: [head] },
		standIns: { s3, etcd },
	};
}

export function keysOf(keys: { readonly region: string; readonly accessKey: string }): string[] {
	return [`region = "${keys.region}"`, `access_key = "${keys.accessKey}"`];
}

export interface HostOptions {
	/** Of the pool. */
	readonly stable?: "host" | "store";
	/** Of the disks; as everywhere, if not given. */
	readonly durability?: "ack" | "flush";
	/** Where NBD is served, beside a socket of its own. */
	readonly nbd?: string;
	/** Where iSCSI is served: the first disk, as LUN 0 of a target of this name. */
	readonly iscsi?: { readonly address: string; readonly target: string };
	/** Both serve the pool: where the other one reaches this one. */
	readonly partner?: string;
	/** As what it knows itself, if not as the machine of the test. */
	readonly hostname?: string;
	/** Disks by NBD, named as their volumes; the first one is e9.0, too. */
	readonly disks?: readonly string[];
}

export class Host {
	readonly tree = new DaemonTree();
	#pids: readonly number[] = [];

	constructor(
		readonly netif: string,
		{ store, secret, container, etcd }: Services,
		{
			stable = "store",
			durability = "ack",
			nbd,
			iscsi,
			partner,
			hostname,
			disks = ["web"],
		}: HostOptions = {},
	) {
		const { tree } = this;
		if (hostname !== undefined) {
			const named = `echo ${hostname} >/proc/sys/kernel/hostname && exec "$0" "$@"`;
			tree.vblade = ["unshare", "--uts", "sh", "-c", named, ...vbladeCommand()];
		}
		writeFileSync(tree.path("secret"), `${secret.text}\n`, { mode: 0o600 });
		const listen = [`unix:${tree.path("nbd.sock")}`, ...(nbd === undefined ? [] : [nbd])];
		tree.configure(
			[
				`[nbd]\nlisten = ${JSON.stringify(listen)}`,
				...["[store.attic]", ...store, `${secret.key} = "${tree.path("secret")}"`],
				...(etcd.length === 0 ? [] : [`[head.etcd]\nendpoints = ${JSON.stringify(etcd)}`]),
				`[pool.gold]\nstore = "attic"\ncontainer = "${container}"`,
				`head = "${etcd.length === 0 ? "store" : "etcd"}"`,
				`log = "${tree.path("log")}"\nstable = "${stable}"`,
				...(partner === undefined ? [] : [`serve = "both"\nlisten = "${partner}"`]),
				...disks.map(
					(name) =>
						`[disk.${name}]\nvolume = "gold/${name}"\ndurability = "${durability}"\n[disk.${name}.nbd]`,
				),
				...disks.slice(0, 1).map((name) => `[disk.${name}.aoe]\naddress = "9.0"\nnetif = ["${netif}"]`),
				...(iscsi === undefined
					? []
					: [`[disk.${disks[0]}.iscsi]\ntarget = "${iscsi.target}"\n[iscsi]\nlisten = ["${iscsi.address}"]`]),
				"",
			].join("\n"),
		);
	}

	/** Where a disk is for programs on this host. */
	uri(disk = "web"): string {
		return `nbd+unix:///${disk}?socket=${this.tree.path("nbd.sock")}`;
	}

	async start(): Promise<void> {
		await this.tree.start();
		this.#pids = (await this.tree.processes()).flatMap(({ pid }) => pid ?? []);
	}

	async say(...words: string[]): Promise<string> {
		return (await run([...vbladeCommand(), ...words, "--socket", this.tree.socket], LIMIT_MS)).output;
	}

	async io(...commands: string[]): Promise<string> {
		const words = commands.flatMap((command) => ["-c", command]);
		return (await run(["qemu-io", "-f", "raw", ...words, this.uri()], LIMIT_MS)).output;
	}

	/** To all of its processes; the opener first, which would start others anew. */
	signal(signal: NodeJS.Signals): void {
		for (const pid of new Set([this.tree.program.pid, ...this.#pids])) sendSignal(pid, signal);
	}

	/** As when its power goes. */
	async kill(): Promise<void> {
		this.signal("SIGKILL");
		await this.tree.program.stop("SIGKILL", LIMIT_MS);
	}

	async events(kind: Event["kind"]): Promise<readonly Event[]> {
		const { body } = await this.tree.ask("GET", "/api/v1/events");
		return (body.events as unknown as readonly Event[]).filter((event) => event.kind === kind);
	}

	async told(kind: Event["kind"], words: RegExp): Promise<Event> {
		let found: Event | undefined;
		const isThere = async (): Promise<boolean> => {
			found = (await this.events(kind)).find(({ message }) => words.test(message));
			return found !== undefined;
		};
		await until(`an event ${kind} ${words}`, isThere, LIMIT_MS);
		return found as Event;
	}
}

/** The pool of both, which the first one has, with its disk: that of the second one is so. */
export async function startBoth(one: Host, two: Host, second: "open" | "waiting"): Promise<void> {
	await one.start();
	await one.say("pool", "create", "gold");
	await one.say("volume", "create", "gold/web", "64M");
	await one.tree.state("web", "open");
	await two.start();
	await two.tree.state("web", second);
}
