/**
 * A link for tests of the target: frames are put into it by hand, what it is given to send is kept. It is unkind on purpose.
 * Received frames lie in a ring between other bytes that nobody may read or write, and are overwritten once the sink has
 * returned; reply rooms are few, lie between such bytes too, and still hold what was sent from them before.
 */

import {
	type BpfInstruction,
	type FrameRoom,
	type FrameSink,
	type Link,
	newLinkCounts,
} from "../../lib/link/link.js";
import { heapMemory, type Memory } from "../../lib/wire/memory.js";

/** What lies around frames in the ring, and around rooms. */
export const RING_CANARY = 0xca;
export const ROOM_CANARY = 0xc5;
/** What a room holds before it is used for the first time. */
export const STALE = 0x57;

const RING_MARGIN_BYTES = 2048;
const ROOM_MARGIN_BYTES = 64;

export interface RecordingLinkOptions {
	readonly mac?: number;
	readonly mtu?: number;
	readonly rooms?: number;
	readonly canGather?: boolean;
	readonly isScreened?: boolean;
	/** Rooms of frames that were sent come back only by `flush`. */
	readonly holdSent?: boolean;
}

export interface SentFrame {
	/** The bytes of the room that were sent. */
	readonly head: Buffer;
	readonly dataAddress: number;
	readonly dataBytes: number;
	readonly peer: number;
}

export class RecordingLink implements Link {
	readonly name = "rec0";
	mac: number;
	mtu: number;
	up = true;
	readonly status = "up";
	arrivedUs = 0;
	readonly isScreened: boolean;
	readonly canGather: boolean;
	readonly gathersFast: boolean;
	readonly stats = newLinkCounts();
	readonly sent: SentFrame[] = [];
	filter: readonly BpfInstruction[] = [];
	/** How often it was set. */
	filters = 0;
	readonly rooms: FrameRoom[] = [];
	readonly #ring: Memory;
	readonly #free: FrameRoom[];
	readonly #held: FrameRoom[] = [];
	readonly #holdSent: boolean;
	#sink: FrameSink | null = null;

	constructor(options: RecordingLinkOptions = {}) {
		this.mac = options.mac ?? 0x020000000001;
		this.mtu = options.mtu ?? 1500;
		this.canGather = options.canGather ?? false;
		this.gathersFast = this.canGather;
		this.isScreened = options.isScreened ?? false;
		this.#holdSent = options.holdSent ?? false;
		this.#ring = heapMemory(2 * RING_MARGIN_BYTES + 65536);
		this.#ring.bytes.fill(RING_CANARY);
		const capacityBytes = this.mtu + 14;
		const strideBytes = capacityBytes + ROOM_MARGIN_BYTES;
		const rooms = options.rooms ?? 8;
		const memory = heapMemory(ROOM_MARGIN_BYTES + rooms * strideBytes);
		memory.bytes.fill(ROOM_CANARY);
		for (let i = 0; i < rooms; i++) {
			const offset = ROOM_MARGIN_BYTES + i * strideBytes;
			memory.bytes.fill(STALE, offset, offset + capacityBytes);
			this.rooms.push({ memory, offset, capacityBytes, dataAddress: 0 });
		}
		this.#free = [...this.rooms];
	}

	/** Rooms that nobody has taken. */
	get freeRooms(): number {
		return this.#free.length;
	}

	/** Those rooms. */
	get idle(): readonly FrameRoom[] {
		return this.#free;
	}

	/** Lets `frame` come in, as received from `peer`. Throws if anything around it has been written to. */
	receive(frame: Uint8Array, peer = 0): void {
		const { bytes } = this.#ring;
		bytes.set(frame, RING_MARGIN_BYTES);
		this.#sink?.frame(this, this.#ring, RING_MARGIN_BYTES, frame.length, peer);
		bytes.fill(RING_CANARY, RING_MARGIN_BYTES, RING_MARGIN_BYTES + frame.length);
		const end = RING_MARGIN_BYTES + frame.length;
		if (
			!isAll(bytes, 0, RING_MARGIN_BYTES, RING_CANARY) ||
			!isAll(bytes, end, end + RING_MARGIN_BYTES, RING_CANARY)
		)
			throw new Error("written outside the received frame");
	}

	/** What was sent since the last call. */
	take(): Buffer[] {
		return this.sent.splice(0).map(({ head }) => head);
	}

	/** With `holdSent`: gives back the rooms of the frames sent so far, as a port does when they have left. */
	flush(): void {
		this.#free.push(...this.#held.splice(0));
	}

	/** Throws if anything between the rooms has been written to. */
	checkMargins(): void {
		for (const { memory, offset, capacityBytes } of this.rooms) {
			const end = offset + capacityBytes;
			if (
				!isAll(memory.bytes, offset - ROOM_MARGIN_BYTES, offset, ROOM_CANARY) ||
				!isAll(memory.bytes, end, end + ROOM_MARGIN_BYTES, ROOM_CANARY)
			)
				throw new Error("written outside a room");
		}
	}

	changed(): void {
		this.#sink?.linkChanged(this);
	}

	attach(sink: FrameSink): void {
		this.#sink = sink;
	}

	acquire(): FrameRoom | undefined {
		return this.#free.shift();
	}

	release(room: FrameRoom): void {
		this.#giveBack(room, this.#free);
	}

	/** Its rooms are what the test has asked for. */
	makeRoom(): void {}

	transmit(room: FrameRoom, headBytes: number, peer: number, dataBytes = 0): void {
		const { bytes } = room.memory;
		if (headBytes > room.capacityBytes) throw new Error("frame longer than its room");
		this.sent.push({
			head: Buffer.from(bytes.subarray(room.offset, room.offset + headBytes)),
			dataAddress: dataBytes > 0 ? room.dataAddress : 0,
			dataBytes,
			peer,
		});
		this.#giveBack(room, this.#holdSent ? this.#held : this.#free);
	}

	setFilter(program: readonly BpfInstruction[]): void {
		this.filter = program;
		this.filters += 1;
	}

	async close(): Promise<void> {
		this.#sink = null;
	}

	#giveBack(room: FrameRoom, list: FrameRoom[]): void {
		if (!this.rooms.includes(room)) throw new Error("not a room of this link");
		if (this.#free.includes(room) || this.#held.includes(room)) throw new Error("room given back twice");
		list.push(room);
	}
}

/** Runs of one byte, by that byte: at least as long as any that is looked for. */
const runs = new Map<number, Uint8Array>();

function isAll(bytes: Uint8Array, from: number, to: number, value: number): boolean {
	let run = runs.get(value);
	if (run === undefined || run.length < to - from) {
		run = new Uint8Array(to - from).fill(value);
		runs.set(value, run);
	}
	return Buffer.compare(bytes.subarray(from, to), run.subarray(0, to - from)) === 0;
}
