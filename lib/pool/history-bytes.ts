/**
 * What only moments have: the bytes that giving up all history would free, as far as lists know it; of what was trimmed as a whole and is not gone
 * through yet all counts, though snapshots may have some of it, too. Asked by `history.ts`, which keeps it within its share, and by
 * `pool-space.ts`, which shows it.
 */

import { SECTOR_BYTES } from "../wire/sector.js";
import { linesOf, type Volume } from "./catalog.js";
import type { Descent } from "./descent.js";
import { historySectors } from "./map/takings.js";

export function historyBytes(descent: Descent, volumes: readonly Volume[]): number {
	const pageBytes = new Map(
		volumes.flatMap((volume) => linesOf(volume).map((line) => [line, volume.pageBytes])),
	);
	let sectors = 0;
	for (const line of pageBytes.keys()) sectors += historySectors(descent.pages.line(line));
	let trimmed = 0;
	for (const walk of descent.walks) {
		const each = pageBytes.get(walk.line);
		const isOther = descent.isOfSnapshot(walk) || descent.hasPassed(walk);
		if (each !== undefined && !isOther) trimmed += walk.root.mapped * each;
	}
	return sectors * SECTOR_BYTES + trimmed;
}
