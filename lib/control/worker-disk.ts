/**
 * A disk as a worker is given it: what it shall be, and what is kept of it; or that it comes later. Used by `tree-workers.ts`.
 */

import { hash } from "node:crypto";
import type { SetOnDisk } from "../daemon/set-access.js";
import type { WorkerDisk, WorkerRequest } from "../daemon/worker-messages.js";
import { LONGEST } from "../daemon/worker-requests.js";
import type { DiskConfig } from "../spec/configuration.js";
import { aoeExportsOf } from "../spec/exports.js";
import type { LinkSpec } from "../spec/spec.js";
import type { KeptDisk } from "./seams.js";

/** Of what a worker is given: equal for what is to be served alike, since the reader of configurations makes it in one order of keys. */
export function fingerprintOf({ disk, exports, values }: DiskConfig): string {
	return hash("sha256", JSON.stringify([disk, exports, values.limit])).slice(0, 16);
}

/** That it can't be given yet, for that reason; undefined: nobody comes by its exports who could be told so. */
export function expectation({ name, exports }: DiskConfig, why: string): WorkerRequest | undefined {
	if (exports.every(({ protocol }) => protocol === "aoe")) return undefined;
	return { kind: "expect", name, exports, why: why.slice(0, LONGEST) };
}

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
