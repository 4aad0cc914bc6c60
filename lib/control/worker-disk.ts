/**
 * A disk as a worker is given it: what it shall be, and what is kept of it. Used by `tree-workers.ts`.
 */

import type { SetOnDisk } from "../daemon/set-access.js";
import type { WorkerDisk } from "../daemon/worker-messages.js";
import type { DiskConfig } from "../spec/configuration.js";
import { aoeExportsOf } from "../spec/exports.js";
import type { LinkSpec } from "../spec/spec.js";
import type { KeptDisk } from "./seams.js";

export function workerDisk(
	disk: DiskConfig,
	links: readonly LinkSpec[],
	kept: KeptDisk,
	fingerprint: string,
): WorkerDisk {
	const { serial, wwn, fenced = false, lengths } = kept;
	const set = (kept.set ?? {}) as SetOnDisk;
	const netifs = new Set(aoeExportsOf(disk.exports).flatMap((each) => each.netifs.map(({ name }) => name)));
	// What a volume is known by is in its pool, and goes with it.
	const identity = disk.disk.storage.kind === "volume" ? {} : { identity: { serial, wwn } };
	return {
		disk: { ...disk.disk, ...identity, ...(lengths !== undefined && { lengths }) },
		exports: disk.exports,
		links: links.filter(({ netif }) => netifs.has(netif.name)),
		fenced,
		fingerprint,
		set,
	};
}
