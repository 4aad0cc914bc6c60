/**
 * A segment of nodes: which of its bytes somebody may read, and where they are. It lies in its slot as it was written, or, when it was moved
 * (`node-cleaner.ts`), without what was dead by then, behind others in another slot. Places never change by that: a place is found
 * by the runs that were moved, in order. All is counted in granules, since every node begins with one. Kept by `node-places.ts`, stored by
 * `node-rows.ts`.
 */

import type { BlobRef, StoredRow } from "./blob-ref.js";
import { SEGMENT_BYTES } from "./format.js";
import { countIn, nextBit, putBits } from "./space/bitmaps.js";

export const GRANULE_BYTES = 32;
export const GRANULES = SEGMENT_BYTES / GRANULE_BYTES;
const BITS = 32;

/** Words for so many bits. */
export function wordsFor(bits: number): number {
	return Math.ceil(bits / BITS);
}

export class NodeSegment implements StoredRow {
	/** Bytes of the slot before it. */
	at = 0;
	/** Where a checkpoint has this row; null: none has, as it is now. */
	ref: BlobRef | null = null;
	/** Since that was stored. */
	isChanged = true;
	/** Of each run that was moved its first granule, and how many granules there are before it; at last all of them. Null: it was never moved. */
	runs: Int32Array | null = null;
	/** A bit for each granule that there is. Null: of a format that did not say; it stays until nothing of it lives. */
	live: Int32Array | null;
	/** In whole granules. */
	liveBytes: number;

	/** Empty; or, with `liveBytes`, of an older format. */
	constructor(
		readonly number: number,
		public slot: number,
		liveBytes?: number,
	) {
		this.live = liveBytes === undefined ? new Int32Array(wordsFor(GRANULES)) : null;
		this.liveBytes = liveBytes ?? 0;
	}

	/** Granules that there are, living or not. */
	get granules(): number {
		return this.runs === null ? GRANULES : this.runs.at(-1)!;
	}

	/** The byte of the slot that has this one of the segment; -1: it is not there any more. */
	locate(offset: number): number {
		if (this.runs === null) return offset;
		const rank = this.#rankOf(Math.floor(offset / GRANULE_BYTES));
		return rank < 0 ? -1 : this.at + rank * GRANULE_BYTES + (offset % GRANULE_BYTES);
	}

	/** How many granules there are before this one; -1 if it is not there. */
	#rankOf(granule: number): number {
		const { runs } = this;
		if (runs === null) return granule;
		let low = -1;
		for (let high = runs.length / 2 - 2; low < high; ) {
			const middle = (low + high + 1) >> 1;
			if (runs[2 * middle]! <= granule) low = middle;
			else high = middle - 1;
		}
		if (low < 0) return -1;
		const rank = runs[2 * low + 1]! + granule - runs[2 * low]!;
		return rank < runs[2 * low + 3]! ? rank : -1;
	}

	/** Some bytes live from now on, or do not. Harmless if that is known; of what is not there, nothing. */
	put(offset: number, bytes: number, isLive: boolean): void {
		if (this.live === null) {
			this.liveBytes = Math.max(0, this.liveBytes + (isLive ? bytes : -bytes));
			this.isChanged = true;
			return;
		}
		const first = Math.floor(offset / GRANULE_BYTES);
		const rank = this.#rankOf(first);
		if (rank < 0) return;
		const wanted = Math.ceil((offset + bytes) / GRANULE_BYTES) - first;
		const changed = putBits(this.live, 0, rank, Math.min(wanted, this.granules - rank), isLive);
		if (changed === 0) return;
		this.liveBytes += (isLive ? changed : -changed) * GRANULE_BYTES;
		this.isChanged = true;
	}

	/** What lives now, as `runs` has it. Not of an older format. */
	livingRuns(): Int32Array {
		const live = this.live!;
		const { granules, runs = null } = this;
		const pairs: number[] = [];
		let count = 0;
		for (let run = 0; run === 0 || (runs !== null && run < runs.length - 2); run += 2) {
			const [first, rank] = runs === null ? [0, 0] : [runs[run]!, runs[run + 1]!];
			const end = runs === null ? granules : runs[run + 3]!;
			for (let from = nextBit(live, 0, rank, end, true); from < end; ) {
				const to = nextBit(live, 0, from, end, false);
				pairs.push(first + from - rank, count);
				count += to - from;
				from = nextBit(live, 0, to, end, true);
			}
		}
		return Int32Array.from([...pairs, GRANULES, count]);
	}

	/** It is there now, and nothing of it but these runs. */
	move(slot: number, at: number, runs: Int32Array): void {
		const before = this.live!;
		const after = new Int32Array(wordsFor(runs.at(-1)!));
		for (let run = 0; run < runs.length - 2; run += 2) {
			const [rank, end] = [runs[run + 1]!, runs[run + 3]!];
			const from = this.#rankOf(runs[run]!);
			const to = from + end - rank;
			// (Some of it may have died since.)
			for (let bit = nextBit(before, 0, from, to, true); bit < to; ) {
				const dead = nextBit(before, 0, bit, to, false);
				putBits(after, 0, rank + bit - from, dead - bit, true);
				bit = nextBit(before, 0, dead, to, true);
			}
		}
		this.slot = slot;
		this.at = at;
		this.runs = runs;
		this.live = after;
		this.liveBytes = countIn(after, 0, after.length) * GRANULE_BYTES;
		this.isChanged = true;
	}
}
