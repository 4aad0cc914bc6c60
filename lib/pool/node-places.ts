/**
 * Which segments of nodes there are, where each lies, and what of them lives: asked for every node that is read. A slot in which nothing lives
 * any more is given back. What checkpoints have among the nodes beside trees is here too, as far as the next one has it no more. Kept by
 * `node-log.ts`.
 */

import type { BlobRef, StoredRow } from "./blob-ref.js";
import { SEGMENT_BYTES } from "./format.js";
import type { NodeSegment } from "./node-segment.js";
import { NO_SLOT, type Slots } from "./space/slots.js";

export function segmentOf(place: number): number {
	return Math.floor(place / SEGMENT_BYTES);
}

export class NodePlaces {
	/** Bytes that live. */
	liveBytes = 0;
	/** What the last checkpoint has and the next one has not: that gives it back. */
	stale: BlobRef[] = [];
	readonly #bySegment = new Map<number, NodeSegment>();
	/** By slot: how many segments lie there. */
	readonly #residents = new Map<number, number>();
	readonly #slots: Slots;
	/** Segments that are written to, which stay. */
	isOpen: (number: number) => boolean = () => false;

	constructor(slots: Slots) {
		this.#slots = slots;
	}

	get all(): IterableIterator<NodeSegment> {
		return this.#bySegment.values();
	}

	get count(): number {
		return this.#bySegment.size;
	}

	/** The place behind all segments. */
	get end(): number {
		let end = 0;
		for (const number of this.#bySegment.keys()) end = Math.max(end, (number + 1) * SEGMENT_BYTES);
		return end;
	}

	get slotCount(): number {
		return this.#residents.size;
	}

	of(number: number): NodeSegment | undefined {
		return this.#bySegment.get(number);
	}

	add(segment: NodeSegment): void {
		this.#bySegment.set(segment.number, segment);
		this.liveBytes += segment.liveBytes;
		this.#settled(segment.slot);
	}

	/** One lives there. */
	#settled(slot: number): void {
		this.#slots.took(slot);
		this.#residents.set(slot, (this.#residents.get(slot) ?? 0) + 1);
	}

	#left(slot: number): void {
		const left = this.#residents.get(slot)! - 1;
		if (left > 0) this.#residents.set(slot, left);
		else {
			this.#residents.delete(slot);
			this.#slots.emptied(slot);
		}
	}

	/** Something was stored. */
	took(place: number, bytes: number): void {
		this.#put(place, bytes, true);
	}

	/** Nobody reads what is at a place any more. */
	free(place: number, bytes: number): void {
		this.#put(place, bytes, false);
	}

	#put(place: number, bytes: number, isLive: boolean): void {
		const segment = this.#bySegment.get(segmentOf(place));
		if (segment === undefined) return;
		this.liveBytes -= segment.liveBytes;
		segment.put(place % SEGMENT_BYTES, bytes, isLive);
		this.liveBytes += segment.liveBytes;
		if (!isLive) this.settle(segment);
	}

	/** A segment of which nothing lives is forgotten. */
	settle(segment: NodeSegment): void {
		if (segment.liveBytes > 0 || this.isOpen(segment.number)) return;
		this.#bySegment.delete(segment.number);
		if (segment.ref !== null) this.stale.push(segment.ref);
		segment.ref = null;
		this.#left(segment.slot);
	}

	/** What lives of a segment lies elsewhere now: of what is gone by then, nothing. */
	move(segment: NodeSegment, slot: number, at: number, runs: Int32Array): void {
		const before = segment.slot;
		this.#settled(slot);
		this.liveBytes -= segment.liveBytes;
		segment.move(slot, at, runs);
		this.liveBytes += segment.liveBytes;
		this.#left(before);
		this.settle(segment);
	}

	/** Where something that was stored is now: `place` and the rest do not change. */
	now({ place, bytes, crc, slot }: BlobRef): BlobRef {
		const segment = this.of(segmentOf(place));
		const offset = place % SEGMENT_BYTES;
		const at = segment?.locate(offset) ?? -1;
		if (segment === undefined || at < 0) return { place, slot, bytes, crc };
		const ref = { place, slot: segment.slot, bytes, crc };
		return at === offset ? ref : { ...ref, at };
	}

	/** The slot that has a place, and bytes of it before that; `NO_SLOT`: it is nowhere. */
	where(place: number): readonly [slot: number, offsetBytes: number] {
		const segment = this.of(segmentOf(place));
		const at = segment?.locate(place % SEGMENT_BYTES) ?? -1;
		return segment === undefined || at < 0 ? [NO_SLOT, 0] : [segment.slot, at];
	}

	/** A checkpoint is going to be stored: what it stores anew, or has no more, is not wanted where it is; of `others`, which it has too, as well. */
	forgetStale(others: Iterable<StoredRow>): void {
		this.#forget(others);
		do {
			for (const { place, bytes } of this.stale.splice(0)) this.free(place, bytes);
			// (By that others change.)
			this.#forget(this.#bySegment.values());
		} while (this.stale.length > 0);
	}

	#forget(rows: Iterable<StoredRow>): void {
		for (const row of rows) {
			if (!row.isChanged || row.ref === null) continue;
			this.stale.push(row.ref);
			row.ref = null;
		}
	}
}
