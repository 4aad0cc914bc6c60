/**
 * Slots for frames to send, and the queue of those that wait for the pump: what every link needs alike (`memory.ts`,
 * `unix.ts`, `pcap.ts`, and for interfaces `packet-sender.ts`). The link decides what becomes of a queued frame and then
 * gives its slot back. All slots are cut from one block of memory when the queue is made; nothing is allocated afterwards.
 */

import { invariant } from "../errors.js";
import { ETH_MIN_FRAME_BYTES } from "../wire/ethernet.js";
import { heapMemory, type Memory } from "../wire/memory.js";
import type { FrameSlot } from "./link.js";

/** Makes memory: `heapMemory`, or the addon's where devices in C are to reach it too. */
export type Allocate = (byteLength: number) => Memory;

/** Slots start at multiples of this, so that no two share a cache line. */
const SLOT_ALIGN_BYTES = 64;

/** A slot, and the frame in it once it is queued. */
export class QueuedFrame implements FrameSlot {
	/** Length of the queued frame, padding included; without the data that is elsewhere. */
	frameBytes = 0;
	/** From the start no integer: stored as one that changes its kind, it would make the compiler start again. */
	dataAddress = -0;
	/** Bytes of the frame that are there, for links that can gather; 0 if all of it is in the slot. */
	dataBytes = 0;
	/** Where it goes: a peer number of the link, or `ALL_PEERS`. */
	peer = 0;
	/** True from `acquire` until it is given back. */
	taken = false;

	constructor(
		readonly memory: Memory,
		readonly offset: number,
		readonly capacityBytes: number,
	) {}
}

export class TransmitQueue {
	readonly #slots: QueuedFrame[] = [];
	readonly #free: QueuedFrame[] = [];
	readonly #queue: QueuedFrame[] = [];
	#freeCount: number;
	#length = 0;

	/** Room for `slotCount` frames of at most `frameBytes` each, the Ethernet header included. */
	constructor(slotCount: number, frameBytes: number, allocate: Allocate = heapMemory) {
		const capacityBytes = Math.max(frameBytes, ETH_MIN_FRAME_BYTES);
		const strideBytes = Math.ceil(capacityBytes / SLOT_ALIGN_BYTES) * SLOT_ALIGN_BYTES;
		const memory = allocate(slotCount * strideBytes);
		for (let index = 0; index < slotCount; index++)
			this.#slots.push(new QueuedFrame(memory, index * strideBytes, capacityBytes));
		this.#free.push(...this.#slots);
		this.#queue.push(...this.#slots);
		this.#freeCount = slotCount;
	}

	/** Frames that wait. They are `at(0)` to `at(length - 1)`, oldest first. */
	get length(): number {
		return this.#length;
	}

	at(index: number): QueuedFrame {
		return this.#queue[index]!;
	}

	/** Slots that are not in use. */
	get spare(): number {
		return this.#freeCount;
	}

	acquire(): QueuedFrame | undefined {
		if (this.#freeCount === 0) return undefined;
		this.#freeCount -= 1;
		const slot = this.#free[this.#freeCount]!;
		slot.taken = true;
		return slot;
	}

	/** Gives a slot back. One of another queue (the link had a smaller MTU when it was handed out) is just forgotten. */
	release(slot: FrameSlot): void {
		if (!(slot instanceof QueuedFrame) || !this.#owns(slot)) return;
		invariant(slot.taken, "slot given back twice");
		slot.taken = false;
		this.#free[this.#freeCount] = slot;
		this.#freeCount += 1;
	}

	/**
	 * Queues the first `headBytes` of a slot as a frame, padded with zeros to the shortest length Ethernet allows; with
	 * `dataBytes` from the slot's `dataAddress` behind them, and then without padding, it is for links that can gather.
	 */
	push(slot: FrameSlot, headBytes: number, peer: number, dataBytes = 0): void {
		invariant(slot instanceof QueuedFrame && slot.taken, "frame queued in a slot that was not acquired");
		invariant(headBytes <= slot.capacityBytes, "frame longer than its slot");
		if (!this.#owns(slot)) return;
		const short = headBytes + dataBytes < ETH_MIN_FRAME_BYTES;
		invariant(!short || dataBytes === 0, "a short frame must be all in its slot");
		if (short) slot.memory.bytes.fill(0, slot.offset + headBytes, slot.offset + ETH_MIN_FRAME_BYTES);
		slot.frameBytes = short ? ETH_MIN_FRAME_BYTES : headBytes;
		slot.dataBytes = dataBytes;
		slot.peer = peer;
		this.#queue[this.#length] = slot;
		this.#length += 1;
	}

	/** The queued frames are gone: all their slots are free again. */
	clear(): void {
		const length = this.#length;
		this.#length = 0;
		for (let index = 0; index < length; index++) this.release(this.#queue[index]!);
	}

	#owns(slot: QueuedFrame): boolean {
		return slot.memory === this.#slots[0]?.memory;
	}
}
