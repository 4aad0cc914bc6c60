/**
 * What can happen to a daemon while a client is at work: its configuration is read again and again, its processes are killed, it is
 * replaced by another build, a limit comes and goes, its link too. Each ordeal is over when all is as it was before. Used by
 * `daemon-cases.ts`.
 */

import { cpSync, existsSync, symlinkSync } from "node:fs";
import path from "node:path";
import { type DaemonTree, diskToml } from "../daemon/tree-bench.js";
import { pause, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import type { Namespace } from "../support/netns.js";
import { PROJECT } from "../support/paths.js";
import { sendSignal } from "../support/process.js";

/** Long enough for frames to be lost, or to wait. */
const LASTS_MS = 600;

export interface Sufferer {
	readonly tree: DaemonTree;
	readonly server: Namespace;
	readonly mtu: number;
	readonly over: Over;
}

export type Ordeal = (sufferer: Sufferer) => Promise<void>;

export type Over = "aoe" | "iscsi";
/** Where the daemon is for TCP. */
export const PORTAL = { address: "10.9.0.1", port: 3260 } as const;
const TARGET = "iqn.2026-11.org.example:ordeals";

/** The disk that the client has, and another one that comes and goes; by iSCSI that is in the same target. */
export function configureFor(tree: DaemonTree, file: string, hasOther: boolean, over: Over): void {
	const disk = (name: string, storage: string, unit: number): string =>
		over === "aoe"
			? diskToml(name, storage, `9.${unit}`, "lan0")
			: `[disk.${name}]\n${storage}\n[disk.${name}.iscsi]\ntarget = "${TARGET}"\nlun = ${unit}\n`;
	const listen = over === "aoe" ? "" : `[iscsi]\nlisten = ["${PORTAL.address}:${PORTAL.port}"]\n`;
	tree.configure(
		listen + disk("web", `file = "${file}"`, 0) + (hasOther ? disk("other", 'memory = "1M"', 1) : ""),
	);
}

/** Ends all of it as the kernel does when memory is short; a service manager starts it again. */
async function killOpener({ tree }: Sufferer): Promise<void> {
	sendSignal(await tree.pidOf("opener"), "SIGKILL");
	await tree.program.finished(LIMIT_MS);
	await tree.start();
}

/** The program is somewhere else from now on. */
async function upgrade({ tree }: Sufferer): Promise<void> {
	const copy = tree.path("another-build");
	for (const part of ["build/bin", "native", "package.json"])
		cpSync(path.join(PROJECT, part), path.join(copy, part), { recursive: true });
	if (!existsSync(path.join(copy, "node_modules")))
		symlinkSync(path.join(PROJECT, "node_modules"), path.join(copy, "node_modules"));
	await tree.stop();
	tree.vblade = [path.join(copy, "build/bin/vblade.js")];
	await tree.start();
}

/** As slow as this for a while. */
async function limit({ tree }: Sufferer): Promise<void> {
	const set = async (iops: number | null): Promise<void> => {
		const headers = { "if-match": "*" };
		const { status, body } = await tree.ask(
			"PATCH",
			"/api/v1/disks/web",
			{ limit: iops && { iops } },
			headers,
		);
		if (status !== 202) throw new Error(`limit: ${status} ${JSON.stringify(body)}`);
	};
	// What the files say holds again after a reload.
	const isSlowed = async (): Promise<boolean> => {
		await set(20);
		const { body } = await tree.ask("GET", "/api/v1/disks/web");
		const { delayed = 0 } = (body.limit ?? {}) as { delayed?: number };
		return delayed > 0;
	};
	await until("requests that wait for the limit", isSlowed, LIMIT_MS);
	await set(null);
}

async function flap({ server }: Sufferer): Promise<void> {
	server.ip("link", "set", "lan0", "down");
	await pause(LASTS_MS);
	server.ip("link", "set", "lan0", "up");
}

/** Larger for a while. (One that is too small for what the client has asked already is told of in docs/reliability.md.) */
async function changeMtu({ server, mtu }: Sufferer): Promise<void> {
	server.ip("link", "set", "lan0", "mtu", String(mtu + 200));
	await pause(LASTS_MS);
	server.ip("link", "set", "lan0", "mtu", String(mtu));
}

export const ORDEALS = {
	"a worker is killed": ({ tree }) => tree.kill("worker"),
	"control is killed": ({ tree }) => tree.kill("control"),
	"a limit comes and goes": limit,
	"the link goes down and up": flap,
	"the MTU grows and shrinks": changeMtu,
	"the opener is killed": killOpener,
	"another build takes over": upgrade,
} as const satisfies Readonly<Record<string, Ordeal>>;
