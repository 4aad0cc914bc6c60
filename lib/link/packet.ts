/**
 * The link over a network interface: AF_PACKET through the addon. Received frames are handed to the sink straight from the
 * ring that the kernel fills; frames to send leave in one call per turn, their data taken from wherever it is. Opened by
 * `open.ts`.
 *
 * Ring and send buffer are sized for the frames that can be under way at this MTU, past the system's limits if allowed, so
 * nobody has to set a sysctl. A link that goes down, changes its MTU or address, or is deleted and made again, is followed:
 * word comes from netlink, and where the socket no longer fits, it is opened anew.
 */

import { invariant } from "../errors.js";
import {
	Errno,
	EVENT_WRITABLE,
	isNativeError,
	type NativePort,
	native,
	nativeMemory,
	SEND_FIELDS,
} from "../native.js";
import type { Pump, PumpStage } from "../pump.js";
import { ETH_HEADER_BYTES, ETHERTYPE_AOE } from "../wire/ethernet.js";
import type { Memory } from "../wire/memory.js";
import { BPF_KEEP_ALL, BpfProgram, PacketType } from "./bpf.js";
import { type InterfaceInfo, interfaceInfo, interfaceMonitor } from "./interfaces.js";
import type { BpfInstruction, FrameSink, FrameSlot, Link, LinkStats } from "./link.js";
import { DEFAULT_POLL_US, Pace } from "./pace.js";
import { type QueuedFrame, TransmitQueue } from "./transmit-queue.js";

/** `struct tpacket2_hdr` of linux/if_packet.h: byte offsets of its fields, all little- or big-endian as the machine is. */
const TP_STATUS = 0;
const TP_LEN = 4;
const TP_SNAPLEN = 8;
const TP_MAC = 12;
const TP_STATUS_KERNEL = 0;
const TP_STATUS_USER = 1;
const TP_STATUS_VLAN_VALID = 1 << 4;
/** `sll_pkttype` of the `struct sockaddr_ll` behind the header: who the kernel thinks the frame is for. */
const SLL_PKTTYPE = 32 + 10;

/** Frames taken from the ring before storage and wire get their turn. */
const BATCH_FRAMES = 64;
/** Frames, and batches, before the event loop gets its turn. */
const FRAMES_PER_TURN = 1024;
const BATCHES_PER_TURN = 128;
/** Bytes the kernel accounts for a queued frame beyond its length (struct sk_buff and rounding), roughly. */
const SEND_OVERHEAD_BYTES = 2048;
const RING_FRAMES_MIN = 256;
const RING_FRAMES_MAX = 8192;
const RING_BYTES_MAX = 64 * 1024 * 1024;
/** A socket that can't be opened just now is tried again after so long. */
const RETRY_MS = 500;

/** Before there is a sink every frame is dropped in the kernel; with one and no other filter, none is. */
const DROP_ALL = encodeFilter(new BpfProgram().return(0).assemble());
const KEEP_ALL = encodeFilter(new BpfProgram().return(BPF_KEEP_ALL).assemble());

export interface PacketLinkOptions {
	/** Frames that can be under way at once: buffer count times blades. */
	readonly framesInFlight: number;
	/** Longest wait for the next frame without sleeping, in microseconds; 0 always sleeps at once. */
	readonly pollUs?: number;
	/** Told when something went wrong that the operator should know; at most once per kind of event. */
	readonly log?: (message: string) => void;
}

export class PacketLink implements Link, PumpStage {
	readonly canGather = true;
	/**
	 * The kernel copies a frame with one instruction per piece (rep movsb), which is slow where source and destination are
	 * not aligned alike; a frame's data never is. Copying it behind its header first costs less than half as much.
	 */
	readonly gathersFast = false;
	mac: number;
	mtu: number;
	up: boolean;

	readonly #stats: LinkStats = { framesIn: 0, framesOut: 0, droppedIn: 0, droppedOut: 0 };
	readonly #pump: Pump;
	readonly #options: PacketLinkOptions;
	readonly #unwatch: () => void;
	#index: number;
	#sink: FrameSink | null = null;
	#filter = KEEP_ALL;
	#queue: TransmitQueue;
	readonly #frames = new Float64Array(BATCH_FRAMES * SEND_FIELDS);
	readonly #sendError = new Int32Array(1);
	/** Frames of the queue that have been sent already; the rest wait for room in the socket. */
	#sent = 0;
	#blocked = false;

	#port: NativePort | null = null;
	#ring: Memory;
	/** The ring as 32 and 16 bit numbers, for its headers. */
	#words = new Int32Array(0);
	#halves = new Uint16Array(0);
	#slotOffsets = new Uint32Array(0);
	/** The longest frame the MTU allows; the ring's slots hold a little more. */
	#longestBytes = 0;
	#next = 0;
	#closed = false;
	#resuming = false;
	readonly #pace: Pace;
	/** The socket could not be opened, and will be tried again when the timer ends. */
	#waiting = false;
	#retry: NodeJS.Timeout | undefined;

	/** Throws a NativeError if the interface does not exist or the privilege (CAP_NET_RAW) is missing. */
	constructor(
		readonly name: string,
		pump: Pump,
		options: PacketLinkOptions,
	) {
		this.#pump = pump;
		this.#options = options;
		this.#pace = new Pace(options.pollUs ?? DEFAULT_POLL_US);
		const info = interfaceInfo(name);
		this.mac = info?.mac ?? 0;
		this.mtu = info?.mtu ?? 0;
		this.up = info?.up ?? false;
		this.#index = info?.index ?? 0;
		this.#ring = { bytes: new Uint8Array(0), address: 0 };
		this.#queue = this.#makeQueue();
		this.#open();
		try {
			this.#unwatch = interfaceMonitor.watch(() => this.#interfacesChanged());
		} catch (error) {
			this.#shut();
			throw error;
		}
		pump.addLink(this);
		// What changed between the first look and now has not been told to us.
		this.#interfacesChanged();
	}

	get stats(): LinkStats {
		this.#countDrops();
		return this.#stats;
	}

	attach(sink: FrameSink): void {
		invariant(this.#sink === null, "link attached twice");
		this.#sink = sink;
		this.#applyFilter();
	}

	acquire(): FrameSlot | undefined {
		return this.#queue.acquire();
	}

	release(slot: FrameSlot): void {
		this.#queue.release(slot);
	}

	transmit(slot: FrameSlot, headBytes: number, dataAddress: number, dataBytes: number, peer: number): void {
		this.#queue.push(slot, headBytes, peer, dataAddress, dataBytes);
		if (this.#blocked) this.#keepData(this.#queue.at(this.#queue.length - 1));
		this.#pump.wake();
	}

	setFilter(program: readonly BpfInstruction[]): void {
		this.#filter = encodeFilter(program);
		this.#applyFilter();
	}

	#applyFilter(): void {
		if (this.#port !== null && this.#sink !== null) native.portSetFilter(this.#port.handle, this.#filter);
	}

	async close(): Promise<void> {
		if (this.#closed) return;
		this.drain();
		this.#closed = true;
		this.#unwatch();
		clearTimeout(this.#retry);
		this.#pump.remove(this);
		this.#shut();
	}

	// ---- receiving ----

	readonly #ready = (events: number): void => {
		if (events & EVENT_WRITABLE) this.#unblock();
		this.#pace.arrived();
		this.#receive();
	};

	/** Takes what is in the ring, batch by batch. Stops after a while so that the event loop stays alive under full load. */
	#receive(): void {
		for (let batches = 0, frames = 0; batches < BATCHES_PER_TURN && frames < FRAMES_PER_TURN; batches++) {
			const first = this.#next;
			this.#pump.hold();
			const count = this.#takeBatch();
			this.#pump.run();
			this.#giveBack(first, count);
			if (count < BATCH_FRAMES && !this.#spin()) return;
			frames += count;
		}
		if (!this.#resuming) {
			this.#resuming = true;
			setImmediate(this.#resume);
		}
	}

	/**
	 * The ring is empty: waits a little for the next frame without sleeping, if frames have been coming so fast that it will
	 * be there before a sleep would be over. True if it came.
	 */
	#spin(): boolean {
		if (this.#port === null || !this.#pump.waitsForOneLink) return false;
		const forUs = this.#pace.emptied();
		if (forUs === 0 || !native.portSpin(this.#port.handle, this.#next, forUs)) return false;
		this.#pace.arrived();
		return true;
	}

	readonly #resume = (): void => {
		this.#resuming = false;
		this.#receive();
	};

	#takeBatch(): number {
		const sink = this.#sink;
		const slots = this.#slotOffsets.length;
		if (sink === null) return 0;
		let count = 0;
		// The sink may close us.
		while (this.#port !== null && count < BATCH_FRAMES && count < slots) {
			const header = this.#slotOffsets[this.#next]!;
			const status = Atomics.load(this.#words, (header + TP_STATUS) >> 2);
			if ((status & TP_STATUS_USER) === 0) break;
			count++;
			this.#next = this.#next + 1 === slots ? 0 : this.#next + 1;
			const frameBytes = this.#words[(header + TP_LEN) >> 2]!;
			if (this.#isCutOrTooLong(header, frameBytes) || this.#isForOthers(header, status)) {
				this.#stats.droppedIn++;
				continue;
			}
			this.#stats.framesIn++;
			sink.frame(this, this.#ring, header + this.#halves[(header + TP_MAC) >> 1]!, frameBytes, 0);
		}
		return count;
	}

	/** True for a frame that the MTU does not allow, or of which not all is there. */
	#isCutOrTooLong(header: number, frameBytes: number): boolean {
		return frameBytes > this.#longestBytes || frameBytes !== this.#words[(header + TP_SNAPLEN) >> 2];
	}

	/**
	 * True for a frame to another host's address, and for one with a VLAN tag, which belongs to another (virtual) network. The
	 * kernel marks both alike: it takes the tag off, and before sockets of a certain EtherType see the frame, forgets it.
	 */
	#isForOthers(header: number, status: number): boolean {
		return (
			this.#ring.bytes[header + SLL_PKTTYPE] === PacketType.otherHost || (status & TP_STATUS_VLAN_VALID) !== 0
		);
	}

	/** Returns `count` slots from `first` to the kernel: nobody looks at their bytes any more. */
	#giveBack(first: number, count: number): void {
		const slots = this.#slotOffsets.length;
		if (this.#port === null) return;
		for (let i = 0, slot = first; i < count; i++) {
			Atomics.store(this.#words, (this.#slotOffsets[slot]! + TP_STATUS) >> 2, TP_STATUS_KERNEL);
			slot = slot + 1 === slots ? 0 : slot + 1;
		}
	}

	// ---- sending ----

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
		const sent = native.portSend(this.#port.handle, frames, count, this.#sendError);
		this.#stats.framesOut += sent;
		this.#sent += sent;
		if (sent < count) this.#sendFailed(this.#sendError[0] ?? 0);
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

	#unblock(): void {
		if (!this.#blocked) return;
		this.#blocked = false;
		if (this.#port !== null) native.portWantWritable(this.#port.handle, false);
		this.#pump.wake();
	}

	// ---- the life of the interface ----

	#makeQueue(): TransmitQueue {
		const frames = Math.min(Math.max(this.#options.framesInFlight, RING_FRAMES_MIN), RING_FRAMES_MAX);
		return new TransmitQueue(frames, this.mtu + ETH_HEADER_BYTES, nativeMemory);
	}

	#open(): void {
		const frameBytes = this.mtu + ETH_HEADER_BYTES;
		this.#longestBytes = frameBytes;
		const wanted = Math.max(this.#options.framesInFlight * 2, RING_FRAMES_MIN);
		const frames = Math.min(wanted, RING_FRAMES_MAX, Math.max(64, Math.floor(RING_BYTES_MAX / frameBytes)));
		const port = native.portOpen(
			this.name,
			ETHERTYPE_AOE,
			frameBytes,
			frames,
			frames * (frameBytes + SEND_OVERHEAD_BYTES),
			this.#sink === null ? DROP_ALL : this.#filter,
			this.#ready,
		);
		this.#port = port;
		this.#ring = { bytes: new Uint8Array(port.ring), address: port.ringAddress };
		this.#words = new Int32Array(port.ring);
		this.#halves = new Uint16Array(port.ring);
		this.#slotOffsets = port.slotOffsets;
		this.#next = 0;
	}

	#shut(): void {
		this.#countDrops();
		const port = this.#port;
		this.#port = null;
		this.#blocked = false;
		if (port !== null) native.portClose(port.handle);
	}

	#interfacesChanged(): void {
		if (this.#closed) return;
		const info = interfaceInfo(this.name);
		const wasUp = this.up;
		this.up = info?.up ?? false;
		const same = info?.index === this.#index && info.mtu === this.mtu && info.mac === this.mac;
		if (info === undefined) {
			if (this.#index === 0) return;
			this.#shut();
			this.#index = 0;
		} else if (!same || this.#port === null) {
			this.#reopen(info);
		} else if (this.up === wasUp) {
			return;
		}
		this.#sink?.linkChanged(this);
	}

	/** The socket, its ring or its slots no longer fit the interface. */
	#reopen(info: InterfaceInfo): void {
		this.#shut();
		const mtuChanged = info.mtu !== this.mtu;
		this.#index = info.index;
		this.mtu = info.mtu;
		this.mac = info.mac;
		if (mtuChanged) {
			this.#stats.droppedOut += this.#queue.length - this.#sent;
			this.#sent = 0;
			this.#queue = this.#makeQueue();
		}
		clearTimeout(this.#retry);
		try {
			this.#open();
			this.#waiting = false;
		} catch (error) {
			if (!isNativeError(error)) throw error;
			// If it has gone again already, its next change brings us back here; short of memory, only the timer does.
			this.#retry = setTimeout(() => this.#interfacesChanged(), RETRY_MS);
			if (!this.#waiting)
				this.#options.log?.(
					`${this.name}: can't open a packet socket (${error.step}: ${error.message}); waiting`,
				);
			this.#waiting = true;
		}
		// What waited for room in the old socket.
		this.#pump.wake();
	}

	/** Frames that the kernel dropped because the ring was full. */
	#countDrops(): void {
		if (this.#port !== null) this.#stats.droppedIn += native.portDrops(this.#port.handle);
	}
}

/** As an array of `struct sock_filter`: code (16 bits), jt, jf, k (32 bits), in the machine's byte order. */
function encodeFilter(program: readonly BpfInstruction[]): Uint8Array {
	const bytes = new Uint8Array(program.length * 8);
	const halves = new Uint16Array(bytes.buffer);
	const words = new Uint32Array(bytes.buffer);
	for (const [index, instruction] of program.entries()) {
		halves[index * 4] = instruction.code;
		bytes[index * 8 + 2] = instruction.jt;
		bytes[index * 8 + 3] = instruction.jf;
		words[index * 2 + 1] = instruction.k;
	}
	return bytes;
}
