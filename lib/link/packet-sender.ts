/**
 * The sending half of `packet.ts`: the frames that wait for the pump, handed to the socket in one call, and what becomes of
 * those that it does not take. It outlives the socket, which is made anew when the interface changes.
 */

import { Errno, type NativePort, native, nativeMemory, SEND_FIELDS } from "../native.js";
import type { Pump } from "../pump.js";
import type { FrameSlot, LinkStats } from "./link.js";
import { type QueuedFrame, TransmitQueue } from "./transmit-queue.js";

/** Frames handed over in one call. */
const BATCH_FRAMES = 64;

export class PacketSender {
	readonly #pump: Pump;
	readonly #stats: LinkStats;
	readonly #frames = new Float64Array(BATCH_FRAMES * SEND_FIELDS);
	readonly #error = new Int32Array(1);
	#port: NativePort | null = null;
	#queue: TransmitQueue;
	/** Frames of the queue that have been sent already; the rest wait for room in the socket. */
	#sent = 0;
	#blocked = false;

	/** With room for `slotCount` frames of `frameBytes` with their Ethernet header. */
	constructor(pump: Pump, stats: LinkStats, slotCount: number, frameBytes: number) {
		this.#pump = pump;
		this.#stats = stats;
		this.#queue = new TransmitQueue(slotCount, frameBytes, nativeMemory);
	}

	/** Frames may have another length from now on. Those that still wait are lost. */
	resize(slotCount: number, frameBytes: number): void {
		this.#stats.droppedOut += this.#queue.length - this.#sent;
		this.#sent = 0;
		this.#queue = new TransmitQueue(slotCount, frameBytes, nativeMemory);
	}

	/** The socket to send by; null while there is none, and frames are dropped. */
	setPort(port: NativePort | null): void {
		this.#port = port;
		this.#blocked = false;
	}

	get freeSlots(): number {
		return this.#queue.spare;
	}

	acquire(): FrameSlot | undefined {
		return this.#queue.acquire();
	}

	release(slot: FrameSlot): void {
		this.#queue.release(slot);
	}

	push(slot: FrameSlot, headBytes: number, peer: number, dataBytes: number): void {
		this.#queue.push(slot, headBytes, peer, dataBytes);
		if (this.#blocked) this.#keepData(this.#queue.at(this.#queue.length - 1));
		this.#pump.wake();
	}

	get hasWork(): boolean {
		return this.#queue.length > this.#sent && !this.#blocked;
	}

	drain(): void {
		while (this.#sent < this.#queue.length && !this.#blocked) this.#sendBatch();
		if (this.#sent < this.#queue.length) return;
		this.#queue.clear();
		this.#sent = 0;
	}

	#sendBatch(): void {
		if (this.#port === null) {
			this.#stats.droppedOut += this.#queue.length - this.#sent;
			this.#sent = this.#queue.length;
			return;
		}
		const frames = this.#frames;
		const count = Math.min(this.#queue.length - this.#sent, BATCH_FRAMES);
		for (let i = 0, at = 0; i < count; i++, at += SEND_FIELDS) {
			const frame = this.#queue.at(this.#sent + i);
			frames[at] = frame.memory.address + frame.offset;
			frames[at + 1] = frame.frameBytes;
			frames[at + 2] = frame.dataAddress;
			frames[at + 3] = frame.dataBytes;
		}
		const sent = native.portSend(this.#port.handle, frames, count, this.#error);
		this.#stats.framesOut += sent;
		this.#sent += sent;
		if (sent < count) this.#sendFailed(this.#error[0] ?? 0);
	}

	/** The frame at the head of the queue could not leave. Those behind it may. */
	#sendFailed(errno: number): void {
		if (errno === Errno.EAGAIN) {
			this.#block();
			return;
		}
		// ENOBUFS: a full device queue. ENETDOWN, ENXIO: the link is gone for now. EMSGSIZE: the MTU has shrunk. EFAULT: the
		// file under a borrowed answer shrank. A lost answer is asked for again; a server that ends is not.
		this.#stats.droppedOut++;
		this.#sent++;
	}

	/** The socket is full: waits for room. */
	#block(): void {
		for (let i = this.#sent; i < this.#queue.length; i++) this.#keepData(this.#queue.at(i));
		this.#blocked = true;
		if (this.#port !== null) native.portWantWritable(this.#port.handle, true);
	}

	/** A frame has to wait, and the storage may change borrowed data meanwhile: copies it into the frame's slot. */
	#keepData(frame: QueuedFrame): void {
		if (frame.dataBytes === 0) return;
		const to = frame.memory.address + frame.offset + frame.frameBytes;
		const fits = frame.frameBytes + frame.dataBytes <= frame.capacityBytes;
		// A frame whose data is gone (the file shrank) has no length: the socket refuses it when its turn comes.
		if (fits && native.copy(to, frame.dataAddress, frame.dataBytes)) frame.frameBytes += frame.dataBytes;
		else frame.frameBytes = 0;
		frame.dataAddress = 0;
		frame.dataBytes = 0;
	}

	/** There is room in the socket again. */
	unblock(): void {
		if (!this.#blocked) return;
		this.#blocked = false;
		if (this.#port !== null) native.portWantWritable(this.#port.handle, false);
		this.#pump.wake();
	}
}
