/**
 * The link over a network interface: AF_PACKET through the addon. Received frames are handed to the sink straight from the
 * ring that the kernel fills (`packet-receiver.ts`); frames to send leave in one call per turn, their data taken from wherever
 * it is (`packet-sender.ts`). Here is the life of the socket that both share. Opened by `open.ts`.
 *
 * Ring and send buffer are sized for the frames that can be under way at this MTU, past the system's limits if allowed, so
 * nobody has to set a sysctl (`packet-socket.ts`). A link that goes down, changes its name, MTU or address, or is deleted and made
 * again, is followed (`following.ts`), and where the socket no longer fits, it is opened anew.
 */

import { getSystemErrorName } from "node:util";
import { EVENT_WRITABLE, isNativeError, type NativePort, native, nativeMemory } from "../native.js";
import type { Pump, PumpStage } from "../pump.js";
import { ETH_HEADER_BYTES } from "../wire/ethernet.js";
import { encodeBpf } from "./bpf.js";
import { FollowedInterface, isNews, isScreened, needsNewSocket } from "./following.js";
import type { InterfaceInfo } from "./interfaces.js";
import {
	type BpfInstruction,
	type FrameRoom,
	type FrameSink,
	type Link,
	type LinkLog,
	type LinkOptions,
	type LinkStats,
	newLinkCounts,
} from "./link.js";
import { grownRooms, Outbox, roomsFor } from "./outbox.js";
import { DEFAULT_POLL_US, Pace } from "./pace.js";
import { PacketReceiver } from "./packet-receiver.js";
import { PacketSender } from "./packet-sender.js";
import { DROP_ALL, KEEP_ALL, openPacketSocket, ringFrames } from "./packet-socket.js";

export interface PacketLinkOptions extends LinkOptions {
	/** Longest wait for the next frame without sleeping, in microseconds; 0 always sleeps at once. Default: that of `pace.ts`. */
	readonly pollUs?: number;
	/**
	 * Send by an XDP socket (native/net/xdp.h) where there can be one, past the interface's queueing discipline and unseen by who
	 * listens on this side of it. Default: false.
	 */
	readonly xdp?: boolean;
}

export class PacketLink implements Link, PumpStage {
	readonly canGather = true;
	mac: number;
	mtu: number;
	up: boolean;
	isScreened: boolean;
	arrivedUs = 0;

	readonly #counts = newLinkCounts();
	readonly #pump: Pump;
	readonly #log: LinkLog;
	readonly #followed: FollowedInterface;
	#filter = KEEP_ALL;
	readonly #outbox: Outbox;
	readonly #sender: PacketSender;
	readonly #receiver: PacketReceiver;
	/** The socket, while there is an interface to open it on. */
	#port: NativePort | null = null;
	#closed = false;
	#toldVain = false;
	#toldSmall = false;
	/** Why the socket could not be opened, such as EMFILE, while that is tried again. */
	#lack = "";

	/** Throws a NativeError if the interface does not exist or the privilege (CAP_NET_RAW) is missing. */
	constructor(
		readonly name: string,
		pump: Pump,
		options: PacketLinkOptions,
	) {
		this.#pump = pump;
		this.#log = options.log ?? (() => {});
		this.#followed = new FollowedInterface({
			linkName: name,
			interfaceName: name,
			leastMtu: options.leastMtu,
			log: this.#log,
			changed: (now, before) => this.#changed(now, before),
		});
		const { info } = this.#followed;
		this.mac = info?.mac ?? 0;
		this.mtu = info?.mtu ?? 0;
		this.up = info?.up ?? false;
		this.isScreened = info !== undefined && isScreened(info);
		const pace = new Pace(options.pollUs ?? DEFAULT_POLL_US);
		this.#outbox = new Outbox({
			pump,
			counts: this.#counts,
			rooms: roomsFor(options.framesInFlight),
			frameBytes: this.#frameBytes,
			allocate: nativeMemory,
		});
		this.#receiver = new PacketReceiver(this, pump, pace, this.#counts, () => this.#sayVain());
		this.#sender = new PacketSender({
			pump,
			outbox: this.#outbox,
			counts: this.#counts,
			xdp: options.xdp === true,
			noXdp: (why) => this.#log(`${name}: sends without an XDP socket (${why})`, "verbose"),
		});
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
		return this.#sender.sendsDirectly;
	}

	get stats(): LinkStats {
		this.#countDrops();
		return { ...this.#counts };
	}

	attach(sink: FrameSink): void {
		this.#receiver.attach(sink);
		this.#applyFilter();
	}

	get freeRooms(): number {
		return this.#outbox.freeRooms;
	}

	acquire(): FrameRoom | undefined {
		return this.#outbox.acquire();
	}

	release(room: FrameRoom): void {
		this.#outbox.release(room);
	}

	makeRoom(framesInFlight: number): void {
		const rooms = grownRooms(this.#outbox.rooms, framesInFlight);
		this.#outbox.grow(rooms);
		const port = this.#port;
		if (port !== null && ringFrames(rooms, this.#frameBytes) > port.frameOffsets.length) this.#enlarge(port);
	}

	transmit(room: FrameRoom, headBytes: number, peer: number, dataBytes = 0): void {
		this.#sender.push(room, headBytes, peer, dataBytes);
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
		if (this.#port !== null && this.#receiver.sink !== null)
			native.portSetFilter(this.#port.handle, this.#filter);
	}

	async close(): Promise<void> {
		if (this.#closed) return;
		this.drain();
		this.#closed = true;
		this.#followed.close();
		this.#pump.remove(this);
		this.#shut();
	}

	#sayVain(): void {
		if (!this.#toldVain)
			this.#log(
				`${this.name}: waiting for frames without sleeping finds none, so it is done seldom now: server and initiator seem to share a processor`,
				"info",
			);
		this.#toldVain = true;
	}

	// ---- the life of the socket ----

	readonly #ready = (events: number): void => {
		if (events & EVENT_WRITABLE) this.#sender.unblock();
		this.#receiver.arrived();
	};

	/** The longest frame that the MTU allows. */
	get #frameBytes(): number {
		return this.mtu + ETH_HEADER_BYTES;
	}

	#open(): void {
		this.#use(this.#openSocket(this.#receiver.sink === null ? DROP_ALL : this.#filter));
	}

	#openSocket(filter: Uint8Array): NativePort {
		const index = this.#followed.info?.index ?? 0;
		return openPacketSocket(index, this.#frameBytes, this.#outbox.rooms, filter, this.#ready);
	}

	#use(port: NativePort): void {
		this.#port = port;
		this.#sender.setPort(port, this.#frameBytes);
		this.#receiver.setPort(port, this.#frameBytes);
	}

	#shut(): void {
		this.#countDrops();
		const port = this.#port;
		this.#port = null;
		this.#receiver.setPort(null);
		this.#sender.setPort(null);
		if (port !== null) native.portClose(port.handle);
	}

	#changed(now: InterfaceInfo | undefined, before: InterfaceInfo | undefined): void {
		if (this.#closed) return;
		this.up = now?.up ?? false;
		if (now === undefined) {
			this.#shut();
			this.#lack = "";
		} else {
			// A socket is bound to the interface, not to its address.
			this.mac = now.mac;
			this.isScreened = isScreened(now);
			if (this.#port === null || needsNewSocket(now, before)) this.#reopen(now);
		}
		if (isNews(now, before)) this.#receiver.sink?.linkChanged(this);
	}

	/** The socket, its ring or the rooms no longer fit the interface. */
	#reopen(info: InterfaceInfo): void {
		this.#shut();
		const mtuChanged = info.mtu !== this.mtu;
		this.mtu = info.mtu;
		if (mtuChanged) this.#outbox.resize(this.#frameBytes);
		try {
			this.#open();
			this.#lack = "";
		} catch (error) {
			if (!isNativeError(error)) throw error;
			// It may have gone again already, or there is no memory.
			this.#followed.askLater();
			if (this.#lack === "")
				this.#log(`${this.name}: can't open a packet socket (${error.step}: ${error.message}); waiting`);
			this.#lack = getSystemErrorName(-error.errno);
		}
		// What waited for room in the old socket.
		this.#pump.wake();
	}

	/** The ring is too small for what can be under way now: another socket takes the place of this one, and nothing is lost. */
	#enlarge(old: NativePort): void {
		let larger: NativePort;
		try {
			larger = this.#openSocket(this.#receiver.sink === null ? DROP_ALL : this.#filter);
		} catch (error) {
			if (!isNativeError(error)) throw error;
			const why = `${error.step}: ${error.message}`;
			if (!this.#toldSmall) this.#log(`${this.name}: no larger packet socket for more blades (${why})`);
			this.#toldSmall = true;
			return;
		}
		// For a moment both hear. A request may come twice, as on any network; one that is lost would be waited for.
		native.portSetFilter(old.handle, DROP_ALL);
		this.#receiver.drain();
		// The sink may close the link, or want another filter.
		if (this.#port !== old) {
			native.portClose(larger.handle);
			return;
		}
		this.#shut();
		this.#use(larger);
		this.#applyFilter();
		// What waited for room in the old socket.
		this.#pump.wake();
	}

	/** Frames that the kernel dropped because the ring was full. */
	#countDrops(): void {
		if (this.#port !== null) this.#counts.droppedIn += native.portDrops(this.#port.handle);
	}
}
