/**
 * What the tests with a Linux kernel as the client share: a LAN with our server on one side and room for the kernel on the
 * other, and files for the blades. `storage-cases.ts` and `network-cases.ts` play on it; `kernel.test.ts` too.
 */

import { closeSync, openSync, readFileSync, readSync, statSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Test } from "tap";
import { scratchDirectory } from "../support/cleanup.js";
import { GUEST_LIMIT_MS, LIMIT_MS } from "../support/limit.js";
import { Lan, type Namespace } from "../support/netns.js";
import { sourceFile, vbladeCommand } from "../support/paths.js";
import { type Program, run, sendSignal } from "../support/process.js";
import { runGuest, umlMissing } from "../support/uml.js";

/** Why the tests can't run here, or false: for `t.test(name, { skip }, ...)`. */
export const skip =
	umlMissing("/usr/bin/fio", "/usr/sbin/mkfs.xfs", "/usr/sbin/mdadm", "/usr/sbin/aoe-revalidate") ?? false;

export interface StageOptions {
	readonly mtu: number;
	readonly megabytes: number;
	/** Each a blade, e9.0 and so on. */
	readonly blades?: number;
	/** `lan0` and so on, between server and client. */
	readonly cables?: number;
}

export interface Play {
	readonly script: string;
	readonly variables: Readonly<Record<string, string | number>>;
	/** The guest's ports; `lan0` if not given. */
	readonly interfaceNames?: readonly string[];
	/** Where these are; the client's side if not given. */
	readonly namespace?: Namespace;
	readonly limitMs?: number;
	readonly onLine?: (line: string) => void;
	/** See `GuestOptions`. */
	readonly isForTcp?: boolean;
	readonly memoryMegabytes?: number;
}

export class Stage {
	readonly lan: Lan;
	readonly mtu: number;
	/** File of each blade. */
	readonly files: string[] = [];
	readonly scratch = scratchDirectory();

	constructor(t: Test, { mtu, megabytes, blades = 1, cables = 1 }: StageOptions) {
		this.mtu = mtu;
		this.lan = new Lan({ mtu });
		t.teardown(() => this.lan.remove());
		for (let i = 1; i < cables; i++) this.lan.cable(`lan${i}`, { mtu });
		for (let i = 0; i < blades; i++) {
			const file = path.join(this.scratch, `disk${i}.img`);
			writeFileSync(file, "");
			truncateSync(file, megabytes * 1024 * 1024);
			this.files.push(file);
		}
	}

	/** The file of e9.<slot>. */
	file(slot = 0): string {
		const file = this.files[slot];
		if (file === undefined) throw new Error(`there is no blade ${slot}`);
		return file;
	}

	/** Starts vblade for e9.<slot> and waits until it serves. */
	async serve(slot = 0, netif = "lan0"): Promise<Program> {
		const file = this.file(slot);
		const vblade = this.lan.server.start([...vbladeCommand(), "9", String(slot), netif, file]);
		const sectors = statSync(file).size / 512;
		await vblade.waitFor(new RegExp(`^pid \\d+: e9\\.${slot}, ${sectors} sectors O_RDWR$`, "m"), LIMIT_MS);
		return vblade;
	}

	/** Starts vbladed for e9.0, and gives back the pid file. The namespace's end is the daemon's too. */
	async serveAsDaemon(): Promise<string> {
		const pidFile = path.join(this.scratch, "vbladed.pid");
		const { code, output } = await run([sourceFile("vbladed"), "9", "0", "lan0", this.file()], LIMIT_MS, {
			namespace: this.lan.server.name,
			env: { VBLADED_PIDFILE: pidFile },
		});
		if (code !== 0) throw new Error(`vbladed: ${output}`);
		return pidFile;
	}

	/** Puts a switch at the client's end of `lan<n>`, and gives back the port for a guest: it stays up whatever becomes of the cable. */
	addSwitch(n = 0): string {
		const ip = (...args: string[]) => this.lan.client.ip("link", ...args);
		const mtu = String(this.mtu);
		ip("add", `switch${n}`, "type", "bridge");
		ip("add", `port${n}`, "mtu", mtu, "type", "veth", "peer", `guest${n}`, "mtu", mtu);
		for (const port of [`lan${n}`, `port${n}`]) ip("set", port, "master", `switch${n}`);
		for (const name of [`switch${n}`, `port${n}`, `guest${n}`]) ip("set", name, "up");
		return `guest${n}`;
	}

	/** Runs a guest script to its end and gives back what its console said; throws unless it passed. */
	run(play: Play): Promise<string> {
		const { script, variables, interfaceNames = ["lan0"], namespace = this.lan.client, onLine } = play;
		const { isForTcp, memoryMegabytes } = play;
		return runGuest({
			...(isForTcp !== undefined && { isForTcp }),
			...(memoryMegabytes !== undefined && { memoryMegabytes }),
			namespace,
			interfaceNames,
			mtu: this.mtu,
			script,
			variables: Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)])),
			limitMs: play.limitMs ?? GUEST_LIMIT_MS,
			...(onLine ? { onLine } : {}),
		});
	}

	/** The file must be a sound file system without any server or client. */
	async check(t: Test, filesystem: Filesystem = "ext4"): Promise<void> {
		const checker = filesystem === "xfs" ? ["xfs_repair", "-n"] : ["e2fsck", "-fn"];
		const { code, output } = await run([...checker, this.file()], LIMIT_MS);
		t.equal(code, 0, "the file alone is a sound file system");
		if (code !== 0) t.comment(output);
	}
}

/** The first so many megabytes of a file. */
export function beginning(file: string, megabytes: number): Buffer {
	const bytes = Buffer.alloc(megabytes * 1024 * 1024);
	const descriptor = openSync(file, "r");
	try {
		if (readSync(descriptor, bytes, 0, bytes.length, 0) < bytes.length) throw new Error(`${file}: too short`);
	} finally {
		closeSync(descriptor);
	}
	return bytes;
}

export type Filesystem = "ext4" | "xfs";

/** Kills the process that a pid file names, and nothing else of its daemon. */
export function killByPidFile(pidFile: string): void {
	sendSignal(Number(readFileSync(pidFile, "utf8")), "SIGKILL");
}
