/**
 * A bad network before any link: what is sent and what is received goes through a schedule (see `faulty-schedule.ts`) that
 * loses, doubles, damages and holds up frames. For tests on real sockets, where the network itself is good; an initiator on such a
 * link sees the same network as one in a simulation. A test tool; frames are copied, and what it delivers is memory without
 * an address, so the storage behind a target on such a link must be one in JavaScript.
 */

import type { BpfInstruction, FrameRoom, FrameSink, Link, LinkStats } from "../link/link.js";
import { heapMemory, type Memory } from "../wire/memory.js";
import type { FrameFate } from "./faulty-schedule.js";

export class LossyLink implements Link, FrameSink {
	readonly canGather = false;
	readonly gathersFast = false;
	readonly #link: Link;
	readonly #schedule: FrameFate;
	#sink: FrameSink | null = null;
	/** Frames that came out of the schedule and could not be given to the link. */
	#droppedOut = 0;
	#closed = false;

	constructor(link: Link, schedule: FrameFate) {
		this.#link = link;
		this.#schedule = schedule;
	}

	get name(): string {
		return this.#link.name;
	}

	get mac(): number {
		return this.#link.mac;
	}

	get mtu(): number {
		return this.#link.mtu;
	}

	get up(): boolean {
		return this.#link.up;
	}

	get status(): string {
		return this.#link.status;
	}

	get isScreened(): boolean {
		return this.#link.isScreened;
	}

	get arrivedUs(): number {
		return this.#link.arrivedUs;
	}

	get stats(): LinkStats {
		const stats = this.#link.stats;
		return { ...stats, droppedOut: stats.droppedOut + this.#droppedOut };
	}

	get freeRooms(): number {
		return this.#link.freeRooms;
	}

	attach(sink: FrameSink): void {
		this.#sink = sink;
		this.#link.attach(this);
	}

	acquire(): FrameRoom | undefined {
		return this.#link.acquire();
	}

	release(room: FrameRoom): void {
		this.#link.release(room);
	}

	makeRoom(framesInFlight: number): void {
		this.#link.makeRoom(framesInFlight);
	}

	transmit(room: FrameRoom, headBytes: number, peer: number): void {
		const frame = room.memory.bytes.slice(room.offset, room.offset + headBytes);
		this.#link.release(room);
		this.#schedule(() => this.#send(frame, peer), frame, this, this.#link);
	}

	#send(frame: Uint8Array, peer: number): void {
		const room = this.#closed ? undefined : this.#link.acquire();
		if (room === undefined || frame.length > room.capacityBytes) {
			if (room !== undefined) this.#link.release(room);
			this.#droppedOut += 1;
			return;
		}
		room.memory.bytes.set(frame, room.offset);
		this.#link.transmit(room, frame.length, peer);
	}

	setFilter(program: readonly BpfInstruction[]): void {
		this.#link.setFilter(program);
	}

	/** Frames that are still held up are lost. */
	async close(): Promise<void> {
		this.#closed = true;
		await this.#link.close();
	}

	frame(_link: Link, memory: Memory, offset: number, frameBytes: number, peer: number): void {
		const copy = heapMemory(frameBytes);
		copy.bytes.set(memory.bytes.subarray(offset, offset + frameBytes));
		const deliver = (): void => {
			if (!this.#closed) this.#sink?.frame(this, copy, 0, frameBytes, peer);
		};
		this.#schedule(deliver, copy.bytes, this.#link, this);
	}

	linkChanged(): void {
		this.#sink?.linkChanged(this);
	}
}
