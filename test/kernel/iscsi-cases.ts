/**
 * The kernel's own initiator of iSCSI, with open-iscsi's programs, and our server: a file system by one session; a server that is killed and comes
 * back; two paths to one disk, each of which is taken away once; a mirror of two disks. Each case boots one kernel. Played in short by `iscsi.test.ts`, at length by
 * `iscsi.long.ts`.
 *
 *     server's lan0, 10.9.0.1 <=====> lan0 guest's vec0, 10.9.0.2
 *              lan1, 10.8.0.1 <=====> lan1         vec1, 10.8.0.2
 */

import { statSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Test } from "tap";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { type ServedLun, serveFile } from "../iscsi/luns.js";
import { pause } from "../support/cleanup.js";
import { GUEST_LIMIT_MS } from "../support/limit.js";
import { programsMissing } from "../support/programs.js";
import { umlMissing } from "../support/uml.js";
import { beginning, type Filesystem, Stage } from "./stage.js";

const PORT = 3260;
const SERVERS = ["10.9.0.1", "10.8.0.1"] as const;
export const SITES = ["10.9.0.2", "10.8.0.2"] as const;
const PORTALS = SERVERS.map((address) => `${address}:${PORT}`);
export const [PORTAL = ""] = PORTALS;
/** For longer than its session is kept waiting. */
const RAID_AWAY_MS = 6000;

export const skip =
	umlMissing("/usr/bin/fio", "/usr/sbin/mkfs.xfs", "/usr/sbin/iscsid", "/sbin/dmsetup", "/usr/sbin/mdadm") ??
	programsMissing("iscsi-ls", "iscsiadm", "sg_inq") ??
	false;

/** The file of the stage, at so many portals. */
async function serve(t: Test, stage: Stage, portals = 1): Promise<ServedLun> {
	const place = { portals: PORTALS.slice(0, portals), namespace: stage.lan.server.name };
	const server = await serveFile(stage.file(), place);
	t.teardown(() => server.kill());
	return server;
}

export function stageOf(t: Test, mtu: number, megabytes: number, { cables = 1, disks = 1 } = {}): Stage {
	const stage = new Stage(t, { mtu, megabytes, cables, blades: disks });
	// To be asked there what it has.
	stage.lan.server.ip("link", "set", "lo", "up");
	for (let at = 0; at < cables; at++)
		stage.lan.server.ip("address", "add", `${SERVERS[at]}/24`, "dev", `lan${at}`);
	return stage;
}

export interface IscsiCase {
	readonly filesystem: Filesystem;
	readonly mtu: number;
	readonly hasDigests: boolean;
	readonly jobs: readonly string[];
	/** What each job writes. */
	readonly megabytes: number;
	readonly limitMs?: number;
}

export async function overIscsi(t: Test, options: IscsiCase): Promise<void> {
	const { filesystem, mtu, hasDigests, jobs, megabytes, limitMs = GUEST_LIMIT_MS } = options;
	const stage = stageOf(t, mtu, jobs.length * megabytes + 400);
	const server = await serve(t, stage);
	const list = jobs.join(",");
	const console = await stage.run({
		script: "iscsi.sh",
		variables: {
			...{ site: SITES[0], portal: PORTAL, digests: hasDigests ? "CRC32C" : "None" },
			...{ filesystem, jobs: list, size: `${megabytes}m` },
		},
		isForTcp: true,
		limitMs,
	});
	t.match(console, `wrote and verified ${list}`, "what fio wrote came back");
	t.match(console, `verified again ${list}`, "and again after the file system was mounted anew");
	t.ok(await server.end(), "the server ends well");
	await stage.check(t, filesystem);
}

/** Two disks of two servers as a mirror, one of which is away for a while. */
export async function raid(t: Test, megabytes: number): Promise<void> {
	const stage = stageOf(t, 9000, megabytes + 4, { disks: 2 });
	const portals = [PORT, PORT + 1].map((port) => `${SERVERS[0]}:${port}`);
	const serveOne = async (at: number): Promise<ServedLun> => {
		const place = { portals: [portals[at]!], namespace: stage.lan.server.name };
		const server = await serveFile(stage.file(at), place);
		t.teardown(() => server.kill());
		return server;
	};
	const first = await serveOne(0);
	let second = Promise.resolve(await serveOne(1));
	const replace = async () => {
		await (await second).kill();
		await pause(RAID_AWAY_MS);
		return await serveOne(1);
	};
	const console = await stage.run({
		script: "iscsi-raid.sh",
		variables: { site: SITES[0], portals: portals.join(","), megabytes },
		isForTcp: true,
		onLine: (line) => {
			if (line.endsWith("fail it")) second = replace();
		},
	});
	t.match(console, "degraded", "it went on with one");
	t.match(console, "re-added", "the other one caught up");
	t.match(console, "compared", "all is there");
	for (const server of [first, await second]) t.ok(await server.end(), "a server ends well");
	t.ok(
		beginning(stage.file(0), megabytes).equals(beginning(stage.file(1), megabytes)),
		"the files of both halves are equal",
	);
}

/** What sg3-utils ask for. */
export async function commands(t: Test): Promise<void> {
	const stage = stageOf(t, 9000, 64);
	const server = await serve(t, stage);
	const console = await stage.run({
		script: "iscsi-sg.sh",
		variables: { site: SITES[0], portal: PORTAL },
		isForTcp: true,
	});
	t.match(console, /all is well$/m);
	t.ok(await server.end(), "the server ends well");
}

/** What files had is freed on the server when they are gone. */
export async function discard(t: Test, filesystem: Filesystem, megabytes: number): Promise<void> {
	const stage = stageOf(t, 9000, 400);
	const server = await serve(t, stage);
	const used: Record<string, number> = {};
	await stage.run({
		script: "iscsi-discard.sh",
		variables: { site: SITES[0], portal: PORTAL, filesystem, megabytes },
		isForTcp: true,
		onLine: (line) => {
			const [, word] = /(filled|trimmed|discarded|all of it)$/.exec(line) ?? [];
			if (word !== undefined) used[word] = (statSync(stage.file()).blocks * SECTOR_BYTES) / 2 ** 20;
		},
	});
	t.comment(`of the server's disk, in MiB: ${JSON.stringify(used)}`);
	const { filled = 0, trimmed = filled, discarded = filled, "all of it": rest = filled } = used;
	t.ok(filled >= megabytes, "the file has it");
	for (const [what, left] of Object.entries({ trimmed, discarded }))
		t.ok(left < filled - 0.9 * megabytes, `${what}: it has it no more`);
	t.ok(rest < 2, "of what is discarded all is free");
	t.ok(await server.end(), "the server ends well");
}

/** The file grows while its file system is mounted. */
export async function growth(t: Test, filesystem: Filesystem, megabytes: number): Promise<void> {
	const stage = stageOf(t, 9000, megabytes);
	const server = await serve(t, stage);
	const sectors = 3 * megabytes * 2048;
	const console = await stage.run({
		script: "iscsi-growth.sh",
		variables: { site: SITES[0], portal: PORTAL, filesystem, sectors },
		isForTcp: true,
		onLine: (line) => {
			if (line.includes("mounted")) truncateSync(stage.file(), sectors * 512);
		},
	});
	t.match(console, /told$/m, "the kernel is told of it");
	t.match(console, "filled and compared", "the new space is there and used");
	t.ok(await server.end(), "the server ends well");
	await stage.check(t, filesystem);
}

/** Work that goes on while something is taken away. */
export interface Rounds {
	readonly mtu: number;
	readonly jobs: readonly string[];
	readonly megabytes: number;
	/** fio's operations a second. */
	readonly rate: number;
	readonly limitMs?: number;
}

export interface OutageCase extends Rounds {
	/** How often the server is killed, for how long it serves before, and how long it is away. */
	readonly kills: number;
	readonly lifeMs: number;
	readonly awayMs: number;
}

/** The server is killed, and comes back before the initiator has given up. */
export async function outage(t: Test, options: OutageCase): Promise<void> {
	const stage = stageOf(t, options.mtu, options.jobs.length * options.megabytes + 64);
	let server = await serve(t, stage);
	await untilEnough(t, stage, options, {
		script: "iscsi-outage.sh",
		variables: { site: SITES[0], portal: PORTAL },
		trouble: async () => {
			for (let n = 0; n < options.kills; n++) {
				await pause(options.lifeMs);
				await server.kill();
				await pause(options.awayMs);
				server = await serve(t, stage);
			}
			await pause(options.lifeMs);
		},
	});
	t.ok(await server.end(), "the server ends well");
	await stage.check(t);
}

export interface PathsCase extends Rounds {
	/** How often each path is taken away, for how long both are there before, and how long it is away. */
	readonly cuts: number;
	readonly lifeMs: number;
	readonly awayMs: number;
}

/** One of two paths is taken away, and comes back, and then the other one. */
export async function paths(t: Test, options: PathsCase): Promise<void> {
	const stage = stageOf(t, options.mtu, options.jobs.length * options.megabytes + 64, { cables: 2 });
	const server = await serve(t, stage, 2);
	const set = (name: string, state: "up" | "down") => stage.lan.server.ip("link", "set", name, state);
	await untilEnough(t, stage, options, {
		script: "iscsi-paths.sh",
		variables: { sites: SITES.join(","), portals: PORTALS.join(",") },
		interfaceNames: ["lan0", "lan1"],
		trouble: async () => {
			for (let n = 0; n < 2 * options.cuts; n++) {
				await pause(options.lifeMs);
				set(`lan${n % 2}`, "down");
				await pause(options.awayMs);
				set(`lan${n % 2}`, "up");
			}
			await pause(options.lifeMs);
		},
	});
	t.ok(await server.end(), "the server ends well");
	await stage.check(t);
}

interface Troubled {
	readonly script: string;
	readonly variables: Readonly<Record<string, string>>;
	readonly interfaceNames?: readonly string[];
	/** What happens from the line "writing" on; when it is over the guest is told that it was enough. */
	readonly trouble: () => Promise<void>;
}

async function untilEnough(t: Test, stage: Stage, options: Rounds, troubled: Troubled): Promise<void> {
	const { jobs, megabytes, rate, limitMs = GUEST_LIMIT_MS } = options;
	const { script, variables, interfaceNames = ["lan0"], trouble } = troubled;
	const enough = path.join(stage.scratch, "enough");
	let happening: Promise<void> | undefined;
	const console = await stage.run({
		script,
		variables: { ...variables, jobs: jobs.join(","), size: `${megabytes}m`, rate, enough },
		interfaceNames,
		isForTcp: true,
		limitMs,
		onLine: (line) => {
			if (line.endsWith("writing")) happening = trouble().finally(() => writeFileSync(enough, ""));
		},
	});
	await happening;
	t.match(console, /verified$/m, "without an error, and all is there");
}
