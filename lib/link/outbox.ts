/**
 * Rooms for frames to send, and the queue of those that wait for the pump: what every link needs alike (`memory.ts`, `unix.ts`,
 * `pcap.ts`, and `packet.ts` with `packet-sender.ts`). The link takes the frames that wait, oldest first, says when they are
 * done with, and their rooms are free again. All rooms are cut from one block of memory, and one more each time that they become
 * more; nothing is allocated per frame. An outbox outlives what it was made for: at another MTU it has other rooms.
 */

import { invariant } from "../errors.js";
import type { Pump } from "../pump.js";
import { ETH_MIN_FRAME_BYTES } from "../wire/ethernet.js";
import { heapMemory, type Memory } from "../wire/memory.js";
import type { FrameRoom, LinkCounts } from "./link.js";

/** Makes memory: `heapMemory`, or the addon's where devices in C are to reach it too. */
export type Allocate = (byteLength: number) => Memory;

/** Rooms start at multiples of this, so that no two share a cache line. */
const ROOM_ALIGN_BYTES = 64;
const ROOMS_MIN = 256;
const ROOMS_MAX = 8192;

/** How many rooms a link has, by how many frames can be under way at once. */
export function roomsFor(framesInFlight = 0): number {
	return Math.min(Math.max(framesInFlight * 2, ROOMS_MIN), ROOMS_MAX);
}

/**
 * How many a link with `rooms` shall have when so many frames can be under way: the same until those are twice as many as it has
 * been sized for, so that a link which blades join one by one is not made anew for each; never fewer.
 */
export function grownRooms(rooms: number, framesInFlight: number): number {
	return framesInFlight < rooms ? rooms : Math.max(rooms, roomsFor(framesInFlight));
}

/** A room, and the frame in it once it is queued. */
export class QueuedFrame implements FrameRoom {
	/** Length of the queued frame, padding included; without the data that is elsewhere. */
	frameBytes = 0;
	/** From the start no integer: stored as one that changes its kind, it would make the compiler start again. */
	dataAddress = -0;
	/** Bytes of the frame that are there, for links that can gather; 0 if all of it is in the room. */
	dataBytes = 0;
	/** Where it goes: a peer number of the link, or `ALL_PEERS`. */
	peer = 0;
	/** True from `acquire` until it is given back. */
	taken = false;

	constructor(
		readonly memory: Memory,
		readonly offset: number,
		readonly capacityBytes: number,
		/** The rooms of one MTU are of one series. */
		readonly series: number,
	) {}
}

export interface OutboxOptions {
	readonly pump: Pump;
	readonly counts: LinkCounts;
	/** How many frames there is room for. */
	readonly rooms: number;
	/** The longest of them, the Ethernet header included. */
	readonly frameBytes: number;
	/** Default: `heapMemory`. */
	readonly allocate?: Allocate;
}

export class Outbox {
	readonly #pump: Pump;
	readonly #counts: LinkCounts;
	readonly #allocate: Allocate;
	#rooms: number;
	#frameBytes: number;
	#series = 0;
	#free: QueuedFrame[];
	#freeCount: number;
	/** Frames from the first to the last are waiting; those before it are done with. */
	#queue: QueuedFrame[];
	#first = 0;
	#end = 0;

	constructor(options: OutboxOptions) {
		this.#pump = options.pump;
		this.#counts = options.counts;
		this.#rooms = options.rooms;
		this.#allocate = options.allocate ?? heapMemory;
		this.#frameBytes = options.frameBytes;
		this.#free = this.#makeRooms(this.#rooms);
		this.#freeCount = this.#rooms;
		this.#queue = [...this.#free];
	}

	/** How many frames there is room for. */
	get rooms(): number {
		return this.#rooms;
	}

	/** There are `rooms` from now on, if that is more. Those that are there, and what waits in them, stay. */
	grow(rooms: number): void {
		if (rooms <= this.#rooms) return;
		for (const room of this.#makeRooms(rooms - this.#rooms)) {
			// Both lists are as long as there are rooms; what stands behind their ends means nothing.
			this.#queue.push(room);
			this.#free.push(room);
			this.#free[this.#freeCount] = room;
			this.#freeCount += 1;
		}
		this.#rooms = rooms;
	}

	/** Frames may have another length from now on. Those that wait are lost, as where a driver restarts its interface for this. */
	resize(frameBytes: number): void {
		this.#counts.droppedOut += this.waiting;
		this.#frameBytes = frameBytes;
		this.#series += 1;
		this.#free = this.#makeRooms(this.#rooms);
		this.#freeCount = this.#rooms;
		this.#queue = [...this.#free];
		this.#first = 0;
		this.#end = 0;
	}

	#makeRooms(count: number): QueuedFrame[] {
		const capacityBytes = Math.max(this.#frameBytes, ETH_MIN_FRAME_BYTES);
		const strideBytes = Math.ceil(capacityBytes / ROOM_ALIGN_BYTES) * ROOM_ALIGN_BYTES;
		const memory = this.#allocate(count * strideBytes);
		const rooms: QueuedFrame[] = [];
		for (let index = 0; index < count; index++)
			rooms.push(new QueuedFrame(memory, index * strideBytes, capacityBytes, this.#series));
		return rooms;
	}

	/** Frames that wait. They are `at(0)` to `at(waiting - 1)`, oldest first. */
	get waiting(): number {
		return this.#end - this.#first;
	}

	at(index: number): QueuedFrame {
		return this.#queue[this.#first + index]!;
	}

	/** The oldest `count` that wait are done with. All rooms of a queue come back together, when nothing of it waits any more. */
	done(count: number): void {
		this.#first += count;
		if (this.#first < this.#end) return;
		const end = this.#end;
		this.#first = 0;
		this.#end = 0;
		for (let index = 0; index < end; index++) this.release(this.#queue[index]!);
	}

	/** Rooms that are not in use. */
	get freeRooms(): number {
		return this.#freeCount;
	}

	acquire(): QueuedFrame | undefined {
		if (this.#freeCount === 0) return undefined;
		this.#freeCount -= 1;
		const room = this.#free[this.#freeCount]!;
		room.taken = true;
		return room;
	}

	/** Gives a room back. One that is no longer ours (the link had another MTU when it was handed out) is just forgotten. */
	release(room: FrameRoom): void {
		if (!(room instanceof QueuedFrame) || room.series !== this.#series) return;
		invariant(room.taken, "room given back twice");
		room.taken = false;
		this.#free[this.#freeCount] = room;
		this.#freeCount += 1;
	}

	/**
	 * Queues the first `headBytes` of a room as a frame, padded with zeros to the shortest length Ethernet allows; with
	 * `dataBytes` from the room's `dataAddress` behind them, and then without padding, it is for links that can gather. The pump
	 * will come by.
	 */
	push(room: FrameRoom, headBytes: number, peer: number, dataBytes: number): void {
		invariant(room instanceof QueuedFrame && room.taken, "frame queued in a room that was not acquired");
		invariant(headBytes <= room.capacityBytes, "frame longer than its room");
		if (room.series !== this.#series) return;
		const short = headBytes + dataBytes < ETH_MIN_FRAME_BYTES;
		invariant(!short || dataBytes === 0, "a short frame must be all in its room");
		if (short) room.memory.bytes.fill(0, room.offset + headBytes, room.offset + ETH_MIN_FRAME_BYTES);
		room.frameBytes = short ? ETH_MIN_FRAME_BYTES : headBytes;
		room.dataBytes = dataBytes;
		room.peer = peer;
		this.#queue[this.#end] = room;
		this.#end += 1;
		this.#pump.wake();
	}
}
