/**
 * The link over a unix stream socket: serves virtual machines without a network interface and without privileges. QEMU
 * connects with `-netdev stream,server=off,addr.type=unix,addr.path=PATH`, any number of them; each connection is a peer.
 * Frames from a peer come to us alone: peers don't hear each other. `open` is the target's side, called by `open.ts`;
 * `connect` the initiator's, called by the commands in `lib/cli/`.
 *
 * Received frames are handed on where the socket put them; frames to send are gathered into one write per peer and turn.
 * A peer that does not read loses frames, as on a wire, and holds up nobody.
 * `setFilter` does nothing: no kernel is between us and the peer.
 */

import { randomUUID } from "node:crypto";
import type { Server, Socket } from "node:net";
import path from "node:path";
import { nowUs } from "../departures.js";
import { invariant } from "../errors.js";
import { native, nativeMemory } from "../native.js";
import type { Pump, PumpStage } from "../pump.js";
import { ETH_HEADER_BYTES } from "../wire/ethernet.js";
import { memoryOf } from "../wire/memory.js";
import {
	ALL_PEERS,
	type FrameRoom,
	type FrameSink,
	type Link,
	type LinkLog,
	type LinkOptions,
	type LinkStats,
	newLinkCounts,
} from "./link.js";
import { madeUpMac } from "./made-up-mac.js";
import { grownRooms, Outbox, type QueuedFrame, roomsFor } from "./outbox.js";
import { FrameJoiner, FrameSplitter } from "./stream-frames.js";
import { StreamPeer } from "./stream-peer.js";
import { connectTo, listen } from "./unix-socket.js";

export interface UnixLinkOptions extends LinkOptions {
	readonly pump: Pump;
	/** Bytes of payload in a frame; default 9000. */
	readonly mtu?: number;
	/** Default: this process makes the socket itself. */
	readonly listenUnix?: (path: string) => Promise<number>;
}

const DEFAULT_MTU = 9000;

export class UnixLink implements Link, PumpStage {
	readonly name: string;
	readonly mac: number;
	readonly mtu: number;
	readonly canGather = true;
	/** It copies the data into its own buffer anyway. */
	readonly gathersFast = true;
	readonly isScreened = false;
	up = true;
	arrivedUs = 0;

	readonly #pump: Pump;
	readonly #log: LinkLog;
	readonly #outbox: Outbox;
	readonly #counts = newLinkCounts();
	/** By number. Numbers are not used again, so that no answer reaches the wrong peer. */
	readonly #peers = new Map<number, StreamPeer>();
	#peersSeen = 0;
	#server: Server | null = null;
	#sink: FrameSink | null = null;
	#closed = false;

	/** Listens on `socketPath`, with an address that is the same at every start. Throws an OperatorError if that can't be done, or another process already does. */
	static async open(socketPath: string, options: UnixLinkOptions): Promise<UnixLink> {
		const link = new UnixLink(socketPath, options, madeUpMac(path.resolve(socketPath)));
		const descriptor = await options.listenUnix?.(socketPath);
		link.#server = await listen(socketPath, (socket) => link.#addPeer(socket), descriptor);
		link.#server.on("error", (error) => link.#log(`${link.name}: ${error.message}`));
		options.pump.addLink(link);
		return link;
	}

	/** Connects to whoever listens on `socketPath`: the other end of a link made by `open`. Throws an OperatorError if nobody does. */
	static async connect(socketPath: string, options: UnixLinkOptions): Promise<UnixLink> {
		const socket = await connectTo(socketPath);
		const link = new UnixLink(socketPath, options, madeUpMac(randomUUID()));
		link.#addPeer(socket);
		options.pump.addLink(link);
		return link;
	}

	private constructor(socketPath: string, options: UnixLinkOptions, mac: number) {
		this.name = `unix:${socketPath}`;
		this.mac = mac;
		this.mtu = options.mtu ?? DEFAULT_MTU;
		this.#pump = options.pump;
		this.#log = options.log ?? (() => {});
		this.#outbox = new Outbox({
			pump: options.pump,
			counts: this.#counts,
			rooms: roomsFor(options.framesInFlight),
			frameBytes: this.mtu + ETH_HEADER_BYTES,
			allocate: nativeMemory,
		});
	}

	attach(sink: FrameSink): void {
		invariant(this.#sink === null, "link attached twice");
		this.#sink = sink;
	}

	get stats(): LinkStats {
		return { ...this.#counts };
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
		if (rooms === this.#outbox.rooms) return;
		this.#outbox.grow(rooms);
		for (const { joiner } of this.#peers.values()) joiner.grow(rooms);
	}

	transmit(room: FrameRoom, headBytes: number, peer: number, dataBytes = 0): void {
		this.#outbox.push(room, headBytes, peer, dataBytes);
	}

	setFilter(): void {}

	async close(): Promise<void> {
		if (this.#closed) return;
		this.#closed = true;
		this.#sink = null;
		this.#server?.close();
		this.drain();
		this.#pump.remove(this);
		await Promise.all([...this.#peers.values()].map((peer) => peer.finish()));
	}

	get status(): string {
		return this.up ? "up" : "down";
	}

	get hasWork(): boolean {
		return this.#outbox.waiting > 0;
	}

	drain(): void {
		const outbox = this.#outbox;
		for (let index = 0; index < outbox.waiting; index++) this.#send(outbox.at(index));
		outbox.done(outbox.waiting);
		for (const peer of this.#peers.values()) peer.flush();
	}

	#send(frame: QueuedFrame): void {
		if (frame.peer === ALL_PEERS) {
			for (const peer of this.#peers.values()) this.#sendTo(peer, frame);
		} else {
			this.#sendTo(this.#peers.get(frame.peer), frame);
		}
	}

	#sendTo(peer: StreamPeer | undefined, frame: QueuedFrame): void {
		const fits = frame.frameBytes + frame.dataBytes <= this.mtu + ETH_HEADER_BYTES;
		if (fits && peer?.joiner.add(frame)) this.#counts.framesOut += 1;
		else this.#counts.droppedOut += 1;
	}

	#addPeer(socket: Socket): void {
		const number = this.#peersSeen++;
		const splitter = new FrameSplitter((memory, offset, frameBytes) => {
			if (this.#sink === null || frameBytes > this.mtu + ETH_HEADER_BYTES) {
				this.#counts.droppedIn += 1;
				return;
			}
			this.#counts.framesIn += 1;
			this.#sink.frame(this, memory, offset, frameBytes, number);
		});
		this.#peers.set(
			number,
			new StreamPeer(socket, new FrameJoiner(this.#outbox.rooms, this.mtu + ETH_HEADER_BYTES)),
		);
		socket.on("data", (bytes: Uint8Array) => this.#received(socket, splitter, bytes));
		// A virtual machine that ends abruptly is none of our business; "close" follows.
		socket.on("error", () => {});
		socket.on("close", () => this.#removePeer(number));
	}

	#received(socket: Socket, splitter: FrameSplitter, bytes: Uint8Array): void {
		if (socket.destroyed) return;
		const chunk = memoryOf(bytes, native.addressOf(bytes));
		this.arrivedUs = nowUs();
		const rest = splitter.split(chunk);
		this.#pump.run();
		if (rest >= 0) {
			splitter.keep(chunk, rest);
			return;
		}
		this.#log(`${this.name}: a peer sent something else than Ethernet frames; disconnected`);
		socket.destroy();
	}

	#removePeer(number: number): void {
		this.#peers.delete(number);
		if (this.#closed || this.#server !== null) return;
		this.up = false;
		this.#sink?.linkChanged(this);
	}
}
