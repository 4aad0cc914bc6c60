/**
 * A Linux kernel with a file system on a disk of a pool in an object store, which two hosts have in turn: whoever has the pool is killed, or stands still and wakes, while
 * fio writes and verifies. Nothing may be lost, the kernel may see no error, and one that wakes acknowledges nothing. Played in short by `takeover.test.ts`, at length, with
 * real services and with Debian's kernel, by `takeover.long.ts`.
 *
 *     host1, 10.9.0.1 <===> bridge0 <===> client: the guest, 10.9.0.2
 *     host2, 10.9.0.3 <===>
 */

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Test } from "tap";
import { Host, type Services } from "../daemon/store-hosts.js";
import { pause, scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { Program } from "../support/process.js";
import { runDebian } from "../support/qemu.js";
import { runGuest } from "../support/uml.js";

const SITE = "10.9.0.2";
const SERVERS = ["10.9.0.1", "10.9.0.3"] as const;
const PORTS = { nbd: 10809, iscsi: 3260 } as const;
const TARGET = "iqn.2026-11.org.example:web";
const MTU = 9000;
const DISK = "web";
/** A disk that the guest has not: what is asked of it while its host stands still must never be answered. */
const OTHER = "other";

export interface TakeoverCase {
	readonly over: "aoe" | "nbd" | "iscsi";
	readonly services: Services;
	/** How the hosts end that have the pool, one after the other. */
	readonly ends: readonly ("killed" | "stopped")[];
	/** For how long each of them has it before. */
	readonly lifeMs: number;
	readonly connections: number;
	readonly jobs: readonly string[];
	readonly megabytes: number;
	/** fio's operations a second. */
	readonly rate: number;
	readonly limitMs: number;
	/** Runs the guest in place of user-mode Linux; `enough` tells it that it was. */
	readonly guest?: (play: GuestPlay) => Promise<string>;
}

export interface GuestPlay {
	readonly variables: Readonly<Record<string, string>>;
	readonly limitMs: number;
	/** To be called when it writes; resolves when it was enough. */
	readonly writing: () => Promise<void>;
}

/** Two hosts on the bridge of this namespace; the first one has the pool. */
export async function twoHosts(t: Test, services: Services): Promise<readonly [Host, Host]> {
	for (const server of SERVERS)
		execFileSync("ip", ["address", "replace", `${server}/24`, "dev", "bridge0"], { timeout: LIMIT_MS });
	const hostOf = (netif: string, address: string) =>
		new Host(netif, services, {
			nbd: `${address}:${PORTS.nbd}`,
			iscsi: { address: `${address}:${PORTS.iscsi}`, target: TARGET },
			disks: [DISK, OTHER],
		});
	const [one, two] = [hostOf("host1", SERVERS[0]), hostOf("host2", SERVERS[1])];
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));
	await one.start();
	await one.say("pool", "create", "gold");
	await one.say("volume", "create", `gold/${DISK}`, "128M");
	await one.say("volume", "create", `gold/${OTHER}`, "16M");
	for (const name of [DISK, OTHER]) await one.tree.state(name, "open");
	await two.start();
	return [one, two];
}

export async function takeover(t: Test, options: TakeoverCase): Promise<void> {
	const { over, jobs, megabytes, rate, limitMs } = options;
	const hosts = await twoHosts(t, options.services);
	const guest = options.guest ?? userMode;
	const console = await guest({
		variables: {
			...{ over, disk: over === "aoe" ? "e9.0" : DISK, jobs: jobs.join(","), size: `${megabytes}m` },
			...{ rate: String(rate), site: SITE, servers: SERVERS.join(",") },
			...{ port: String(over === "iscsi" ? PORTS.iscsi : PORTS.nbd) },
			streams: String(options.connections),
		},
		limitMs,
		writing: () => ended(t, hosts, options),
	});
	t.match(console, /verified$/m, "without an error, and all is there");
}

/** The pool goes from one to the other. */
async function ended(t: Test, hosts: readonly [Host, Host], { ends, lifeMs }: TakeoverCase): Promise<void> {
	let [owner, other] = hosts;
	await pause(lifeMs);
	for (const end of ends) {
		await (end === "killed" ? killed(owner, other) : stopped(t, owner, other));
		await pause(lifeMs);
		[owner, other] = [other, owner];
	}
}

async function killed(owner: Host, other: Host): Promise<void> {
	await owner.kill();
	await other.tree.state("web", "open");
	await owner.start();
}

/** It is asked for a write while it stands still, which it hears of when another one has the pool. */
async function stopped(t: Test, owner: Host, other: Host): Promise<void> {
	const asking = new Program(["qemu-io", "-f", "raw", owner.uri(OTHER)]);
	t.teardown(() => asking.stop("SIGKILL"));
	const ask = async (command: string): Promise<number> => {
		const from = asking.output.length;
		asking.write(`${command}\n`);
		return from;
	};
	await asking.waitFor(/wrote/, LIMIT_MS, await ask("write -P 5 0 64k"));
	owner.signal("SIGSTOP");
	const from = await ask("write -P 6 0 64k");
	await other.tree.state("web", "open");
	owner.signal("SIGCONT");
	await asking.waitFor(/write failed/, LIMIT_MS, from);
	t.notMatch(asking.output.slice(from), /wrote/, "one that wakes acknowledges nothing");
	await owner.told("pool-lost", /has the pool now/);
	await other.tree.state(OTHER, "open");
	t.notMatch(await other.io("read 0 4k"), /fail|error/i, "the other one has it");
}

async function userMode({ variables, limitMs, writing }: GuestPlay): Promise<string> {
	const enough = path.join(scratchDirectory(), "enough");
	let running: Promise<void> | undefined;
	const console = await runGuest({
		...{ interfaceNames: ["client"], mtu: MTU, script: "takeover.sh", limitMs },
		variables: { ...variables, enough },
		isForTcp: variables.over !== "aoe",
		onLine: (line) => {
			if (line.endsWith("writing")) running = writing().finally(() => writeFileSync(enough, ""));
		},
	});
	await running;
	return console;
}

export const DEBIAN_PROGRAMS = ["/sbin/mkfs.ext4", "/sbin/e2fsck", "/usr/bin/fio"];

/** Debian's kernel, on a tap interface of the bridge. */
export async function debian({ variables, limitMs, writing }: GuestPlay): Promise<string> {
	let running: Promise<void> | undefined;
	const console = await runDebian({
		...{ port: { kind: "tap", interfaceName: "tap0" }, mtu: MTU, script: "takeover.sh", limitMs },
		...{ programs: DEBIAN_PROGRAMS, variables },
		onLine: (line, type) => {
			if (line.endsWith("writing")) running = writing().finally(() => type("enough\n"));
		},
	});
	await running;
	return console;
}
