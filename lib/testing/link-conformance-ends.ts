/**
 * What the conformance suite of links sends, and who receives it: frames whose bytes follow from their length, and sinks that
 * collect them, hold them or send them back. Used by `link-conformance.ts` alone.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { invariant } from "../errors.js";
import { ALL_PEERS, type FrameRoom, type FrameSink, type Link } from "../link/link.js";
import type { PumpStage } from "../pump.js";
import { ETH_HEADER_BYTES, ETHERTYPE_AOE, ethDestination, ethSource, ethType } from "../wire/ethernet.js";
import type { Memory } from "../wire/memory.js";

/** Longest wait for frames that must come. */
const LIMIT_MS = 60_000;

export function take(link: Link): FrameRoom {
	const room = link.acquire();
	invariant(room !== undefined, `no room on ${link.name}`);
	return room;
}

/** Fills a room with an AoE request whose bytes follow from its length. */
export function fillFrame(room: FrameRoom, frameBytes: number, source: number, destination: number): void {
	const { bytes } = room.memory;
	for (let at = 0; at < frameBytes; at++) bytes[room.offset + at] = patternByte(frameBytes, at);
	ethDestination.set(bytes, room.offset, destination);
	ethSource.set(bytes, room.offset, source);
	ethType.set(bytes, room.offset, ETHERTYPE_AOE);
}

/** What stands at `at` in a frame of this length. An AoE header of version 1 that is no response, then noise. */
function patternByte(frameBytes: number, at: number): number {
	switch (at) {
		case 14:
			return 0x10;
		case 15:
			return 0;
		default:
			return (frameBytes * 31 + at * 7 + (at >>> 8) * 13) & 0xff;
	}
}

export function isIntact(bytes: Uint8Array, offset: number, frameBytes: number): boolean {
	for (let at = ETH_HEADER_BYTES; at < frameBytes; at++)
		if (bytes[offset + at] !== patternByte(frameBytes, at)) return false;
	return ethType.get(bytes, offset) === ETHERTYPE_AOE;
}

/** Keeps copies of what comes in. */
export class Collector implements FrameSink {
	readonly peers = new Set<number>();
	peer = ALL_PEERS;
	#frames: Uint8Array[] = [];

	get count(): number {
		return this.#frames.length;
	}

	frame(_link: Link, memory: Memory, offset: number, frameBytes: number, peer: number): void {
		this.peer = peer;
		this.peers.add(peer);
		this.#frames.push(memory.bytes.slice(offset, offset + frameBytes));
	}

	linkChanged(): void {}

	/** The next `count` frames, as soon as they are there; fewer if they don't come in time. */
	async take(count: number): Promise<Uint8Array[]> {
		const endMs = performance.now() + LIMIT_MS;
		while (this.#frames.length < count && performance.now() < endMs) await sleep(1);
		return this.#frames.splice(0, count);
	}
}

/** Looks again at what it was handed when the pump comes by, as a storage engine does. */
export class Holder extends Collector implements PumpStage {
	drains = 0;
	spoiled = 0;
	readonly #held: { memory: Memory; offset: number; frameBytes: number }[] = [];

	override frame(link: Link, memory: Memory, offset: number, frameBytes: number, peer: number): void {
		super.frame(link, memory, offset, frameBytes, peer);
		this.#held.push({ memory, offset, frameBytes });
	}

	get hasWork(): boolean {
		return this.#held.length > 0;
	}

	drain(): void {
		this.drains += 1;
		for (const { memory, offset, frameBytes } of this.#held)
			if (!isIntact(memory.bytes, offset, frameBytes)) this.spoiled += 1;
		this.#held.length = 0;
	}
}

/** Sends every frame back to where it came from. */
export class Echo implements FrameSink {
	frame(link: Link, memory: Memory, offset: number, frameBytes: number, peer: number): void {
		const room = take(link);
		const { bytes } = room.memory;
		bytes.set(memory.bytes.subarray(offset, offset + frameBytes), room.offset);
		ethDestination.set(bytes, room.offset, ethSource.get(memory.bytes, offset));
		ethSource.set(bytes, room.offset, link.mac);
		link.transmit(room, frameBytes, peer);
	}

	linkChanged(): void {}
}
