/**
 * Where commands read volumes, make them and fill them: a pool that this process opens, or else one that a running daemon has. Used by
 * `difference.ts`, `image.ts` and `stream.ts`.
 */

import type { Pool } from "../../pool/pool.js";
import type { CommandLine } from "../../spec/getopt.js";
import type { Output } from "../client.js";
import { isPath, openToCopy, withPool } from "./open-pool.js";
import type { Place } from "./place.js";
import { contentsOf, type Where } from "./reading.js";
import { tell, volumeNow } from "./tell-volume.js";

/** Resolves to the exit status. */
export async function withPlace(
	where: Where,
	line: Pick<CommandLine<"socket">, "last">,
	output: Output,
	work: (place: Place) => Promise<void>,
): Promise<number> {
	const { folder } = where;
	if (!isPath(folder)) {
		const { withDaemonPlace } = await import("./daemon-place.js");
		return withDaemonPlace(where, line.last("socket") ?? "", output, work);
	}
	await withPool(folder, (pool) => work(placeOf(folder, pool)));
	return 0;
}

export function placeOf(folder: string, pool: Pool): Place {
	const { administration } = pool;
	return {
		contents: contentsOf(pool),
		find: async (name) => pool.volumes.find((volume) => volume.name === name),
		tell: async (name, asJson, output) => tell(await volumeNow(folder, pool, name), asJson, output),
		create: (...what) => administration.create(...what),
		clone: (...what) => administration.clone(...what),
		resize: (name, sizeBytes) => administration.resize(name, sizeBytes, true),
		rename: (...what) => administration.rename(...what),
		replace: (...what) => administration.replace(...what),
		remove: (name) => administration.delete(name),
		takeSnapshot: (volume, name, from) => administration.takeSnapshots([{ volume, name, from }]),
		open: (name) => openToCopy(pool, name, false),
	};
}
