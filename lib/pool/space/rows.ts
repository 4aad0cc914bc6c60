/** The rows of the table of segments, by number of the segment: columns that grow together. Kept by `table.ts`, stored by `table-form.ts`. */

import type { BlobRef, StoredRow } from "../blob-ref.js";

export const RowState = { none: 0, open: 1, inPlace: 2, moved: 3 } as const;

const FINE = 1;
const LONGEST_AT = 1;

/** So many are stored together, when one of them has changed. */
export const GROUP_ROWS = 256;

function grown(column: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
	const larger = new Int32Array(2 * column.length);
	larger.set(column);
	return larger;
}

export class Rows {
	slots = new Int32Array(64);
	/** Of a segment that was moved: sectors of the slot before it, how many of its sectors are there, and where the rest is. */
	ats = new Int32Array(64);
	cuts = new Int32Array(64);
	nextSlots = new Int32Array(64);
	/** Sectors that somebody may read. */
	live = new Int32Array(64);
	/** Of those, the ones in the first of its slots. */
	liveFirst = new Int32Array(64);
	/** Sectors of its summary, as long as that lives. */
	summaries = new Int32Array(64);
	states = new Int32Array(64);
	/** Numbers of bitmaps. */
	liveBits = new Int32Array(64);
	movedBits = new Int32Array(64);
	#flags = new Int32Array(64);
	#segments = new Float64Array(64);
	readonly #bySegment = new Map<number, number>();
	readonly #free: number[] = [];
	/** Of each `GROUP_ROWS` rows, whether they have changed since they were stored. */
	readonly groups: StoredRow[] = [];
	/** Rows that were none when they were stored: not used before all are read again. */
	readonly #gaps: number[] = [];
	/** One more than the last that was ever used. */
	#end = 0;
	/** The last segment that was ever added. */
	last = -0;

	get size(): number {
		return this.#bySegment.size;
	}

	/** Rows are below this; some of them are none. */
	get end(): number {
		return this.#end;
	}

	/** -1: there is none. */
	of(segment: number): number {
		return this.#bySegment.get(segment) ?? -1;
	}

	segmentOf(row: number): number {
		return this.#segments[row]!;
	}

	/** The first row from `row` on that is one; -1 if none is. */
	next(row: number): number {
		for (let at = row; at < this.#end; at++) if (this.states[at] !== RowState.none) return at;
		return -1;
	}

	/** In order. For those who have time: a pool of a TiB has 131,072. */
	segments(): number[] {
		return [...this.#bySegment.keys()].sort((a, b) => a - b);
	}

	add(segment: number): number {
		const row = this.#free.pop() ?? this.#begun();
		this.touch(row);
		this.#segments[row] = segment;
		this.#flags[row] = 0;
		this.summaries[row] = 0;
		this.live[row] = 0;
		this.liveFirst[row] = 0;
		this.#bySegment.set(segment, row);
		this.last = Math.max(this.last, segment);
		return row;
	}

	/** Something of a row changes. */
	touch(row: number): void {
		this.groups[Math.floor(row / GROUP_ROWS)]!.isChanged = true;
	}

	/** All rows of a group, the next one, were added: so it is stored there. */
	endGroup(group: number, ref: BlobRef): void {
		while (this.#end < (group + 1) * GROUP_ROWS) this.#gaps.push(this.#begun());
		this.groups[group] = { ref, isChanged: false };
	}

	/** All groups were added: others may be where there are none. */
	endGroups(): void {
		for (let gap = this.#gaps.pop(); gap !== undefined; gap = this.#gaps.pop()) this.#free.push(gap);
	}

	/** One more row. */
	#begun(): number {
		const row = this.#end++;
		if (row >= this.slots.length) this.#grow();
		if (row % GROUP_ROWS === 0) this.groups.push({ ref: null, isChanged: true });
		return row;
	}

	remove(row: number): void {
		this.touch(row);
		this.#bySegment.delete(this.#segments[row]!);
		this.states[row] = RowState.none;
		this.#free.push(row);
	}

	/** It has a bit for each sector. */
	isFine(row: number): boolean {
		return (this.#flags[row]! & FINE) !== 0;
	}

	setFine(row: number): void {
		this.#flags[row]! |= FINE;
	}

	/** Sectors of its longest page. */
	longest(row: number): number {
		return this.#flags[row]! >> LONGEST_AT;
	}

	setLongest(row: number, sectors: number): void {
		this.#flags[row] = (this.#flags[row]! & FINE) | (sectors << LONGEST_AT);
	}

	#grow(): void {
		this.slots = grown(this.slots);
		this.ats = grown(this.ats);
		this.cuts = grown(this.cuts);
		this.nextSlots = grown(this.nextSlots);
		this.live = grown(this.live);
		this.liveFirst = grown(this.liveFirst);
		this.summaries = grown(this.summaries);
		this.states = grown(this.states);
		this.liveBits = grown(this.liveBits);
		this.movedBits = grown(this.movedBits);
		this.#flags = grown(this.#flags);
		const segments = new Float64Array(2 * this.#segments.length);
		segments.set(this.#segments);
		this.#segments = segments;
	}
}
