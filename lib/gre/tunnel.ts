/**
 * One end of a tunnel: frames of a stream become GRE packets to the peer, and what of its packets is a frame to us or to all becomes
 * the stream's. Nothing of the network is taken on trust; what is refused is counted by why. Run by `main.ts` in a process of its own;
 * what the stream's other end makes of it is in `lib/link/gre.ts`, which is told every second how it stands.
 *
 * The kernel does what IP asks for: it finds the way, learns how long a packet may be on it, cuts what is longer into fragments,
 * and puts fragments together before they get here.
 */

import type { Socket } from "node:net";
import { isIPv4 } from "node:net";
import { messageFrame, noRefusals, type TunnelRefusal } from "../link/gre-messages.js";
import { madeUpMac } from "../link/made-up-mac.js";
import { FrameJoiner, FrameSplitter } from "../link/stream-frames.js";
import { StreamPeer } from "../link/stream-peer.js";
import type { NativeRoute } from "../native.js";
import { ETH_HEADER_BYTES, ethDestination, MAC_BROADCAST_BYTES } from "../wire/ethernet.js";
import { frameInGre, GRE_HEADER_BYTES, writeGreHeader } from "../wire/gre.js";
import { macBytes } from "../wire/mac.js";
import { type Memory, memoryOf } from "../wire/memory.js";
import type { PacketPort, PacketReceiver } from "./raw-packets.js";

export interface TunnelOptions {
	/** IPv4 or IPv6, this perhaps with a zone. */
	readonly peer: string;
	/** To the link. */
	readonly stream: Socket;
	/** The way to the peer. Throws an Error that says why there is none. */
	readonly routeTo: (peer: string) => NativeRoute;
	/** How often that is asked, and the link told; default: every second. */
	readonly tellMs?: number;
}

const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
const TELL_MS = 1000;
/** So many frames wait for the link, of the usual length; if it does not read, more are lost. */
const WAITING_MAX = 512;
const WAITING_BYTES = 9100;
/** So many wait for the kernel before no more are taken from the stream. */
const SENDING_MAX = 256;
/** How long the last ones have to leave. */
const LAST_LIMIT_MS = 1000;

export class Tunnel implements PacketReceiver {
	/** Resolves when the stream has ended, and what came by it has left. */
	readonly ended: Promise<void>;

	readonly #peer: string;
	/** As a packet's source is written. */
	readonly #source: string;
	readonly #isV4: boolean;
	readonly #routeTo: TunnelOptions["routeTo"];
	readonly #tellMs: number;
	readonly #toLink: StreamPeer;
	readonly #splitter = new FrameSplitter((memory, offset, bytes) => this.#send(memory, offset, bytes));
	readonly #refused = noRefusals();
	#unsent = 0;
	#port: PacketPort | undefined;
	#local = "";
	#mac: Uint8Array = new Uint8Array(6);
	#sending = 0;
	#flushing = false;
	#ticker: NodeJS.Timeout | undefined;
	#finished: () => void = () => {};

	constructor({ peer, stream, routeTo, tellMs = TELL_MS }: TunnelOptions) {
		this.#tellMs = tellMs;
		this.#peer = peer;
		this.#source = peer.replace(/%.*/, "");
		this.#isV4 = isIPv4(peer);
		this.#routeTo = routeTo;
		this.#toLink = new StreamPeer(stream, new FrameJoiner(WAITING_MAX, WAITING_BYTES));
		this.ended = new Promise((resolve) => {
			this.#finished = resolve;
		});
		// "close" follows.
		stream.on("error", () => {});
		stream.on("close", () => this.#end());
	}

	/** From now on. */
	start(port: PacketPort): void {
		this.#port = port;
		this.#tell();
		this.#ticker = setInterval(() => this.#tell(), this.#tellMs);
		this.#toLink.socket.on("data", (bytes: Uint8Array) => this.#received(bytes));
	}

	/** Says why there is nothing to be had, and ends. */
	async fail(why: string): Promise<void> {
		clearInterval(this.#ticker);
		this.#toLink.joiner.put(messageFrame({ kind: "failed", why: why.slice(0, 200) }));
		await this.#toLink.finish();
	}

	// ---- from the peer ----

	packet(bytes: Uint8Array, source: string): void {
		const refusal = source === this.#source ? this.#take(bytes) : "stranger";
		if (refusal !== undefined) this.#refused[refusal] += 1;
		else this.#flushSoon();
	}

	failed(): void {
		void this.fail("its socket has failed");
	}

	#take(bytes: Uint8Array): TunnelRefusal | undefined {
		const begin = this.#isV4 ? payloadOf(bytes) : 0;
		if (begin < 0) return "short";
		const at = frameInGre(bytes, begin, bytes.length);
		if (typeof at !== "number") return at;
		if (!ethDestination.is(bytes, at, this.#mac) && !ethDestination.is(bytes, at, MAC_BROADCAST_BYTES))
			return "elsewhere";
		return this.#toLink.joiner.put(bytes, at, bytes.length) ? undefined : "full";
	}

	/** When all of this turn's have come; and because a write from within the package's call would not be told that it is done. */
	#flushSoon(): void {
		if (this.#flushing) return;
		this.#flushing = true;
		setImmediate(this.#flush);
	}

	readonly #flush = (): void => {
		this.#flushing = false;
		this.#toLink.flush();
	};

	// ---- to the peer ----

	#received(bytes: Uint8Array): void {
		const chunk = memoryOf(bytes, 0);
		const rest = this.#splitter.split(chunk);
		if (rest >= 0) this.#splitter.keep(chunk, rest);
		// The link is none of ours.
		else this.#toLink.socket.destroy();
	}

	/** The header takes the place of the length that the stream has before the frame. */
	#send({ bytes }: Memory, offset: number, frameBytes: number): void {
		const begin = offset - GRE_HEADER_BYTES;
		writeGreHeader(bytes, begin);
		// What came in one piece nobody touches again, and the package takes it as it is; the place of the others has others soon.
		const inPlace = bytes instanceof Buffer;
		const packet = inPlace ? bytes : Buffer.from(bytes.subarray(begin, offset + frameBytes));
		if (this.#sending === 0) this.#port?.pauseReceiving();
		this.#sending += 1;
		if (this.#sending === SENDING_MAX) this.#toLink.socket.pause();
		this.#port?.send(packet, inPlace ? begin : 0, GRE_HEADER_BYTES + frameBytes, this.#peer, this.#sent);
	}

	readonly #sent = (error: Error | null): void => {
		if (error !== null) this.#unsent += 1;
		this.#sending -= 1;
		if (this.#sending === 0) setImmediate(this.#allSent);
	};

	readonly #allSent = (): void => {
		if (this.#sending > 0) return;
		this.#port?.resumeReceiving();
		this.#toLink.socket.resume();
		if (this.#toLink.socket.destroyed) this.#finished();
	};

	// ---- how it stands ----

	#tell(): void {
		let why = "";
		let mtu = 0;
		try {
			const route = this.#routeTo(this.#peer);
			mtu = Math.max(0, route.mtu - this.#headerBytes);
			if (mtu === 0) why = `an MTU of ${route.mtu} is too small`;
			this.#moveTo(route.local);
		} catch (error) {
			why = error instanceof Error ? error.message : String(error);
		}
		const [local, refused, unsent] = [this.#local, this.#refused, this.#unsent];
		this.#toLink.joiner.put(messageFrame({ kind: "state", local, mtu, why, refused, unsent }));
		this.#toLink.flush();
	}

	/** What stands before a frame's payload in a packet. */
	get #headerBytes(): number {
		return (this.#isV4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES) + GRE_HEADER_BYTES + ETH_HEADER_BYTES;
	}

	#moveTo(local: string): void {
		if (local === this.#local) return;
		this.#local = local;
		this.#mac = macBytes(madeUpMac(`${local} ${this.#peer}`));
	}

	#end(): void {
		clearInterval(this.#ticker);
		if (this.#sending === 0) this.#finished();
		else setTimeout(this.#finished, LAST_LIMIT_MS);
	}
}

/** Where what an IPv4 packet carries begins; -1 if it is none. */
function payloadOf(bytes: Uint8Array): number {
	const [first = 0] = bytes;
	const headerBytes = (first & 0x0f) * 4;
	return first >>> 4 === 4 && headerBytes >= IPV4_HEADER_BYTES && headerBytes <= bytes.length
		? headerBytes
		: -1;
}
