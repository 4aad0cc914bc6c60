/**
 * What only moments have: the bytes that giving up all history would free, as far as lists know it; of what was trimmed as a whole and is not gone
 * through yet all counts, though snapshots may have some of it, too. Asked by `history.ts`, which keeps it within its share, and by
 * `pool-space.ts`, which shows it.
 */

import { SECTOR_BYTES } from "../wire/sector.js";
import { linesOf, type Volume } from "./catalog.js";
import type { Descent } from "./descent.js";
import { historySectors, sharedSectors } from "./map/takings.js";

export function historyBytes(descent: Descent, volumes: readonly Volume[]): number {
	const pageBytes = new Map(
		volumes.flatMap((volume) => linesOf(volume).map((line) => [line, volume.pageBytes])),
	);
	let sectors = 0;
	for (const line of pageBytes.keys()) sectors += historySectors(descent.pages.line(line));
	const trimmed = new Map<number, number>();
	for (const walk of descent.walks) {
		const each = pageBytes.get(walk.line);
		const isOther = descent.isOfSnapshot(walk) || descent.hasPassed(walk);
		if (each === undefined || isOther) continue;
		trimmed.set(walk.line, (trimmed.get(walk.line) ?? 0) + walk.root.mapped * each);
	}
	const current = new Set(trimmed.size === 0 ? [] : volumes.map(({ line }) => line));
	let unwalked = 0;
	for (const [line, bytes] of trimmed)
		unwalked += current.has(line) ? bytes : onlyOfMoments(descent, line, bytes);
	return sectors * SECTOR_BYTES + unwalked;
}

/**
 * Of `bytes`, all that a line had when its volume went on by another one, what no snapshot has: a clone that is made anew each day keeps what was
 * written to it for its moments, and not the image once more.
 */
export function onlyOfMoments(descent: Descent, line: number, bytes: number): number {
	const over = descent.pages.line(line);
	const shared = over === undefined ? 0 : (sharedSectors(over) ?? 0);
	return Math.max(0, bytes - shared * SECTOR_BYTES);
}
