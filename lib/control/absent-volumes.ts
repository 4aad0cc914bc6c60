/**
 * Whether there is the volume that a disk shall be on, for whoever asks what a change would do: only its pool knows, which is asked, and not waited for
 * if it hangs. Used by `changes.ts`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { isMoment, isOfPast, volumeIn } from "../pool/past.js";
import type { StorageSpec } from "../spec/spec.js";
import type { Workers } from "./seams.js";
import { unlessBug } from "./thrown.js";

/** Whoever asks has little patience. */
const LIMIT_MS = 2000;

/** What is missing; undefined: nothing, or that is not known. */
export async function missingVolume(
	workers: Pick<Workers, "pool">,
	storage: StorageSpec,
): Promise<string | undefined> {
	if (storage.kind !== "volume") return undefined;
	const { name, pool, volume } = storage;
	const at = volume.slice(volumeIn(volume).length + 1);
	// (Of a moment it is enough that there is the volume: it may be too long ago when the disk is opened.)
	const isSnapshot = isOfPast(volume) && !isMoment(at);
	const sight = isSnapshot
		? ({ of: "snapshots", names: [volume] } as const)
		: ({ of: "summary", name: volumeIn(volume) } as const);
	const end = new AbortController();
	const look = workers.pool(pool, { act: "look", isNow: false, sight }).catch(unlessBug);
	const late = sleep(LIMIT_MS, undefined, { signal: end.signal }).catch(() => undefined);
	try {
		const found = await Promise.race([look, late]);
		if (found === undefined) return undefined;
		const [known] = found.volumes;
		const isThere = isSnapshot ? known?.snapshots[0] !== undefined : known !== undefined;
		return isThere ? undefined : `there is no ${isSnapshot ? "snapshot" : "volume"} ${name} now`;
	} finally {
		end.abort();
	}
}
