/**
 * Whether there is the volume that a disk shall be on, for whoever asks what a change would do: only its pool knows, which is asked, and not waited for
 * if it hangs. Used by `changes.ts`.
 */

import { isOfSnapshot, volumeIn } from "../pool/past.js";
import type { StorageSpec } from "../spec/spec.js";
import { lookSoon } from "./pool-looks.js";
import type { Workers } from "./seams.js";

/** What is missing; undefined: nothing, or that is not known. */
export async function missingVolume(
	workers: Pick<Workers, "pool">,
	storage: StorageSpec,
): Promise<string | undefined> {
	if (storage.kind !== "volume") return undefined;
	const { name, pool, volume } = storage;
	// (Of a moment it is enough that there is the volume: it may be too long ago when the disk is opened.)
	const isSnapshot = isOfSnapshot(volume);
	const sight = isSnapshot
		? ({ of: "snapshots", names: [volume] } as const)
		: ({ of: "summary", name: volumeIn(volume) } as const);
	const found = await lookSoon(workers, pool, sight);
	if (found === undefined) return undefined;
	const [known] = found.volumes;
	const isThere = isSnapshot ? known?.snapshots[0] !== undefined : known !== undefined;
	return isThere ? undefined : `there is no ${isSnapshot ? "snapshot" : "volume"} ${name} now`;
}
