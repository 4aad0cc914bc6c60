/**
 * Where the map's nodes are stored: one behind the other in segments of their own, each in a slot. A node's place is the number of bytes
 * before it, counted through all of them, and is never another node's. What was appended is in memory until it is written out, and can be
 * read at once; after `flush` it is on stable storage. What lies where is part of a checkpoint, and how much of it is still wanted: a
 * segment of which nothing is gives its slot back.
 */

import { BlockOp } from "../block/request.js";
import { invariant, NoSpaceError } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { type Filling, Fillings, leaveGap, pad, put, startIn } from "./filling.js";
import { BESIDE_SYNC_BYTES } from "./folder.js";
import { BLOCK_BYTES, FILE_SLOTS, roundUp, SEGMENT_BYTES } from "./format.js";
import { LEAF } from "./map/leaf.js";
import { NODE } from "./map/node.js";
import { load, type NodeReceiver, type NodeStore } from "./map/store.js";
import { NodeLoad } from "./node-load.js";
import { NodePlaces } from "./node-places.js";
import { NodeSegment } from "./node-segment.js";
import { run } from "./run.js";
import type { Segments } from "./segments.js";
import { NO_SLOT } from "./space/slots.js";

const NODE_BYTES_MAX = Math.max(NODE.storedBytesMax, LEAF.storedBytesMax);
/** What a segment begins with is no node's: places begin at 1. */
const FIRST_BYTE = SECTOR_BYTES;

/** Written at once, so that others have a turn; a slice of a merge appends less, too. */
const WRITE_BYTES = 1024 * 1024;

export interface NodeLogSize {
	/** For tests: how far a segment is filled, if there is another slot. */
	readonly fillBytes?: number | undefined;
}

export class NodeLog implements NodeStore {
	/** Where segments lie, and what lives. */
	readonly places: NodePlaces;
	/** Asked where there is no slot left: true when there is one more, false if none can be had. */
	moreSlots = async (): Promise<boolean> => false;
	/** Each node that is read is read from all copies of the storage: somebody scrubs. */
	asksAll = false;
	/** Hears where a node was wrong of which another copy was right. */
	whenMended: (place: string) => void = () => {};
	readonly #segments: Segments;
	readonly #allocate: (byteLength: number) => Memory;
	readonly #fillBytes: number;
	/** The number of the last one; -1: there is none. */
	#last: number;
	readonly #filled = new Map<number, Filling>();
	readonly #fillings: Fillings;
	/** Files with something that was written out. */
	readonly #unsynced = new Set<number>();
	/** Where the last segment goes on that a checkpoint has. */
	#resumeBytes: number;
	/** What is given back when `letGo` says so: place and length of each. Null: at once. */
	#held: number[] | null = null;
	/** The last sync. What one has failed for, no later one is for. */
	#syncing: Promise<void> = Promise.resolve();
	#unused: NodeLoad | null = null;

	/** `places`: as a checkpoint has them; `end`: the place behind all that it has. */
	constructor(
		segments: Segments,
		allocate: (byteLength: number) => Memory,
		places = new NodePlaces(segments.slots),
		end = places.end,
		{ fillBytes = SEGMENT_BYTES }: NodeLogSize = {},
	) {
		this.#segments = segments;
		this.#allocate = allocate;
		this.#fillings = new Fillings(allocate);
		this.#fillBytes = fillBytes;
		this.places = places;
		this.#last = Math.ceil(end / SEGMENT_BYTES) - 1;
		this.#resumeBytes = roundUp(end - this.#last * SEGMENT_BYTES, BLOCK_BYTES);
		// (What an older format has is not gone on with.)
		if (places.of(this.#last)?.live === null) this.#resumeBytes = SEGMENT_BYTES;
		places.isOpen = (number) => number === this.#last || this.#filled.has(number);
	}

	/** Bytes that somebody may read. */
	get liveBytes(): number {
		return this.places.liveBytes;
	}

	/** The place that what is appended next will have, or one before it in the same segment. */
	get end(): number {
		const bytes = this.#filled.get(this.#last)?.bytes ?? Math.min(this.#resumeBytes, SEGMENT_BYTES);
		return this.#last * SEGMENT_BYTES + bytes;
	}

	/** Leaves a gap, and says where that ends: all that there is is before it, and all that comes is not. */
	gap(): number {
		const filled = this.#filled.get(this.#last) ?? this.#resumed(this.#last);
		if (filled !== undefined && filled.bytes < SEGMENT_BYTES) leaveGap(filled);
		return this.end;
	}

	/** Bytes that have room without another slot. */
	get roomBytes(): number {
		return (SEGMENT_BYTES - (this.end % SEGMENT_BYTES)) % SEGMENT_BYTES;
	}

	/** Whether a slice of a merge can be stored. */
	get hasRoom(): boolean {
		return this.#segments.slots.free > 0 || this.roomBytes > WRITE_BYTES;
	}

	/** Nobody reads what is at a place any more. */
	free(place: number, bytes: number): void {
		if (this.#held === null) this.places.free(place, bytes);
		else this.#held.push(place, bytes);
	}

	/** What is given back from now on stays until `letGo`: what a checkpoint stores is of one moment. */
	hold(): void {
		this.#held ??= [];
	}

	letGo(): void {
		const held = this.#held ?? [];
		this.#held = null;
		for (let i = 0; i < held.length; i += 2) this.places.free(held[i]!, held[i + 1]!);
	}

	/** Segments that are full and in memory still: who appends much has them written out. */
	get waiting(): number {
		return Math.max(0, this.#filled.size - 1);
	}

	/** At an even place, or at an odd one. */
	append(memory: Memory, bytes: number, odd: 0 | 1 = 0): number {
		invariant(bytes < SEGMENT_BYTES - FIRST_BYTE, "a node is larger than it may be");
		let filled = this.#filled.get(this.#last) ?? this.#resumed(this.#last);
		const isFull = filled !== undefined && startIn(filled) + odd + bytes > SEGMENT_BYTES;
		const isEnough = filled !== undefined && filled.bytes >= this.#fillBytes && this.#segments.slots.free > 0;
		if (filled === undefined || isFull || isEnough) filled = this.begin();
		const place = this.#last * SEGMENT_BYTES + put(filled, memory, bytes, odd);
		this.places.took(place, bytes);
		return place;
	}

	/** One more segment, so that what was filled until now may be cleaned when it is written out. Throws an OperatorError. */
	begin(): Filling {
		const slot = this.#segments.takeSlot();
		if (slot === NO_SLOT) throw new NoSpaceError("there is no space left for the pool's map");
		const before = this.places.of(this.#last);
		const number = ++this.#last;
		this.places.add(new NodeSegment(number, slot));
		const filled = this.#fillings.begin(FIRST_BYTE, 0);
		this.#filled.set(number, filled);
		if (before !== undefined) this.places.settle(before);
		return filled;
	}

	/** The last segment of a checkpoint, where that has ended; undefined if it is full, or gone. */
	#resumed(number: number): Filling | undefined {
		const at = this.#resumeBytes;
		this.#resumeBytes = SEGMENT_BYTES;
		if (number < 0 || at >= SEGMENT_BYTES || this.places.of(number) === undefined) return undefined;
		const filled = this.#fillings.begin(at, at);
		this.#filled.set(number, filled);
		return filled;
	}

	load(place: number, bytes: number, receiver: NodeReceiver, frame: number): void {
		const number = Math.floor(place / SEGMENT_BYTES);
		const offset = place - number * SEGMENT_BYTES;
		const filled = this.#filled.get(number);
		const isStored = this.asksAll && offset + NODE_BYTES_MAX <= firmEnd(filled);
		if (filled !== undefined && offset >= filled.firstBytes && !isStored) {
			load(receiver, frame, filled.memory, offset, Math.max(0, filled.bytes - offset));
			return;
		}
		const segment = this.places.of(number);
		const at = segment === undefined ? -1 : segment.locate(offset);
		if (segment === undefined || at < 0 || !this.#segments.hasFile(segment.slot)) {
			receiver.failed(frame, "there is no such segment of nodes");
			return;
		}
		const { slot } = segment;
		const reading = this.#unused ?? new NodeLoad(this, this.#allocate(NODE_BYTES_MAX + 2 * SECTOR_BYTES));
		this.#unused = reading.next;
		reading.next = null;
		const from = at - (at % SECTOR_BYTES);
		reading.start = at - from;
		reading.slot = slot;
		this.#segments.slots.hold(slot);
		const to = Math.min(SEGMENT_BYTES, roundUp(at + Math.min(bytes, NODE_BYTES_MAX), SECTOR_BYTES));
		const { request } = reading;
		request.offsetBytes = (slot % FILE_SLOTS) * SEGMENT_BYTES + from;
		request.lengthBytes = to - from;
		reading.begin(this.#segments.deviceOfSlot(slot), receiver, frame, this.asksAll);
	}

	nameOf(place: number): string {
		return this.#segments.nameInSlot(...this.places.where(place));
	}

	/** What is at a place, as long as it may be in memory alone: good until others have a turn. */
	unwritten(place: number, bytes: number): Uint8Array | undefined {
		const number = Math.floor(place / SEGMENT_BYTES);
		const offset = place - number * SEGMENT_BYTES;
		const filled = this.#filled.get(number);
		if (filled === undefined || offset < filled.firstBytes) return undefined;
		return filled.memory.bytes.subarray(offset, offset + bytes);
	}

	/** Whether what is before a byte of a slot is as it will be: where something is appended, its last block is written once more. */
	isFirm(slot: number, endBytes: number): boolean {
		return endBytes <= this.firmBytes(slot);
	}

	/** Up to which byte of a slot that is so; it only grows. */
	firmBytes(slot: number): number {
		for (const [number, filled] of this.#filled)
			if (this.places.of(number)?.slot === slot) return firmEnd(filled);
		return SEGMENT_BYTES;
	}

	/** Called by the one that has been read, and by now copied. */
	finished(load: NodeLoad): void {
		const { slot, request, isMended } = load;
		if (isMended) this.whenMended(this.#segments.nameInSlot(slot, request.offsetBytes % SEGMENT_BYTES));
		this.#segments.slots.letGo(slot);
		load.next = this.#unused;
		this.#unused = load;
	}

	/** Writes out what is full, so that it takes up no memory. Throws an OperatorError. */
	async writeOut(): Promise<void> {
		for (const [number, filled] of this.#filled) {
			// (Meanwhile more is appended.)
			if (number === this.#last) continue;
			await this.#write(number, filled);
			if (this.#filled.delete(number)) this.#fillings.end(filled);
			const segment = this.places.of(number);
			if (segment !== undefined) this.places.settle(segment);
		}
	}

	/** All that was appended so far is on stable storage when it resolves. Throws an OperatorError. */
	async flush(): Promise<void> {
		await this.#syncing;
		await this.writeOut();
		const number = this.#last;
		const last = this.#filled.get(number);
		if (last !== undefined) await this.#write(number, last);
		await this.sync();
	}

	/** All that was written out; and what another one is under way for, which may be the same file. */
	sync(): Promise<void> {
		this.#syncing = this.#syncing.then(() => this.#sync());
		return this.#syncing;
	}

	async #sync(): Promise<void> {
		for (const file of [...this.#unsynced]) {
			this.#unsynced.delete(file);
			const device = this.#segments.deviceOfSlot(file * FILE_SLOTS);
			await run(device, BlockOp.flush, 0, 0, undefined, this.#segments.fileNameOf(file * FILE_SLOTS));
		}
	}

	/** The blocks that have something new. */
	async #write(number: number, filled: Filling): Promise<void> {
		const end = filled.bytes;
		if (end === filled.writtenBytes) return;
		const { slot } = this.places.of(number)!;
		const from = filled.writtenBytes - (filled.writtenBytes % BLOCK_BYTES);
		filled.writers++;
		try {
			await this.writeSlot(slot, from, pad(filled), filled.memory);
		} finally {
			filled.writers--;
		}
		filled.writtenBytes = end;
	}

	/** What is in memory from one byte to before another, to the same bytes of a slot. Stable with all that was appended. Throws an OperatorError. */
	async writeSlot(slot: number, first: number, end: number, memory: Memory): Promise<void> {
		const device = await this.#segments.fileOf(slot);
		const name = this.#segments.fileNameOf(slot);
		for (let from = first; from < end; from += WRITE_BYTES) {
			const at = (slot % FILE_SLOTS) * SEGMENT_BYTES + from;
			await run(device, BlockOp.write, at, Math.min(WRITE_BYTES, end - from), memory, name, from);
			// (Now, and each time: a sync that came meanwhile is none of this.)
			this.#unsynced.add(Math.floor(slot / FILE_SLOTS));
			if ((from + WRITE_BYTES - first) % BESIDE_SYNC_BYTES === 0) await this.sync();
		}
	}
}

/** What is before this is written, and is not written again with what is appended. */
function firmEnd(filled: Filling | undefined): number {
	return filled === undefined ? SEGMENT_BYTES : filled.writtenBytes - (filled.writtenBytes % BLOCK_BYTES);
}
