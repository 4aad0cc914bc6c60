/**
 * A network in memory: any number of links on one switch, without privileges. Tests put a target on one link and an initiator
 * on another; simulations also decide when each frame arrives, how often and in which order (`schedule`, see
 * `lib/testing/faulty-schedule.ts`). A frame to a link's address goes to that link alone, others to all.
 * Frames arrive in the same run of the pump that sent them. As on a real link, received bytes hold only until the pump has
 * run: then they are overwritten, so that whoever keeps them too long is found out. `setFilter` does nothing.
 */

import { nowUs } from "../departures.js";
import { invariant } from "../errors.js";
import type { Pump, PumpStage } from "../pump.js";
import { ETH_HEADER_BYTES, ethDestination } from "../wire/ethernet.js";
import { heapMemory, type Memory } from "../wire/memory.js";
import { type FrameRoom, type FrameSink, type Link, type LinkStats, newLinkCounts } from "./link.js";
import { type Allocate, grownRooms, Outbox } from "./outbox.js";

/**
 * Decides over one frame on its way: call `deliver` now, later, several times or never. `frame` is a copy that may be
 * changed before it is delivered; it may be kept.
 */
export type Schedule = (deliver: () => void, frame: Uint8Array, from: MemoryLink, to: MemoryLink) => void;

export interface MemorySwitchOptions {
	/** Without it every frame arrives once, in order, in the run of the pump that sent it. */
	readonly schedule?: Schedule;
}

export interface MemoryLinkOptions {
	/** Default: `mem0`, `mem1`, ... */
	readonly name?: string;
	/** Default: 02:00:00:00:00:01 for the first link, and so on. */
	readonly mac?: number;
	/** Bytes of payload in a frame; default 9000. */
	readonly mtu?: number;
	/** Default true. */
	readonly up?: boolean;
	/** Frames that may wait to be sent, and as many again that may wait to be received; default 256. */
	readonly rooms?: number;
	/** Where frames are kept; default `heapMemory`. */
	readonly allocate?: Allocate;
}

const DEFAULT_MTU = 9000;
const DEFAULT_ROOMS = 256;
const FIRST_MAC = 0x020000000001;
/** What received bytes turn into when they no longer hold. */
const STALE_BYTE = 0xdb;

export class MemorySwitch {
	readonly schedule: Schedule | undefined;
	#links: readonly MemoryLink[] = [];
	#linksMade = 0;

	constructor(options: MemorySwitchOptions = {}) {
		this.schedule = options.schedule;
	}

	/** A new link, served by `pump`. */
	link(pump: Pump, options: MemoryLinkOptions = {}): MemoryLink {
		const number = this.#linksMade++;
		const defaults = { name: `mem${number}`, mac: FIRST_MAC + number };
		const link = new MemoryLink(this, pump, { ...defaults, ...options });
		this.#links = [...this.#links, link];
		return link;
	}

	/** Takes a link off the switch; `MemoryLink.close` does it. */
	remove(link: MemoryLink): void {
		this.#links = this.#links.filter((other) => other !== link);
	}

	/** Brings a frame that `from` sends on its way. */
	forward(from: MemoryLink, memory: Memory, offset: number, frameBytes: number): void {
		const destination = ethDestination.get(memory.bytes, offset);
		const links = this.#links;
		for (let index = 0; index < links.length; index++) {
			const to = links[index]!;
			if (to.mac !== destination || to === from) continue;
			this.#send(from, to, memory.bytes, offset, frameBytes);
			return;
		}
		for (let index = 0; index < links.length; index++) {
			const to = links[index]!;
			if (to !== from) this.#send(from, to, memory.bytes, offset, frameBytes);
		}
	}

	#send(from: MemoryLink, to: MemoryLink, bytes: Uint8Array, offset: number, frameBytes: number): void {
		if (this.schedule === undefined) {
			to.arrive(bytes, offset, frameBytes);
			return;
		}
		const frame = bytes.slice(offset, offset + frameBytes);
		this.schedule(() => to.arrive(frame, 0, frame.length), frame, from, to);
	}
}

/** Two links joined by a switch of their own. */
export function memoryLinkPair(
	pump: Pump,
	first: MemoryLinkOptions = {},
	second: MemoryLinkOptions = {},
	options: MemorySwitchOptions = {},
): [MemoryLink, MemoryLink] {
	const ether = new MemorySwitch(options);
	return [ether.link(pump, first), ether.link(pump, second)];
}

/** A received frame: waiting, handed to the sink and held until the pump has run, or free. */
class ReceiveBuffer {
	frameBytes = 0;
	constructor(readonly memory: Memory) {}
}

export class MemoryLink implements Link, PumpStage {
	readonly name: string;
	readonly canGather = false;
	readonly gathersFast = false;
	readonly isScreened = false;
	/** What `stats` are copies of. */
	readonly counts = newLinkCounts();
	arrivedUs = 0;

	readonly #ether: MemorySwitch;
	readonly #pump: Pump;
	readonly #allocate: Allocate;
	#mac: number;
	#mtu: number;
	#up: boolean;
	#closed = false;
	#sink: FrameSink | null = null;
	readonly #outbox: Outbox;

	/** Receive buffers: the first `#held` are the sink's, those up to `#filled` wait, the rest are free. */
	#buffers: ReceiveBuffer[] = [];
	#held = 0;
	#filled = 0;
	/** The run of the pump in which they were handed to the sink. */
	#heldInRun = 0;

	/** Made by `MemorySwitch.link`. */
	constructor(ether: MemorySwitch, pump: Pump, options: MemoryLinkOptions & { name: string; mac: number }) {
		this.#ether = ether;
		this.#pump = pump;
		this.name = options.name;
		this.#mac = options.mac;
		this.#mtu = options.mtu ?? DEFAULT_MTU;
		this.#up = options.up ?? true;
		const frameBytes = this.#mtu + ETH_HEADER_BYTES;
		const { rooms = DEFAULT_ROOMS, allocate = heapMemory } = options;
		this.#allocate = allocate;
		this.#outbox = new Outbox({ pump, counts: this.counts, rooms, frameBytes, allocate });
		pump.addLink(this);
	}

	get mac(): number {
		return this.#mac;
	}

	get mtu(): number {
		return this.#mtu;
	}

	get up(): boolean {
		return this.#up;
	}

	get status(): string {
		return this.up ? "up" : "down";
	}

	get hasWork(): boolean {
		return this.#outbox.waiting > 0 || this.#filled > this.#held;
	}

	setMac(mac: number): void {
		this.#mac = mac;
		this.#sink?.linkChanged(this);
	}

	setMtu(mtu: number): void {
		this.#mtu = mtu;
		this.#outbox.resize(mtu + ETH_HEADER_BYTES);
		this.#sink?.linkChanged(this);
	}

	setUp(up: boolean): void {
		this.#up = up;
		this.#sink?.linkChanged(this);
	}

	attach(sink: FrameSink): void {
		invariant(this.#sink === null, "link attached twice");
		this.#sink = sink;
	}

	get stats(): LinkStats {
		return { ...this.counts };
	}

	get freeRooms(): number {
		return this.#outbox.freeRooms;
	}

	acquire(): FrameRoom | undefined {
		return this.#closed ? undefined : this.#outbox.acquire();
	}

	release(room: FrameRoom): void {
		this.#outbox.release(room);
	}

	makeRoom(framesInFlight: number): void {
		this.#outbox.grow(grownRooms(this.#outbox.rooms, framesInFlight));
	}

	transmit(room: FrameRoom, headBytes: number, peer: number, dataBytes = 0): void {
		invariant(dataBytes === 0, "this link cannot gather");
		this.#outbox.push(room, headBytes, peer, 0);
	}

	setFilter(): void {}

	async close(): Promise<void> {
		if (this.#closed) return;
		this.#sink = null;
		this.drain();
		this.#closed = true;
		this.#ether.remove(this);
		this.#pump.remove(this);
	}

	drain(): void {
		this.#sendQueued();
		const sink = this.#sink;
		const end = this.#filled;
		if (this.#held < end) this.arrivedUs = nowUs();
		while (this.#held < end) {
			const buffer = this.#buffers[this.#held]!;
			if (this.#held === 0) {
				this.#heldInRun = this.#pump.runs;
				queueMicrotask(this.#giveBack);
			}
			this.#held += 1;
			sink?.frame(this, buffer.memory, 0, buffer.frameBytes, 0);
		}
	}

	/** A frame has reached this link: it waits in a buffer until the pump comes by. */
	arrive(bytes: Uint8Array, offset: number, frameBytes: number): void {
		if (this.#held > 0 && this.#heldInRun !== this.#pump.runs) this.#giveBack();
		const full = this.#filled === this.#outbox.rooms;
		if (!this.#up || this.#sink === null || full || frameBytes > this.#mtu + ETH_HEADER_BYTES) {
			this.counts.droppedIn += 1;
			return;
		}
		let buffer = this.#buffers[this.#filled];
		if (buffer === undefined || buffer.memory.bytes.length < frameBytes) {
			buffer = new ReceiveBuffer(this.#allocate(this.#mtu + ETH_HEADER_BYTES));
			this.#buffers[this.#filled] = buffer;
		}
		buffer.memory.bytes.set(bytes.subarray(offset, offset + frameBytes));
		buffer.frameBytes = frameBytes;
		this.#filled += 1;
		this.counts.framesIn += 1;
		this.#pump.wake();
	}

	#sendQueued(): void {
		const outbox = this.#outbox;
		for (let index = 0; index < outbox.waiting; index++) {
			const frame = outbox.at(index);
			if (!this.#up || frame.frameBytes > this.#mtu + ETH_HEADER_BYTES) {
				this.counts.droppedOut += 1;
				continue;
			}
			this.counts.framesOut += 1;
			this.#ether.forward(this, frame.memory, frame.offset, frame.frameBytes);
		}
		outbox.done(outbox.waiting);
	}

	/** The pump has run: what the sink was handed no longer holds. */
	readonly #giveBack = (): void => {
		const held = this.#held;
		for (let index = 0; index < held; index++) {
			const buffer = this.#buffers[index]!;
			buffer.memory.bytes.fill(STALE_BYTE, 0, buffer.frameBytes);
		}
		// What came in meanwhile moves to the front; the free buffers change places with it.
		const waiting = this.#filled - held;
		for (let index = 0; index < waiting; index++) {
			const free = this.#buffers[index]!;
			this.#buffers[index] = this.#buffers[held + index]!;
			this.#buffers[held + index] = free;
		}
		this.#held = 0;
		this.#filled = waiting;
	};
}
