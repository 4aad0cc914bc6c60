/**
 * Room on the file systems of the files that are served, and of the daemon's state: space, inodes, and what sparse files promise.
 */

import type { Stats, StatsFs } from "node:fs";
import { stat, statfs } from "node:fs/promises";
import { sizeText } from "../text.js";
import { type Check, type Finding, fault, note, ok, warn } from "./check.js";
import type { OpenFile } from "./servers.js";

/** Where the daemon keeps what must survive. */
const STATE = "/var/lib/vblade";
const LOW_SHARE = 0.02;
const SECTOR_BYTES = 512;

/** A file system, and the files on it that are served. */
interface Store {
	readonly files: { readonly name: string; readonly stats: Stats }[];
	readonly space: StatsFs;
}

export const space: Check = {
	name: "space",
	limitMs: 10_000,
	async run({ servers }) {
		const files = servers.flatMap((server) => server.files);
		const stores = new Map<number, Store>();
		for (const file of [...files, { name: STATE, path: STATE }]) await add(stores, file);
		const found = [...stores.values()].flatMap(judge);
		if (files.length === 0)
			found.push(
				note(
					"no file of a server could be looked at",
					"none runs, or this user may not see what it has open",
				),
			);
		return found;
	},
};

async function add(stores: Map<number, Store>, { name, path }: OpenFile): Promise<void> {
	try {
		const stats = await stat(path);
		if (!stats.isFile() && !stats.isDirectory()) return;
		const store = stores.get(stats.dev) ?? { files: [], space: await statfs(path) };
		stores.set(stats.dev, store);
		store.files.push({ name, stats });
	} catch {
		// Closed meanwhile, or there is no such directory.
	}
}

function judge({ files, space: { bsize, blocks, bavail, files: inodes, ffree } }: Store): Finding[] {
	const [first] = files;
	const where = `the file system of ${first?.name}`;
	const freeBytes = bavail * bsize;
	const found: Finding[] = [];
	const promised = files
		.filter(({ stats }) => stats.isFile())
		.reduce((sum, { stats }) => sum + Math.max(0, stats.size - stats.blocks * SECTOR_BYTES), 0);
	if (bavail < blocks * LOW_SHARE && blocks > 0)
		found.push(
			(bavail === 0 ? fault : warn)(
				`${where} has ${sizeText(freeBytes)} free, of ${sizeText(blocks * bsize)}`,
				"a write to a part of a sparse file that has not been written yet fails when it is full",
				"make room there; trim the disks from their initiators (fstrim)",
			),
		);
	if (promised > freeBytes)
		found.push(
			warn(
				`on ${where} sparse files promise ${sizeText(promised)} that they do not have yet, and ${sizeText(freeBytes)} are free`,
				"writes will fail before the disks are full",
				"make room there, or watch it",
			),
		);
	if (inodes > 0 && ffree < inodes * LOW_SHARE)
		found.push(
			warn(`${where} has ${ffree} inodes free, of ${inodes}`, "no file can be made there without one"),
		);
	return found.length > 0
		? found
		: [ok(`${where} has ${sizeText(freeBytes)} free, and what its sparse files promise`)];
}
