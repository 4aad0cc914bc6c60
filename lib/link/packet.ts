/**
 * The link over a network interface: AF_PACKET through the addon. Received frames are handed to the sink straight from the
 * ring that the kernel fills (`packet-ring.ts`); frames to send leave in one call per turn, their data taken from wherever
 * it is (`packet-sender.ts`). Here is when that happens, and the life of the interface. Opened by `open.ts`.
 *
 * Ring and send buffer are sized for the frames that can be under way at this MTU, past the system's limits if allowed, so
 * nobody has to set a sysctl. A link that goes down, changes its name, MTU or address, or is deleted and made again, is
 * followed (`following.ts`), and where the socket no longer fits, it is opened anew.
 */

import { getSystemErrorName } from "node:util";
import { invariant } from "../errors.js";
import { EVENT_WRITABLE, isNativeError, type NativePort, native } from "../native.js";
import type { Pump, PumpStage } from "../pump.js";
import { turn } from "../turn.js";
import { ETH_HEADER_BYTES, ETHERTYPE_AOE } from "../wire/ethernet.js";
import { BPF_KEEP_ALL, BpfProgram, encodeBpf } from "./bpf.js";
import { FollowedInterface } from "./following.js";
import type { InterfaceInfo } from "./interfaces.js";
import {
	type BpfInstruction,
	type FrameSink,
	type FrameSlot,
	type Link,
	type LinkLog,
	type LinkStats,
	newLinkStats,
} from "./link.js";
import { DEFAULT_POLL_US, Pace } from "./pace.js";
import { ReceiveRing } from "./packet-ring.js";
import { PacketSender } from "./packet-sender.js";

/** Frames, and batches, before the event loop gets its turn. */
const FRAMES_PER_TURN = 1024;
const BATCHES_PER_TURN = 128;
/** Bytes the kernel accounts for a queued frame beyond its length (struct sk_buff and rounding), roughly. */
const SEND_OVERHEAD_BYTES = 2048;
const RING_FRAMES_MIN = 256;
const RING_FRAMES_MAX = 8192;
const RING_BYTES_MAX = 64 * 1024 * 1024;

/** Before there is a sink every frame is dropped in the kernel; with one and no other filter, none is. */
const DROP_ALL = encodeBpf(new BpfProgram().return(0).assemble());
const KEEP_ALL = encodeBpf(new BpfProgram().return(BPF_KEEP_ALL).assemble());

export interface PacketLinkOptions {
	/** Frames that can be under way at once: buffer count times blades. */
	readonly framesInFlight: number;
	/** Longest wait for the next frame without sleeping, in microseconds; 0 always sleeps at once. */
	readonly pollUs?: number;
	/**
	 * Send by an XDP socket (native/net/xdp.h) where there can be one, past the interface's queueing discipline and unseen by who
	 * listens on this side of it. Default: false.
	 */
	readonly xdp?: boolean;
	/** As in `FollowingOptions`. */
	readonly leastMtu?: number | undefined;
	/** Told when something went wrong that the operator should know; at most once per kind of event. */
	readonly log?: LinkLog;
}

export class PacketLink implements Link, PumpStage {
	readonly canGather = true;
	mac: number;
	mtu: number;
	up: boolean;
	isScreened: boolean;

	readonly #stats = newLinkStats();
	readonly #pump: Pump;
	readonly #options: PacketLinkOptions;
	readonly #followed: FollowedInterface;
	#sink: FrameSink | null = null;
	#filter = KEEP_ALL;
	readonly #sender: PacketSender;
	/** The socket and its ring, while there is an interface to open them on. */
	#port: NativePort | null = null;
	#ring: ReceiveRing | null = null;
	/** Every frame that the MTU allows can leave by an XDP socket. */
	#sendsDirectly = false;
	#closed = false;
	#resuming = false;
	readonly #pace: Pace;
	#toldVain = false;
	/** Why the socket could not be opened, such as EMFILE, while that is tried again. */
	#lack = "";
	/** Why the last socket has no XDP socket beside it. */
	#xdpRefusal = "";

	/** Throws a NativeError if the interface does not exist or the privilege (CAP_NET_RAW) is missing. */
	constructor(
		readonly name: string,
		pump: Pump,
		options: PacketLinkOptions,
	) {
		this.#pump = pump;
		this.#options = options;
		this.#pace = new Pace(options.pollUs ?? DEFAULT_POLL_US);
		this.#followed = new FollowedInterface({
			linkName: name,
			interfaceName: name,
			leastMtu: options.leastMtu,
			log: options.log,
			changed: (now, before) => this.#changed(now, before),
		});
		const { info } = this.#followed;
		this.mac = info?.mac ?? 0;
		this.mtu = info?.mtu ?? 0;
		this.up = info?.up ?? false;
		this.isScreened = info !== undefined && isScreened(info);
		this.#sender = new PacketSender(pump, this.#stats, this.#slotCount, this.#frameBytes);
		try {
			this.#open();
		} catch (error) {
			this.#followed.close();
			throw error;
		}
		pump.addLink(this);
	}

	get status(): string {
		const { status } = this.#followed;
		return this.#lack === "" ? status : `${status}, but no socket (${this.#lack})`;
	}

	/**
	 * Not by sendmmsg: there the kernel copies a frame with one instruction per piece (rep movsb), which is slow where source
	 * and destination are not aligned alike, and a frame's data never is. Copying it behind its header first costs less than
	 * half as much.
	 */
	get gathersFast(): boolean {
		return this.#sendsDirectly;
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

	get freeSlots(): number {
		return this.#sender.freeSlots;
	}

	acquire(): FrameSlot | undefined {
		return this.#sender.acquire();
	}

	release(slot: FrameSlot): void {
		this.#sender.release(slot);
	}

	transmit(slot: FrameSlot, headBytes: number, peer: number, dataBytes = 0): void {
		this.#sender.push(slot, headBytes, peer, dataBytes);
	}

	get hasWork(): boolean {
		return this.#sender.hasWork;
	}

	drain(): void {
		this.#sender.drain();
	}

	setFilter(program: readonly BpfInstruction[]): void {
		this.#filter = encodeBpf(program);
		this.#applyFilter();
	}

	#applyFilter(): void {
		if (this.#port !== null && this.#sink !== null) native.portSetFilter(this.#port.handle, this.#filter);
	}

	async close(): Promise<void> {
		if (this.#closed) return;
		this.drain();
		this.#closed = true;
		this.#followed.close();
		this.#pump.remove(this);
		this.#shut();
	}

	// ---- receiving ----

	readonly #ready = (events: number): void => {
		if (events & EVENT_WRITABLE) this.#sender.unblock();
		this.#pace.arrived();
		this.#receive();
	};

	/**
	 * Takes what is in the ring, batch by batch. Stops after a while so that the event loop stays alive under full load, or
	 * when frames have cost more than a turn may.
	 */
	#receive(): void {
		turn.begin();
		for (let batches = 0, frames = 0; batches < BATCHES_PER_TURN && frames < FRAMES_PER_TURN; batches++) {
			if (turn.isSpent) break;
			const count = this.#look(0) || this.#watch();
			if (count === 0 || this.#sink === null) return;
			this.#pump.hold();
			this.#ring?.deliver(count, this, this.#sink);
			this.#pump.run();
			frames += count;
		}
		if (!this.#resuming) {
			this.#resuming = true;
			setImmediate(this.#resume);
		}
	}

	/**
	 * The ring is empty: waits a little for the next frame without sleeping, if frames have been coming so fast that it will
	 * be there before a sleep would be over. Returns how many have come.
	 */
	#watch(): number {
		if (!this.#pump.waitsForOneLink) return 0;
		const forUs = this.#pace.emptied();
		if (forUs === 0) return 0;
		const count = this.#look(forUs);
		if (count > 0) this.#pace.arrived();
		if (this.#pace.watched(count > 0)) this.#sayVain();
		return count;
	}

	#sayVain(): void {
		if (!this.#toldVain)
			this.#options.log?.(
				`${this.name}: waiting for frames without sleeping finds none, so it is done seldom now: server and initiator seem to share a processor`,
				"info",
			);
		this.#toldVain = true;
	}

	#look(watchUs: number): number {
		return this.#ring === null ? 0 : this.#ring.look(watchUs);
	}

	readonly #resume = (): void => {
		this.#resuming = false;
		this.#receive();
	};

	// ---- the life of the interface ----

	/** The longest frame that the MTU allows. */
	get #frameBytes(): number {
		return this.mtu + ETH_HEADER_BYTES;
	}

	/** Frames that may be under way outwards. */
	get #slotCount(): number {
		return Math.min(Math.max(this.#options.framesInFlight * 2, RING_FRAMES_MIN), RING_FRAMES_MAX);
	}

	#open(): void {
		const frameBytes = this.#frameBytes;
		const frames = Math.min(this.#slotCount, Math.max(64, Math.floor(RING_BYTES_MAX / frameBytes)));
		const port = native.portOpen(
			this.#followed.info?.index ?? 0,
			ETHERTYPE_AOE,
			frameBytes,
			frames,
			frames * (frameBytes + SEND_OVERHEAD_BYTES),
			this.#sink === null ? DROP_ALL : this.#filter,
			this.#ready,
		);
		this.#port = port;
		this.#sendsDirectly = this.#options.xdp === true && this.#useXdp(port) >= frameBytes;
		this.#ring = new ReceiveRing(port, frameBytes, this.#stats);
		this.#sender.setPort(port);
	}

	#shut(): void {
		this.#countDrops();
		const port = this.#port;
		this.#port = null;
		this.#ring?.close();
		this.#ring = null;
		this.#sender.setPort(null);
		if (port !== null) native.portClose(port.handle);
	}

	#changed(now: InterfaceInfo | undefined, before: InterfaceInfo | undefined): void {
		if (this.#closed) return;
		const isSame = now?.index === before?.index && now?.mtu === before?.mtu;
		this.up = now?.up ?? false;
		if (now === undefined) {
			this.#shut();
			this.#lack = "";
		} else {
			// A socket is bound to the interface, not to its address.
			this.mac = now.mac;
			this.isScreened = isScreened(now);
			if (!isSame || this.#port === null) this.#reopen(now);
		}
		const isUnchanged = isSame && now?.up === before?.up && now?.carriers === before?.carriers;
		if (!isUnchanged || now?.mac !== before?.mac) this.#sink?.linkChanged(this);
	}

	/** The socket, its ring or its slots no longer fit the interface. */
	#reopen(info: InterfaceInfo): void {
		this.#shut();
		const mtuChanged = info.mtu !== this.mtu;
		this.mtu = info.mtu;
		if (mtuChanged) this.#sender.resize(this.#slotCount, this.#frameBytes);
		try {
			this.#open();
			this.#lack = "";
		} catch (error) {
			if (!isNativeError(error)) throw error;
			// It may have gone again already, or there is no memory.
			this.#followed.askLater();
			if (this.#lack === "")
				this.#options.log?.(
					`${this.name}: can't open a packet socket (${error.step}: ${error.message}); waiting`,
				);
			this.#lack = getSystemErrorName(-error.errno);
		}
		// What waited for room in the old socket.
		this.#pump.wake();
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
			if (refusal !== this.#xdpRefusal)
				this.#options.log?.(`${this.name}: sends without an XDP socket (${refusal})`, "verbose");
			this.#xdpRefusal = refusal;
			return 0;
		}
	}

	/** Frames that the kernel dropped because the ring was full. */
	#countDrops(): void {
		if (this.#port !== null) this.#stats.droppedIn += native.portDrops(this.#port.handle);
	}
}

/** A macvlan in passthru mode takes all frames, and the kernel marks every one as for this host. */
function isScreened(info: InterfaceInfo): boolean {
	return !info.isMacvlan;
}
