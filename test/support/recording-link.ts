/**
 * A link for tests of the target: frames are put into it by hand, what it is given to send is kept. It is unkind on purpose.
 * Received frames lie in a ring between other bytes that nobody may read or write, and are overwritten once the sink has
 * returned; reply slots are few, lie between such bytes too, and still hold what was sent from them before.
 */

import {
	type BpfInstruction,
	type FrameSink,
	type FrameSlot,
	type Link,
	newLinkStats,
} from "../../lib/link/link.js";
import { heapMemory, type Memory } from "../../lib/wire/memory.js";

/** What lies around frames in the ring, and around slots. */
export const RING_CANARY = 0xca;
export const SLOT_CANARY = 0xc5;
/** What a slot holds before it is used for the first time. */
export const STALE = 0x57;

const RING_MARGIN_BYTES = 2048;
const SLOT_MARGIN_BYTES = 64;

export interface RecordingLinkOptions {
	readonly mac?: number;
	readonly mtu?: number;
	readonly slots?: number;
	readonly canGather?: boolean;
	readonly isScreened?: boolean;
	/** Slots of frames that were sent come back only by `flush`. */
	readonly holdSent?: boolean;
}

export interface SentFrame {
	/** The bytes of the slot that were sent. */
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
	readonly isScreened: boolean;
	readonly canGather: boolean;
	readonly gathersFast: boolean;
	readonly stats = newLinkStats();
	readonly sent: SentFrame[] = [];
	filter: readonly BpfInstruction[] = [];
	readonly slots: FrameSlot[] = [];
	readonly #ring: Memory;
	readonly #free: FrameSlot[];
	readonly #held: FrameSlot[] = [];
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
		const strideBytes = capacityBytes + SLOT_MARGIN_BYTES;
		const slots = options.slots ?? 8;
		const memory = heapMemory(SLOT_MARGIN_BYTES + slots * strideBytes);
		memory.bytes.fill(SLOT_CANARY);
		for (let i = 0; i < slots; i++) {
			const offset = SLOT_MARGIN_BYTES + i * strideBytes;
			memory.bytes.fill(STALE, offset, offset + capacityBytes);
			this.slots.push({ memory, offset, capacityBytes, dataAddress: 0 });
		}
		this.#free = [...this.slots];
	}

	/** Slots that nobody has taken. */
	get freeSlots(): number {
		return this.#free.length;
	}

	/** Those slots. */
	get idle(): readonly FrameSlot[] {
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

	/** With `holdSent`: gives back the slots of the frames sent so far, as a port does when they have left. */
	flush(): void {
		this.#free.push(...this.#held.splice(0));
	}

	/** Throws if anything between the slots has been written to. */
	checkMargins(): void {
		for (const { memory, offset, capacityBytes } of this.slots) {
			const end = offset + capacityBytes;
			if (
				!isAll(memory.bytes, offset - SLOT_MARGIN_BYTES, offset, SLOT_CANARY) ||
				!isAll(memory.bytes, end, end + SLOT_MARGIN_BYTES, SLOT_CANARY)
			)
				throw new Error("written outside a slot");
		}
	}

	changed(): void {
		this.#sink?.linkChanged(this);
	}

	attach(sink: FrameSink): void {
		this.#sink = sink;
	}

	acquire(): FrameSlot | undefined {
		return this.#free.shift();
	}

	release(slot: FrameSlot): void {
		this.#giveBack(slot, this.#free);
	}

	transmit(slot: FrameSlot, headBytes: number, peer: number, dataBytes = 0): void {
		const { bytes } = slot.memory;
		if (headBytes > slot.capacityBytes) throw new Error("frame longer than its slot");
		this.sent.push({
			head: Buffer.from(bytes.subarray(slot.offset, slot.offset + headBytes)),
			dataAddress: dataBytes > 0 ? slot.dataAddress : 0,
			dataBytes,
			peer,
		});
		this.#giveBack(slot, this.#holdSent ? this.#held : this.#free);
	}

	setFilter(program: readonly BpfInstruction[]): void {
		this.filter = program;
	}

	async close(): Promise<void> {
		this.#sink = null;
	}

	#giveBack(slot: FrameSlot, list: FrameSlot[]): void {
		if (!this.slots.includes(slot)) throw new Error("not a slot of this link");
		if (this.#free.includes(slot) || this.#held.includes(slot)) throw new Error("slot given back twice");
		list.push(slot);
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
