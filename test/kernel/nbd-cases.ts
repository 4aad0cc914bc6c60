/**
 * The kernel's own client of NBD with our server: a file system over one connection and several, served alone and by the daemon; a server that is
 * killed and comes back; and a disk of the daemon as a local block device, with the daemon in the same kernel. Each case boots one kernel.
 * Played in short by `nbd.test.ts`, at length by `nbd.long.ts`.
 *
 *     server's lan0, 10.9.0.1 <=====> lan0 guest's vec0, 10.9.0.2
 */

import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Test } from "tap";
import { DaemonTree } from "../daemon/tree-bench.js";
import { pause } from "../support/cleanup.js";
import { GUEST_LIMIT_MS, LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import type { Program } from "../support/process.js";
import { type Filesystem, Stage } from "./stage.js";

const SERVER = "10.9.0.1";
const SITE = "10.9.0.2";
const PORT = 10809;
const ADDRESS = `${SERVER}:${PORT}`;
const DISK = "web";

export interface NbdCase {
	readonly filesystem: Filesystem;
	readonly mtu: number;
	readonly connections: number;
	/** By `vblade nbd`, or by the daemon. */
	readonly by: "command" | "daemon";
	readonly jobs: readonly string[];
	/** What each job writes. */
	readonly megabytes: number;
	readonly limitMs?: number;
}

export async function overNbd(t: Test, options: NbdCase): Promise<void> {
	const { filesystem, mtu, connections, by, jobs, megabytes, limitMs = GUEST_LIMIT_MS } = options;
	const stage = new Stage(t, { mtu, megabytes: jobs.length * megabytes + 400 });
	stage.lan.server.ip("address", "add", `${SERVER}/24`, "dev", "lan0");
	const server = by === "daemon" ? await daemonOf(stage) : await commandOf(stage);
	const list = jobs.join(",");
	const console = await stage.run({
		script: "nbd.sh",
		variables: {
			...PLACES,
			...(by === "daemon" && { disk: DISK }),
			streams: connections,
			filesystem,
			jobs: list,
			size: `${megabytes}m`,
		},
		isForTcp: true,
		limitMs,
	});
	t.match(console, `wrote and verified ${list}`, "what fio wrote came back");
	t.match(console, `verified again ${list}`, "and again after the file system was mounted anew");
	t.equal((await server.stop()).code, 0, "the server ends well");
	await stage.check(t, filesystem);
}

const PLACES = { site: SITE, server: SERVER, port: PORT };

/** `vblade nbd`, which has one disk, the default one. */
async function commandOf(stage: Stage): Promise<Program> {
	const server = stage.lan.server.start([...vbladeCommand(), "nbd", ADDRESS, stage.file()]);
	await server.waitFor(/ sectors /, LIMIT_MS);
	return server;
}

async function daemonOf(stage: Stage): Promise<Pick<Program, "stop">> {
	const tree = new DaemonTree(stage.lan.server.name);
	tree.configure(
		`[nbd]\nlisten = ["${ADDRESS}"]\n[disk.${DISK}]\nfile = "${stage.file()}"\n[disk.${DISK}.nbd]\n`,
	);
	await tree.start();
	await tree.state(DISK, "open");
	return { stop: () => tree.stop() } as Pick<Program, "stop">;
}

export interface OutageCase {
	readonly mtu: number;
	readonly connections: number;
	readonly jobs: readonly string[];
	readonly megabytes: number;
	/** fio's operations a second. */
	readonly rate: number;
	/** How often the server is killed, for how long it serves before, and how long it is away. */
	readonly kills: number;
	readonly lifeMs: number;
	readonly awayMs: number;
	readonly limitMs?: number;
}

/** For how long the driver waits for a server: longer than it is ever away. */
const WAITS_S = 60;

/** The server is killed, and comes back before the driver has given up. */
export async function outage(t: Test, options: OutageCase): Promise<void> {
	const { mtu, connections, jobs, megabytes, rate, limitMs = GUEST_LIMIT_MS } = options;
	const stage = new Stage(t, { mtu, megabytes: jobs.length * megabytes + 64 });
	stage.lan.server.ip("address", "add", `${SERVER}/24`, "dev", "lan0");
	let server = await commandOf(stage);
	const dies = async (): Promise<void> => {
		for (let n = 0; n < options.kills; n++) {
			await pause(options.lifeMs);
			await server.stop("SIGKILL");
			await pause(options.awayMs);
			server = await commandOf(stage);
		}
		await pause(options.lifeMs);
	};
	const enough = path.join(stage.scratch, "enough");
	let dying: Promise<void> | undefined;
	const console = await stage.run({
		script: "nbd-outage.sh",
		variables: {
			...{ ...PLACES, streams: connections, seconds: WAITS_S },
			...{ jobs: jobs.join(","), size: `${megabytes}m`, rate, enough },
		},
		isForTcp: true,
		limitMs,
		onLine: (line) => {
			if (line.endsWith("writing")) dying = dies().finally(() => writeFileSync(enough, ""));
		},
	});
	await dying;
	t.match(console, /verified$/m, "without an error, and all is there");
	t.equal((await server.stop()).code, 0, "the server ends well");
	await stage.check(t);
}

export interface InsideCase {
	readonly filesystem: Filesystem;
	readonly jobs: readonly string[];
	readonly megabytes: number;
	readonly limitMs?: number;
}

/** Server and client are one machine. */
export async function inside(t: Test, options: InsideCase): Promise<void> {
	const { filesystem, jobs, megabytes, limitMs = GUEST_LIMIT_MS } = options;
	const stage = new Stage(t, { mtu: 1500, megabytes: 0, blades: 0 });
	const list = jobs.join(",");
	const console = await stage.run({
		script: "nbd-inside.sh",
		variables: {
			vblade: vbladeCommand().join(","),
			disk: DISK,
			filesystem,
			jobs: list,
			size: `${megabytes}m`,
		},
		interfaceNames: [],
		memoryMegabytes: 1024,
		limitMs,
	});
	t.match(console, "the daemon serves");
	t.match(console, `verified again ${list}`, "the disk is one of this machine");
	t.match(console, "the file has it all");
}
