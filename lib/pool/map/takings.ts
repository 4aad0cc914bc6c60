/**
 * What lines and points take up, in sectors, by what the lineage has counted. Asked by `descent.ts` for whoever shows it; no list is gone
 * through, but the lists that an edge has, which are as many as there are points before it.
 */

import type { Line, Point } from "./point.js";

/** Sectors that giving up this point would free, as `Lineage` does it. */
export function uniqueSectors(point: Point): number {
	const [child, other] = point.children;
	if (child === undefined || other !== undefined) return 0;
	const alone = aloneOn(child, point);
	const before = point.parent;
	if (!child.isDead) return alone;
	// The way to a line that has ended goes, too: all of it, or the one point that it has kept in between.
	if (before === null) return diedOn(child) + diedOn(point);
	const others = [...before.children].filter((each) => each !== point);
	const [sole, another] = others;
	if (before.isWanted || sole === undefined || another !== undefined) return alone;
	return alone + aloneOn(sole, before);
}

/** Of what an edge has, what this point alone had. */
function aloneOn(edge: Point, point: Point): number {
	let sectors = 0;
	for (const [first, chain] of edge.died) if (first.present === point) sectors += chain.sectorsInAll;
	return sectors;
}

function diedOn(edge: Point): number {
	let sectors = 0;
	for (const chain of edge.died.values()) sectors += chain.sectorsInAll;
	return sectors;
}

/** Sectors that only moments of a line read. */
export function historySectors(line: Line | undefined): number {
	return line?.history ?? 0;
}

/** Sectors of what a line has now that a point reads, too; undefined: not known. */
export function sharedSectors({ points, origin, head }: Line): number | undefined {
	const last = points.at(-1) ?? origin;
	if (last === null) return 0;
	if (last.sectors === undefined) return undefined;
	let gone = diedOn(head);
	for (const sectors of head.windowed.values()) gone += sectors;
	return last.sectors - gone;
}

/** Whether a line has had all that it began as written anew, or over: it goes on from nothing any more. False if that is not known. */
export function hasLeftOrigin({ points: [first], origin, head }: Line): boolean {
	// One that began as nothing goes on from that for ever.
	if (!origin?.sectors) return false;
	let gone = diedOn(first ?? head);
	for (const sectors of (first ?? head).windowed.values()) gone += sectors;
	return gone >= origin.sectors;
}
