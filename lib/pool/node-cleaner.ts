/**
 * Keeps the slots that nodes take few: where much of them is dead, what lives in the emptiest is written to one slot, closely packed, segment by
 * segment. Nothing is said of it in the log, since a node's place stays: the next checkpoint has where segments are, and until both copies
 * of the head name that, what was left stays as it is. Used by `upkeep.ts`, one slot at a time.
 */

import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { BLOCK_BYTES, roundUp, SEGMENT_BYTES } from "./format.js";
import { type NodePlaces, segmentOf } from "./node-places.js";
import { GRANULE_BYTES, type NodeSegment } from "./node-segment.js";
import { NO_SLOT } from "./space/slots.js";

/** Read at once. */
const WINDOW_BYTES = 256 * 1024;

/** Slots beyond twice what lives: what is being filled, and what is too little for another round; of a small pool fewer, one for so many of its own. */
const SPARE_SLOTS = 3;
const SLOTS_PER_SPARE = 16;
const SLOTS_PER_LIVE = 2;

export interface NodeCleanerWorld {
	readonly places: NodePlaces;
	/** Of the pool. */
	readonly slotCount: () => number;
	/** Instead of the usual number. */
	readonly spareSlots?: number | undefined;
	allocate(byteLength: number): Memory;
	takeSlot(): number;
	/** Nothing was moved to it after all. */
	giveSlot(slot: number): void;
	read(slot: number, offsetBytes: number, lengthBytes: number, into: Memory): Promise<void>;
	/** Stable when nodes are. */
	write(slot: number, first: number, end: number, from: Memory): Promise<void>;
	mayGoOn(): Promise<void>;
	/** No checkpoint is being made until what is returned is called. */
	reserve(): Promise<() => void>;
}

interface Moving {
	readonly segment: NodeSegment;
	readonly at: number;
	readonly runs: Int32Array;
}

/** In one slot. */
interface Crowd {
	bytes: number;
	readonly segments: NodeSegment[];
}

export class NodeCleaner {
	/** Bytes that were moved so far. */
	movedBytes = 0;
	readonly #world: NodeCleanerWorld;
	#window: Memory | null = null;
	/** Slots of which something can't be read: they stay as they are, and others are cleaned. */
	readonly #unreadable = new Set<number>();

	constructor(world: NodeCleanerWorld) {
		this.#world = world;
	}

	/** Makes one slot of several, if there are too many; false if not, or there is no slot to move to. Throws what storage throws: then nothing was moved. */
	async clean(): Promise<boolean> {
		const segments = this.#victims();
		const slot = segments.length > 0 ? this.#world.takeSlot() : NO_SLOT;
		if (slot === NO_SLOT) return false;
		let isMoved = false;
		try {
			isMoved = await this.#move(segments, slot);
		} finally {
			if (!isMoved) this.#world.giveSlot(slot);
		}
		return isMoved;
	}

	/** What lives in other slots goes behind a place, where a segment was filled to: as many of the emptiest as have room there. False if none has. */
	async fold(end: number): Promise<boolean> {
		const { places } = this.#world;
		const into = places.of(segmentOf(end));
		const first = roundUp(end % SEGMENT_BYTES, BLOCK_BYTES);
		if (into === undefined || places.isOpen(into.number) || first === 0) return false;
		const victims: NodeSegment[] = [];
		let bytes = first;
		for (const slot of this.#slots()) {
			if (bytes + slot.bytes > SEGMENT_BYTES) break;
			if (slot.segments.some((segment) => segment.slot === into.slot)) continue;
			victims.push(...slot.segments);
			bytes += slot.bytes;
		}
		return victims.length > 0 && (await this.#move(victims, into.slot, first));
	}

	/** Those that could not be read are tried again. */
	retry(): void {
		this.#unreadable.clear();
	}

	async #move(segments: readonly NodeSegment[], slot: number, first = 0): Promise<boolean> {
		const world = this.#world;
		const target = world.allocate(SEGMENT_BYTES);
		const all: Moving[] = [];
		let end = first;
		for (const segment of segments) {
			// (Something may have died since, but nothing is more.)
			const moving = { segment, at: end, runs: segment.livingRuns() };
			await this.#copy(moving, target);
			all.push(moving);
			end += moving.runs.at(-1)! * GRANULE_BYTES;
		}
		await world.write(slot, first, roundUp(end, BLOCK_BYTES), target);
		this.movedBytes += end - first;
		const release = await world.reserve();
		const left = all.filter(({ segment }) => world.places.of(segment.number) === segment);
		for (const { segment, at, runs } of left) world.places.move(segment, slot, at, runs);
		release();
		return left.length > 0;
	}

	/** What may be moved, by slots, the emptiest first. */
	#slots(): Crowd[] {
		const { places } = this.#world;
		const bySlot = new Map<number, Crowd>();
		for (const segment of places.all) {
			if (segment.live === null || places.isOpen(segment.number)) continue;
			if (this.#unreadable.has(segment.slot)) continue;
			const slot = bySlot.get(segment.slot) ?? { bytes: 0, segments: [] };
			slot.bytes += segment.liveBytes;
			slot.segments.push(segment);
			bySlot.set(segment.slot, slot);
		}
		return [...bySlot.values()].sort((a, b) => a.bytes - b.bytes);
	}

	/** Segments of the emptiest slots, as many as fit into one; none if there are not too many. */
	#victims(): NodeSegment[] {
		const usual = Math.min(SPARE_SLOTS, Math.ceil(this.#world.slotCount() / SLOTS_PER_SPARE));
		const { spareSlots = usual } = this.#world;
		const all = this.#slots();
		const liveBytes = all.reduce((sum, { bytes }) => sum + bytes, 0);
		const most = (SLOTS_PER_LIVE * liveBytes) / SEGMENT_BYTES + spareSlots;
		let tooMany = all.length - most;
		if (tooMany <= 0) return [];
		const victims: NodeSegment[] = [];
		let bytes = 0;
		let slots = 0;
		for (const slot of all) {
			if (bytes + slot.bytes > SEGMENT_BYTES || (slots > 1 && tooMany <= 0)) break;
			victims.push(...slot.segments);
			bytes += slot.bytes;
			if (slots++ > 0) tooMany--;
		}
		return slots > 1 ? victims : [];
	}

	async #read(slot: number, from: number, to: number, into: Memory): Promise<void> {
		try {
			await this.#world.read(slot, from, to - from, into);
		} catch (error) {
			this.#unreadable.add(slot);
			throw error;
		}
	}

	async #copy({ segment, at, runs }: Moving, target: Memory): Promise<void> {
		const world = this.#world;
		this.#window ??= world.allocate(WINDOW_BYTES);
		const window = this.#window;
		let [from, to] = [0, 0];
		for (let run = 0; run < runs.length - 2; run += 2) {
			let source = segment.locate(runs[run]! * GRANULE_BYTES);
			let into = at + runs[run + 1]! * GRANULE_BYTES;
			for (let left = (runs[run + 3]! - runs[run + 1]!) * GRANULE_BYTES; left > 0; ) {
				if (source < from || source >= to) {
					await world.mayGoOn();
					from = source - (source % SECTOR_BYTES);
					to = Math.min(SEGMENT_BYTES, from + WINDOW_BYTES);
					await this.#read(segment.slot, from, to, window);
				}
				const length = Math.min(left, to - source);
				target.bytes.set(window.bytes.subarray(source - from, source - from + length), into);
				source += length;
				into += length;
				left -= length;
			}
		}
	}
}
