/**
 * The place of a request in the order of arrival, from `submit` until it is complete below, and who waits for it. Pooled and
 * filled in by `ordering.ts`.
 */

import type { Span, SpanOwner } from "./overlaps.js";
import type { BlockRequest } from "./request.js";

/** Most stretches in which a list of ranges is kept. */
const STRETCHES_MAX = 64;

export class Place implements SpanOwner<Place> {
	/** The range in blocks of `alignBytes`: from `start` up to, not including, `end`. */
	start = 0;
	end = 0;
	/** The zones it touches, the first and the last. */
	firstZone = 0;
	lastZone = 0;
	/** Write or trim, as against read. */
	changes = false;
	/** Of a list: into how many stretches of blocks it parts the range. 0 for a plain range. */
	stretches = 0;
	/** Their first blocks, and those behind their last. Made when a list first needs it. */
	list: Float64Array | null = null;
	/** Earlier requests that this one waits for. */
	waitsFor = 0;
	/** Later ones that wait for this, in order of arrival. */
	firstWait: Wait | null = null;
	lastWait: Wait | null = null;
	/** The request, while it is held back. */
	held: BlockRequest | null = null;
	/** Entered into the index of overlaps, and what it still has there. */
	indexed = false;
	spans: Span<Place> | null = null;
	/** Neighbours in the order of arrival. */
	before: Place = this;
	after: Place = this;
	/** The next one that need wait no longer, or the next unused one. */
	next: Place | null = null;

	/** `token` finds the place again when the request is complete. */
	constructor(readonly token: number) {}

	/** Where the stretches of a list are written. */
	takeList(): Float64Array {
		this.list ??= new Float64Array(2 * STRETCHES_MAX);
		return this.list;
	}

	conflicts(other: Place): boolean {
		if (!(this.changes || other.changes) || this.start >= other.end || other.start >= this.end) return false;
		return (this.stretches === 0 && other.stretches === 0) || overlap(this, other);
	}

	/** Stretches that `startOf` and `endOf` know: those of a list, or the one of a plain range. */
	get count(): number {
		return this.stretches === 0 ? 1 : this.stretches;
	}
}

/** One that waits for another. */
export class Wait {
	later: Place | null = null;
	next: Wait | null = null;
}

/** The `index`th stretch of a place begins here. */
export function startOf(place: Place, index: number): number {
	return place.stretches === 0 ? place.start : place.list![2 * index]!;
}

export function endOf(place: Place, index: number): number {
	return place.stretches === 0 ? place.end : place.list![2 * index + 1]!;
}

/** True if any stretch of one overlaps any of the other. Both are in ascending order. */
function overlap(one: Place, other: Place): boolean {
	for (let i = 0, j = 0; i < one.count && j < other.count; ) {
		if (endOf(one, i) <= startOf(other, j)) i++;
		else if (endOf(other, j) <= startOf(one, i)) j++;
		else return true;
	}
	return false;
}
