/**
 * The link over a network interface through libpcap (the optional package `pcap`), `netif` `pcap:eth0`: for machines where
 * packet sockets of our own are not to be had or not trusted. Slower than `packet.ts`: each frame is copied once each way
 * and sent by a call of its own. Hands on frames as every link does.
 *
 * A link that goes down, changes its name, MTU or address, or is deleted and made again is followed (`following.ts`); or the
 * capture falls silent in a way that can be told. Then it is opened anew.
 */

import { nowUs } from "../departures.js";
import { invariant, OperatorError } from "../errors.js";
import { nativeMemory } from "../native.js";
import type { Pump, PumpStage } from "../pump.js";
import { quote } from "../text.js";
import { ETH_HEADER_BYTES } from "../wire/ethernet.js";
import { FollowedInterface, isNews } from "./following.js";
import { type InterfaceInfo, interfaceInfo } from "./interfaces.js";
import {
	type FrameRoom,
	type FrameSink,
	type Link,
	type LinkLog,
	type LinkOptions,
	type LinkStats,
	newLinkCounts,
} from "./link.js";
import { grownRooms, Outbox, roomsFor } from "./outbox.js";
import { type CaptureReceiver, loadPcap, PcapCapture, type PcapModule } from "./pcap-session.js";

export interface PcapLinkOptions extends LinkOptions {
	readonly pump: Pump;
	/** Loads the package; default: `import("pcap")`. */
	readonly load?: () => Promise<{ default: PcapModule }>;
}

/** Size of libpcap's buffer, and of the room for the frames that one wake-up brings. */
const BUFFER_BYTES = 4 * 1024 * 1024;
/** How long a capture that may be deaf is left alone: so long until it is opened anew, unless netlink has news before. */
const SUSPICION_MS = 500;

export class PcapLink implements Link, PumpStage {
	readonly name: string;
	readonly canGather = false;
	readonly gathersFast = false;
	/** libpcap does not tell what the kernel knows. */
	readonly isScreened = false;
	mac: number;
	mtu: number;
	up: boolean;
	arrivedUs = 0;

	readonly #module: PcapModule;
	readonly #pump: Pump;
	readonly #log: LinkLog;
	readonly #counts = newLinkCounts();
	readonly #followed: FollowedInterface;
	readonly #outbox: Outbox;
	#sink: FrameSink | null = null;
	#capture: PcapCapture | null = null;
	/** Runs while the capture may be deaf. */
	#suspicion: NodeJS.Timeout | undefined;
	#closed = false;

	/** The frames of one wake-up, one behind the other, and where each ends. */
	readonly #received = nativeMemory(BUFFER_BYTES);
	readonly #ends: number[] = [];
	#receivedBytes = 0;

	/**
	 * Opens the interface. Throws an OperatorError if the package is not installed, there is no such interface, it is no
	 * Ethernet, or the privilege is missing.
	 */
	static async open(interfaceName: string, options: PcapLinkOptions): Promise<PcapLink> {
		const module = await loadPcap(`pcap:${interfaceName}`, options.load);
		const info = interfaceInfo(interfaceName);
		if (info === undefined)
			throw new OperatorError(`${quote(interfaceName)}: there is no such network interface`);
		const link = new PcapLink(module, interfaceName, info, options);
		try {
			// Otherwise it is opened when the interface comes up.
			if (link.up && link.#capture === null) link.#openCapture();
		} catch (error) {
			await link.close();
			throw new OperatorError(`${quote(link.name)}: can't capture there: ${reasonOf(error)}`);
		}
		return link;
	}

	private constructor(
		module: PcapModule,
		interfaceName: string,
		info: InterfaceInfo,
		options: PcapLinkOptions,
	) {
		this.name = `pcap:${interfaceName}`;
		this.#module = module;
		this.#pump = options.pump;
		this.#log = options.log ?? (() => {});
		this.mac = info.mac;
		this.mtu = info.mtu;
		this.up = info.up;
		this.#outbox = new Outbox({
			pump: options.pump,
			counts: this.#counts,
			rooms: roomsFor(options.framesInFlight),
			frameBytes: this.#frameBytes,
			allocate: nativeMemory,
		});
		this.#pump.addLink(this);
		this.#followed = new FollowedInterface({
			linkName: this.name,
			interfaceName,
			leastMtu: options.leastMtu,
			log: this.#log,
			changed: (now, before) => this.#changed(now, before),
		});
		this.#changed(this.#followed.info, info);
	}

	get status(): string {
		const { status } = this.#followed;
		return this.up && this.#capture === null ? `${status}, but not captured` : status;
	}

	get stats(): LinkStats {
		const drops = this.#capture?.drops ?? 0;
		return { ...this.#counts, droppedIn: this.#counts.droppedIn + drops };
	}

	attach(sink: FrameSink): void {
		invariant(this.#sink === null, "link attached twice");
		this.#sink = sink;
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

	/** More rooms, that is: libpcap's buffer has one size, whatever is under way. */
	makeRoom(framesInFlight: number): void {
		this.#outbox.grow(grownRooms(this.#outbox.rooms, framesInFlight));
	}

	transmit(room: FrameRoom, headBytes: number, peer: number, dataBytes = 0): void {
		invariant(dataBytes === 0, "this link cannot gather");
		this.#outbox.push(room, headBytes, peer, 0);
	}

	/** Does nothing: libpcap compiles its own filter, which lets AoE to our address or to all through. */
	setFilter(): void {}

	async close(): Promise<void> {
		if (this.#closed) return;
		this.drain();
		this.#closed = true;
		this.#sink = null;
		this.#followed.close();
		this.#pump.remove(this);
		await this.#closeCapture();
	}

	// ---- sending ----

	get hasWork(): boolean {
		return this.#outbox.waiting > 0;
	}

	drain(): void {
		const outbox = this.#outbox;
		for (let index = 0; index < outbox.waiting; index++) {
			const { memory, offset, frameBytes } = outbox.at(index);
			// The package allocates for every frame anyway, so a view of this one does not matter.
			const frame = memory.bytes.subarray(offset, offset + frameBytes);
			if (this.up && this.#capture?.inject(frame)) this.#counts.framesOut += 1;
			else this.#counts.droppedOut += 1;
		}
		outbox.done(outbox.waiting);
	}

	// ---- receiving: all frames of a wake-up are kept first, and then handed on, so that the sink may do what it likes ----

	readonly #receiver: CaptureReceiver = {
		captured: (bytes, capturedBytes, frameBytes) => this.#keep(bytes, capturedBytes, frameBytes),
		captureDone: (wokenForNothing) => {
			this.#handOn();
			if (wokenForNothing) this.#suspicion ??= setTimeout(this.#reopen, SUSPICION_MS);
		},
	};

	#keep(bytes: Uint8Array, capturedBytes: number, frameBytes: number): void {
		const tooLong = frameBytes !== capturedBytes || frameBytes > this.#frameBytes;
		if (this.#sink === null || tooLong || this.#receivedBytes + frameBytes > BUFFER_BYTES) {
			this.#counts.droppedIn += 1;
			return;
		}
		this.#received.bytes.set(bytes.subarray(0, frameBytes), this.#receivedBytes);
		this.#receivedBytes += frameBytes;
		this.#ends.push(this.#receivedBytes);
	}

	#handOn(): void {
		const ends = this.#ends;
		this.arrivedUs = nowUs();
		for (let index = 0, from = 0; index < ends.length; index++) {
			const end = ends[index]!;
			this.#counts.framesIn += 1;
			this.#sink?.frame(this, this.#received, from, end - from, 0);
			from = end;
		}
		this.#pump.run();
		ends.length = 0;
		this.#receivedBytes = 0;
	}

	// ---- the life of the interface ----

	#changed(now: InterfaceInfo | undefined, before: InterfaceInfo | undefined): void {
		if (this.#closed) return;
		if (!isNews(now, before)) return;
		this.up = now?.up ?? false;
		const { mtu } = this;
		this.mac = now?.mac ?? this.mac;
		this.mtu = now?.mtu ?? mtu;
		if (this.mtu !== mtu) this.#outbox.resize(this.#frameBytes);
		this.#reopen();
		this.#sink?.linkChanged(this);
	}

	/** The interface is another now, or the capture may be deaf. */
	readonly #reopen = (): void => {
		void this.#closeCapture();
		if (!this.up || this.#closed) return;
		try {
			this.#openCapture();
		} catch (error) {
			// It may have gone again already; then the next change brings us back here.
			this.#log(`${this.name}: can't capture: ${reasonOf(error)}; waiting`);
		}
	};

	/** The longest frame that the MTU allows. */
	get #frameBytes(): number {
		return this.mtu + ETH_HEADER_BYTES;
	}

	#openCapture(): void {
		const options = { mac: this.mac, frameBytes: this.#frameBytes, bufferBytes: BUFFER_BYTES };
		const [interfaceName = ""] = this.#followed.info?.names ?? [];
		this.#capture = new PcapCapture(this.#module, interfaceName, options, this.#receiver);
		if (!this.#capture.isEthernet) throw new OperatorError("this is not an Ethernet interface");
	}

	async #closeCapture(): Promise<void> {
		clearTimeout(this.#suspicion);
		this.#suspicion = undefined;
		const capture = this.#capture;
		if (capture === null) return;
		this.#capture = null;
		this.#counts.droppedIn += capture.drops;
		if (!(await capture.end())) this.#log(`${this.name}: libpcap does not let go of the interface`);
	}
}

function reasonOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
