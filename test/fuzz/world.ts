/**
 * The world that fuzzed frames come into: a target with real ATA disks on storage that is slow and keeps no order, and all
 * around what must not leak: other initiators' data in the reply slots, canaries in the receive ring. Every frame and reply
 * goes past the referee (`referee.ts`). A world can be sabotaged, to see whether anyone notices.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Blade } from "../../lib/aoe/blade.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import type { FrameRoom } from "../../lib/link/link.js";
import { DelayLayer } from "../../lib/testing/delay-layer.js";
import { ataFrame, configFrame } from "../support/frames.js";
import { RecordingLink, RING_CANARY, ROOM_CANARY, STALE } from "../support/recording-link.js";
import { Bench, makeBlade } from "../support/target-bench.js";
import type { Step } from "./frames.js";
import { expect, Referee } from "./referee.js";
import { ADDRESSES, DISK_SECTORS, INITIATORS, stamped, TARGET, VICTIM } from "./stamps.js";

/** Changes what the target hands to its link. Calls `send` with how many bytes to send, or not at all. */
export type Sabotage = (slot: FrameRoom, headBytes: number, send: (headBytes: number) => void) => void;

export interface WorldOptions {
	readonly mtu: number;
	readonly seed: number;
	readonly sabotage?: Sabotage | undefined;
	/** Does to a blade what a defect of its access lists could do. */
	readonly weaken?: ((blade: Blade) => void) | undefined;
}

const SLOTS = 6;
/** With fewer left, a blade may have more requests under way than there are slots for the others: it gets no more. */
const SLOTS_PLENTY = 4;
/** Timers and turns of the loop: more than any scenario needs until nothing is left to do. */
const STEPS_MAX = 10_000;
const CANARIES = [RING_CANARY, ROOM_CANARY, STALE].map((byte) => Buffer.alloc(6, byte));

class SabotagedLink extends RecordingLink {
	sabotage: Sabotage | undefined;

	override transmit(slot: FrameRoom, headBytes: number, peer: number, bytes = 0): void {
		if (this.sabotage === undefined) {
			super.transmit(slot, headBytes, peer, bytes);
			return;
		}
		this.sabotage(slot, headBytes, (length) => super.transmit(slot, length, peer, bytes));
	}
}

export class World {
	readonly referee: Referee;
	readonly #bench: Bench;
	readonly #link: SabotagedLink;
	readonly #blades: Blade[] = [];
	/** Every request gets a tag of its own. */
	#tag = 0;

	constructor({ mtu, seed, sabotage, weaken }: WorldOptions) {
		this.#link = new SabotagedLink({ mtu, rooms: SLOTS });
		this.#link.sabotage = sabotage;
		this.#bench = new Bench({ link: this.#link });
		const { clock } = this.#bench;
		for (const [i, [shelf, slot]] of ADDRESSES.entries()) {
			const slow = new DelayLayer(new MemoryDevice(DISK_SECTORS * 512), {
				clock,
				minMs: 0,
				maxMs: 5,
				seed: seed + i,
			});
			const blade = makeBlade(shelf, slot, new OrderingLayer(slow));
			weaken?.(blade);
			this.#blades.push(blade);
			this.#bench.add(blade);
		}
		this.referee = new Referee({
			mtu,
			target: TARGET.replaceAll(":", ""),
			addresses: ADDRESSES,
			diskSectors: DISK_SECTORS,
			bufferCount: 16,
			firmware: 0x4019,
			canaries: CANARIES,
		});
	}

	step({ frame, ticks }: Step): void {
		this.#receive(frame);
		for (let i = 0; i < ticks; i++) this.#bench.clock.step();
		this.#collect();
	}

	/** Lets everything come to an end. What is done in parts, of which a turn of the loop has so many, goes on in the next one. */
	async settle(): Promise<void> {
		for (let steps = 0; ; steps++) {
			expect(steps < STEPS_MAX, "everything ends");
			const isTime = this.#bench.clock.step();
			this.#collect();
			if (isTime) continue;
			if (this.#bench.target.inFlight === 0) break;
			await nextTurn();
		}
		expect(this.#link.freeRooms === SLOTS, "every slot comes back");
		this.#link.checkMargins();
		this.referee.settle();
	}

	/** Everyone is let in again: the world goes on for another scenario. */
	unlock(): void {
		for (const blade of this.#blades) {
			blade.access.mask.clear();
			blade.access.reserved = new Set();
			blade.configString = new Uint8Array(0);
		}
		this.referee.reset();
	}

	/** The victim leaves its data in as many slots as are free, by requests that do nothing to a disk. */
	plant(): void {
		const data = (bytes: number): Buffer => stamped(INITIATORS.indexOf(VICTIM), this.#tag, bytes);
		for (const [shelf, slot] of ADDRESSES) {
			const header = { dst: TARGET, src: VICTIM, shelf, slot };
			this.#receive(
				ataFrame(header, { command: 0x30, aflags: 1, count: 2, lba: 0x0ffffff, data: data(1024) }),
			);
			this.#receive(configFrame(header, 1, data(1000).toString("latin1")));
		}
		for (const slot of this.#link.idle) slot.memory.bytes.set(data(slot.capacityBytes), slot.offset);
	}

	#receive(frame: Buffer): void {
		const request = Buffer.from(frame);
		this.#tag += 1;
		if (request.length >= 24) request.writeUInt32BE(this.#tag, 20);
		const { freeRooms } = this.#link;
		this.referee.asks(request, freeRooms === 0 ? "none" : freeRooms < SLOTS_PLENTY ? "scarce" : "plenty");
		this.#link.receive(request);
		this.#collect();
	}

	#collect(): void {
		for (const reply of this.#link.take()) this.referee.answers(reply);
	}
}
