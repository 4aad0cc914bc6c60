/**
 * A mirror of two files that our daemon exports, and the same files by one daemon without it: what a mirror costs. Started in turn by
 * `nbd-figures.ts`, as any other pair of servers.
 */

import { existsSync } from "node:fs";
import path from "node:path";
import { DaemonTree } from "../daemon/tree-bench.js";
import { until } from "../support/cleanup.js";
import { filled } from "./images.js";
import type { NbdContender, NbdPlace } from "./nbd-servers.js";

export const MIRRORED_BYTES = 256 * 2 ** 20;
/** For what a mirror keeps of itself. */
const OWN_BYTES = 2 ** 20;
const IN_SYNC_LIMIT_MS = 120_000;
const PARTS = ["a", "b"] as const;

/** All files are in `folder`, made when they are needed first. */
export async function startOfMirror(
	folder: string,
	isMirror: boolean,
	{ namespace }: NbdPlace,
): Promise<NbdContender> {
	const tree = new DaemonTree(namespace.name);
	const socket = tree.path("nbd.sock");
	const file = (name: string): string => {
		const image = path.join(folder, `${name}.img`);
		if (!existsSync(image)) filled(image, MIRRORED_BYTES + OWN_BYTES);
		return image;
	};
	const disks = isMirror
		? [
				`[disk.it]\nmirror = ["a", "b"]\nfrom = "a"\n[disk.it.nbd]\n`,
				...PARTS.map((part) => `[disk.${part}]\nfile = "${file(part)}"\n`),
			]
		: [`[disk.it]\nfile = "${file("one")}"\n[disk.it.nbd]\n`];
	tree.configure([`[nbd]\nlisten = ["unix:${socket}"]\n`, ...disks].join(""));
	await tree.start();
	try {
		await tree.state("it", "open");
		await until("the mirror is in sync", async () => !isMirror || (await isInSync(tree)), IN_SYNC_LIMIT_MS);
		const pids = await Promise.all((["worker", "control"] as const).map((kind) => tree.pidOf(kind)));
		return {
			uri: `nbd+unix:///it?socket=${socket}`,
			pids: [tree.program.pid, ...pids],
			stop: async () => void (await tree.stop()),
		};
	} catch (error) {
		await tree.stop();
		throw error;
	}
}

async function isInSync(tree: DaemonTree): Promise<boolean> {
	const { parts } = (await tree.ask("GET", "/api/v1/disks/it")).body;
	const all = (parts ?? []) as readonly { mirrored: { standing: string } | null }[];
	return all.length === PARTS.length && all.every(({ mirrored }) => mirrored?.standing === "inSync");
}
