/**
 * Where the map's nodes are stored: one behind the other in segments of their own, each in a slot. A node's place is the number of bytes
 * before it, counted through all of them, and is never another node's. What was appended is in memory until it is written out, and can be
 * read at once; after `flush` it is on stable storage. What lies where is part of a checkpoint.
 */

import { BlockOp, BlockRequest, type RequestOwner } from "../block/request.js";
import { invariant, StorageStatus, storageStatusName } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { BLOCK_BYTES, FILE_SLOTS, roundUp, SEGMENT_BYTES } from "./format.js";
import type { NodeReceiver, NodeStore } from "./map/store.js";
import { run, type Segments } from "./segments.js";

/** What a segment begins with is no node's: places begin at 1. */
const FIRST_BYTE = SECTOR_BYTES;

/** Written at once, so that others have a turn. */
const WRITE_BYTES = 1024 * 1024;

/** A node that is being read. Used again and again. */
class NodeLoad implements RequestOwner {
	readonly request = new BlockRequest(this);
	receiver: NodeReceiver | null = null;
	frame = 0;
	/** Where the node begins in what is read. */
	start = 0;
	next: NodeLoad | null = null;

	constructor(
		readonly log: NodeLog,
		memory: Memory,
	) {
		this.request.op = BlockOp.read;
		this.request.memory = memory;
	}

	finished(): void {
		this.log.finished(this);
	}
}

/** What was appended and is not written out. */
interface Filled {
	readonly memory: Memory;
	/** What is before this is on storage alone. */
	readonly firstBytes: number;
	/** Bytes of it that are written, in whole blocks, and that there are. */
	writtenBytes: number;
	bytes: number;
}

export class NodeLog implements NodeStore {
	readonly #segments: Segments;
	readonly #allocate: (byteLength: number) => Memory;
	readonly #nodeBytesMax: number;
	/** By number of the segment of nodes. */
	readonly #slots: number[];
	readonly #filled = new Map<number, Filled>();
	/** Files with something that was written out. */
	readonly #unsynced = new Set<number>();
	/** Where the last segment goes on that a checkpoint has. */
	#resumeBytes: number;
	/** What was said to be on storage may be lost. */
	#failure: unknown;
	#unused: NodeLoad | null = null;

	/** `slots`: as a checkpoint has them; `end`: the place behind all that it has. `nodeBytesMax`: of one node. */
	constructor(
		segments: Segments,
		allocate: (byteLength: number) => Memory,
		nodeBytesMax: number,
		slots: readonly number[] = [],
		end = slots.length * SEGMENT_BYTES,
	) {
		this.#segments = segments;
		this.#allocate = allocate;
		this.#nodeBytesMax = nodeBytesMax;
		this.#slots = [...slots];
		this.#resumeBytes = roundUp(end - (slots.length - 1) * SEGMENT_BYTES, BLOCK_BYTES);
		for (const slot of slots) segments.took(slot);
	}

	/** What a checkpoint has to keep. */
	get slots(): readonly number[] {
		return this.#slots;
	}

	/** Segments that are full and in memory still: who appends much has them written out. */
	get waiting(): number {
		return Math.max(0, this.#filled.size - 1);
	}

	append(memory: Memory, bytes: number): number {
		invariant(bytes <= SEGMENT_BYTES - FIRST_BYTE, "a node is larger than it may be");
		let number = this.#slots.length - 1;
		let filled = this.#filled.get(number) ?? this.#resumed(number);
		if (filled === undefined || filled.bytes + bytes > SEGMENT_BYTES) {
			number = this.#slots.push(this.#segments.takeSlot()) - 1;
			const memory = this.#allocate(SEGMENT_BYTES);
			filled = { memory, firstBytes: FIRST_BYTE, writtenBytes: 0, bytes: FIRST_BYTE };
			this.#filled.set(number, filled);
		}
		filled.memory.bytes.set(memory.bytes.subarray(0, bytes), filled.bytes);
		const place = number * SEGMENT_BYTES + filled.bytes;
		filled.bytes += bytes;
		return place;
	}

	/** The last segment of a checkpoint, where that has ended; undefined if it is full. */
	#resumed(number: number): Filled | undefined {
		const at = this.#resumeBytes;
		this.#resumeBytes = SEGMENT_BYTES;
		if (number < 0 || at >= SEGMENT_BYTES) return undefined;
		const memory = this.#allocate(SEGMENT_BYTES);
		const filled = { memory, firstBytes: at, writtenBytes: at, bytes: at };
		this.#filled.set(number, filled);
		return filled;
	}

	load(place: number, bytes: number, receiver: NodeReceiver, frame: number): void {
		const number = Math.floor(place / SEGMENT_BYTES);
		const offset = place - number * SEGMENT_BYTES;
		const filled = this.#filled.get(number);
		const slot = this.#slots[number];
		if (filled !== undefined && offset >= filled.firstBytes) {
			receiver.loaded(frame, filled.memory, offset, Math.max(0, filled.bytes - offset));
			return;
		}
		if (slot === undefined || !this.#segments.hasFile(slot)) {
			receiver.failed(frame, "there is no such segment of nodes");
			return;
		}
		const load = this.#unused ?? new NodeLoad(this, this.#allocate(this.#nodeBytesMax + 2 * SECTOR_BYTES));
		this.#unused = load.next;
		load.next = null;
		load.receiver = receiver;
		load.frame = frame;
		const from = offset - (offset % SECTOR_BYTES);
		load.start = offset - from;
		const to = Math.min(SEGMENT_BYTES, roundUp(offset + Math.min(bytes, this.#nodeBytesMax), SECTOR_BYTES));
		const { request } = load;
		request.offsetBytes = (slot % FILE_SLOTS) * SEGMENT_BYTES + from;
		request.lengthBytes = to - from;
		this.#segments.deviceOfSlot(slot).submit(request.begin());
	}

	/** Called by the one that has been read. */
	finished(load: NodeLoad): void {
		const { request, frame, start } = load;
		const receiver = load.receiver!;
		load.receiver = null;
		if (request.status === StorageStatus.ok)
			receiver.loaded(frame, request.memory, start, request.lengthBytes - start);
		else receiver.failed(frame, `it can't be read: ${storageStatusName(request.status)}`);
		// (What was loaded is copied by now.)
		load.next = this.#unused;
		this.#unused = load;
	}

	/** Writes out what is full, so that it takes up no memory. Throws an OperatorError. */
	async writeOut(): Promise<void> {
		for (const [number, filled] of this.#filled) {
			// (Meanwhile more is appended.)
			if (number === this.#slots.length - 1) continue;
			await this.#write(number, filled);
			this.#filled.delete(number);
		}
	}

	/** All that was appended so far is on stable storage when it resolves. Throws an OperatorError. */
	async flush(): Promise<void> {
		if (this.#failure !== undefined) throw this.#failure;
		await this.writeOut();
		const last = this.#filled.get(this.#slots.length - 1);
		if (last !== undefined) await this.#write(this.#slots.length - 1, last);
		try {
			await this.sync();
		} catch (error) {
			// (What a sync has failed for, no other one is for.)
			this.#failure = error;
			throw error;
		}
	}

	/** All that was written out. */
	async sync(): Promise<void> {
		for (const file of [...this.#unsynced]) {
			this.#unsynced.delete(file);
			const device = this.#segments.deviceOfSlot(file * FILE_SLOTS);
			await run(device, BlockOp.flush, 0, 0, undefined, this.#segments.fileNameOf(file * FILE_SLOTS));
		}
	}

	/** The blocks that have something new. */
	async #write(number: number, filled: Filled): Promise<void> {
		const slot = this.#slots[number]!;
		const device = await this.#segments.fileOf(slot);
		const end = filled.bytes;
		if (end === filled.writtenBytes) return;
		this.#unsynced.add(Math.floor(slot / FILE_SLOTS));
		const to = roundUp(end, BLOCK_BYTES);
		let from = filled.writtenBytes - (filled.writtenBytes % BLOCK_BYTES);
		for (; from < to; from += WRITE_BYTES) {
			const length = Math.min(WRITE_BYTES, to - from);
			const at = (slot % FILE_SLOTS) * SEGMENT_BYTES + from;
			await run(device, BlockOp.write, at, length, filled.memory, this.#segments.fileNameOf(slot), from);
		}
		filled.writtenBytes = end;
	}
}
