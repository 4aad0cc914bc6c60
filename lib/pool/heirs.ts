/** Whether others go on from a snapshot: then no schedule removes it. Used by `pool.ts`. */

import type { Snapshot, Volume } from "./catalog.js";
import type { PoolParts } from "./opening.js";

export function hasHeirs(
	{ living, contents }: Pick<PoolParts, "living" | "contents">,
	volume: Volume,
	snapshot: Snapshot,
): boolean {
	const children = living.descent.pointOf(snapshot)?.children ?? [];
	for (const { line } of children)
		if (line.number !== snapshot.line && contents.catalog.isOfAnother(volume, line.number)) return true;
	return false;
}
