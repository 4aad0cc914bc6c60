/**
 * The sending half of `packet.ts`: takes what waits in the link's outbox to the socket, many frames in one call, and decides what
 * becomes of those that it does not take. It outlives the socket, which is made anew when the interface changes.
 */

import { Errno, isNativeError, type NativePort, native, SEND_FIELDS } from "../native.js";
import type { Pump } from "../pump.js";
import type { FrameRoom, LinkCounts } from "./link.js";
import type { Outbox, QueuedFrame } from "./outbox.js";

/** Frames handed over in one call. */
const BATCH_FRAMES = 64;

export interface PacketSenderOptions {
	readonly pump: Pump;
	readonly outbox: Outbox;
	readonly counts: LinkCounts;
	/** Send by an XDP socket where there can be one. */
	readonly xdp: boolean;
	/** Told why there can't, if that is not what it was told last. */
	readonly noXdp: (why: string) => void;
}

export class PacketSender {
	readonly #pump: Pump;
	readonly #outbox: Outbox;
	readonly #counts: LinkCounts;
	readonly #wantsXdp: boolean;
	readonly #noXdp: (why: string) => void;
	readonly #frames = new Float64Array(BATCH_FRAMES * SEND_FIELDS);
	readonly #error = new Int32Array(1);
	#port: NativePort | null = null;
	/** Waits for room in the socket, with the data of so many frames kept. */
	#blocked = false;
	#kept = 0;
	#sendsDirectly = false;
	#xdpRefusal = "";

	constructor(options: PacketSenderOptions) {
		this.#pump = options.pump;
		this.#outbox = options.outbox;
		this.#counts = options.counts;
		this.#wantsXdp = options.xdp;
		this.#noXdp = options.noXdp;
	}

	/** The socket to send by, and the longest frame that the MTU allows; null while there is none, and frames are dropped. */
	setPort(port: NativePort | null, frameBytes = 0): void {
		this.#port = port;
		this.#blocked = false;
		this.#sendsDirectly = this.#wantsXdp && port !== null && this.#useXdp(port) >= frameBytes;
	}

	/** True if every frame that the MTU allows leaves by an XDP socket. */
	get sendsDirectly(): boolean {
		return this.#sendsDirectly;
	}

	push(room: FrameRoom, headBytes: number, peer: number, dataBytes: number): void {
		this.#outbox.push(room, headBytes, peer, dataBytes);
		if (this.#blocked) this.#keepAll();
	}

	get hasWork(): boolean {
		return this.#outbox.waiting > 0 && !this.#blocked;
	}

	drain(): void {
		while (this.#outbox.waiting > 0 && !this.#blocked) this.#sendBatch();
	}

	/** There is room in the socket again. */
	unblock(): void {
		if (!this.#blocked) return;
		this.#blocked = false;
		if (this.#port !== null) native.portWantWritable(this.#port.handle, false);
		this.#pump.wake();
	}

	#sendBatch(): void {
		const outbox = this.#outbox;
		if (this.#port === null) {
			this.#counts.droppedOut += outbox.waiting;
			outbox.done(outbox.waiting);
			return;
		}
		const frames = this.#frames;
		const count = Math.min(outbox.waiting, BATCH_FRAMES);
		for (let i = 0, at = 0; i < count; i++, at += SEND_FIELDS) {
			const frame = outbox.at(i);
			frames[at] = frame.memory.address + frame.offset;
			frames[at + 1] = frame.frameBytes;
			frames[at + 2] = frame.dataAddress;
			frames[at + 3] = frame.dataBytes;
		}
		const sent = native.portSend(this.#port.handle, frames, count, this.#error);
		this.#counts.framesOut += sent;
		outbox.done(sent);
		if (sent < count) this.#sendFailed(this.#port, this.#error[0] ?? 0);
	}

	/** The frame at the head of the queue could not leave. Those behind it may. */
	#sendFailed(port: NativePort, errno: number): void {
		if (errno === Errno.EAGAIN) {
			this.#blocked = true;
			this.#kept = 0;
			this.#keepAll();
			native.portWantWritable(port.handle, true);
			return;
		}
		// ENOBUFS: a full device queue. ENETDOWN, ENXIO: the link is gone for now. EMSGSIZE: the MTU has shrunk. EFAULT: the
		// file under a borrowed answer shrank. A lost answer is asked for again; a server that ends is not.
		this.#counts.droppedOut++;
		this.#outbox.done(1);
	}

	/** All that waits has to wait longer, and the storage may change borrowed data meanwhile. */
	#keepAll(): void {
		for (; this.#kept < this.#outbox.waiting; this.#kept++) keepData(this.#outbox.at(this.#kept));
	}

	/**
	 * The longest frame that can leave by an XDP socket; 0: there is none (an older kernel, another process has the queue), nor
	 * need there be, but whoever wonders what each frame costs is told.
	 */
	#useXdp(port: NativePort): number {
		try {
			return native.portUseXdp(port.handle);
		} catch (error) {
			if (!isNativeError(error)) throw error;
			const refusal = `${error.step}: ${error.message}`;
			if (refusal !== this.#xdpRefusal) this.#noXdp(refusal);
			this.#xdpRefusal = refusal;
			return 0;
		}
	}
}

/** Copies borrowed data into the frame's room. */
function keepData(frame: QueuedFrame): void {
	if (frame.dataBytes === 0) return;
	const to = frame.memory.address + frame.offset + frame.frameBytes;
	const fits = frame.frameBytes + frame.dataBytes <= frame.capacityBytes;
	// A frame whose data is gone (the file shrank) has no length: the socket refuses it when its turn comes.
	if (fits && native.copy(to, frame.dataAddress, frame.dataBytes)) frame.frameBytes += frame.dataBytes;
	else frame.frameBytes = 0;
	frame.dataBytes = 0;
}
