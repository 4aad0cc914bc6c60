/**
 * What only moments have: the bytes that giving up all history would free, as far as lists know it; of what was trimmed as a whole and is not gone
 * through yet all counts, though snapshots may have some of it, too. Asked by `history.ts`, which keeps it within its share, and by
 * `pool-space.ts`, which shows it.
 */

import { SECTOR_BYTES } from "../wire/sector.js";
import type { Contents } from "./contents.js";
import type { Descent } from "./descent.js";
import { sharedSectors } from "./map/takings.js";
import type { Steps } from "./map/turns.js";

export interface UnwalkedOf {
	readonly contents: Pick<Contents, "catalog" | "layers" | "withoutVolume">;
	readonly descent: Descent;
}

/** What was trimmed or removed as a whole and is still to be gone through. */
export interface Unwalked {
	/** Bytes that moments of a line may still read; and of all lines. */
	readonly byLine: ReadonlyMap<number, number>;
	readonly historyBytes: number;
	/** All others. */
	readonly freeingBytes: number;
}

/** Step by step: there may be thousands. */
export function* unwalkedIn({ contents, descent }: UnwalkedOf): Steps<Unwalked> {
	const { catalog, layers } = contents;
	const byLine = new Map<number, number>();
	let freeingBytes = 0;
	for (const walk of descent.walks) {
		yield;
		// (Its line may have ended since.)
		const { line, root, done } = walk;
		const isThere = descent.pages.hasLine(line) && descent.nodes.hasLine(line);
		if (!isThere || descent.isOfSnapshot(walk)) continue;
		const bytes = (root.mapped - done) * catalog.pageBytesOf(line);
		const isKept = catalog.offering(line) !== undefined && !descent.hasPassed(walk);
		if (isKept) byLine.set(line, (byLine.get(line) ?? 0) + bytes);
		else freeingBytes += bytes;
	}
	let historyBytes = 0;
	for (const [line, bytes] of byLine) {
		yield;
		if (catalog.ofLine(line) === undefined) byLine.set(line, onlyOfMoments(descent, line, bytes));
		historyBytes += byLine.get(line)!;
	}
	// (Until the next checkpoint is made.)
	for (const line of contents.withoutVolume) {
		yield;
		freeingBytes += (layers.roots.get(line)?.mapped ?? 0) * catalog.pageBytesOf(line);
	}
	return { byLine, historyBytes, freeingBytes };
}

export function historyBytes({ pages }: Descent, unwalked: Unwalked): number {
	return pages.history.sectors * SECTOR_BYTES + unwalked.historyBytes;
}

/**
 * Of `bytes`, all that a line had when its volume went on by another one, what no snapshot has: a clone that is made anew each day keeps what was
 * written to it for its moments, and not the image once more.
 */
function onlyOfMoments(descent: Descent, line: number, bytes: number): number {
	const over = descent.pages.line(line);
	const shared = over === undefined ? 0 : (sharedSectors(over) ?? 0);
	return Math.max(0, bytes - shared * SECTOR_BYTES);
}
