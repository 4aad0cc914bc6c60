/**
 * The world that fuzzed frames come into: a target with real ATA disks on storage that is slow and keeps no order, and all
 * around what must not leak: other initiators' data in the reply slots, canaries in the receive ring. After every frame it is
 * checked that what came out may have come out; at the end, that the disks hold what they should (`model.ts`).
 */

import { AtaDisk } from "../../lib/ata/disk.js";
import { DelayLayer } from "../../lib/block/delay.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import type { FrameSlot } from "../../lib/link/link.js";
import { ataFrame, configFrame } from "../support/frames.js";
import { RecordingLink, RING_CANARY, SLOT_CANARY, STALE } from "../support/recording-link.js";
import { Bench, makeBlade } from "../support/target-bench.js";
import { ADDRESSES, DISK_SECTORS, type Step, TARGET } from "./frames.js";
import { Model } from "./model.js";

/** Changes what the target hands to its link, to see whether anyone notices. Returns how many bytes to send. */
export type Sabotage = (slot: FrameSlot, headBytes: number, send: (headBytes: number) => void) => void;

export interface WorldOptions {
	readonly mtu: number;
	readonly seed: number;
	readonly sabotage?: Sabotage | undefined;
}

/** Whose data nobody else may see. */
const VICTIM = "02:00:00:00:00:ee";
const SECRET = Buffer.from("5ec7e75ec2e7c5c0", "hex");
const SLOTS = 6;
/** More than any scenario needs until nothing is left to do. */
const TIMERS_MAX = 10_000;
const RESPONSE = 0x08;
const ERROR = 0x04;
const CANARIES = [RING_CANARY, SLOT_CANARY, STALE].map((byte) => Buffer.alloc(6, byte));

class SabotagedLink extends RecordingLink {
	sabotage: Sabotage | undefined;

	override transmit(slot: FrameSlot, headBytes: number, address: number, bytes: number, peer: number): void {
		if (this.sabotage === undefined) {
			super.transmit(slot, headBytes, address, bytes, peer);
			return;
		}
		this.sabotage(slot, headBytes, (length) => super.transmit(slot, length, address, bytes, peer));
	}
}

export class World {
	readonly #bench: Bench;
	readonly #link: SabotagedLink;
	readonly #mtu: number;
	readonly #model = new Model(DISK_SECTORS);
	/** Requests that may still be answered, by tag. Every request gets a tag of its own. */
	readonly #asked = new Map<number, { request: Buffer; answers: Set<string> }>();
	#tag = 0;

	constructor({ mtu, seed, sabotage }: WorldOptions) {
		this.#mtu = mtu;
		this.#link = new SabotagedLink({ mtu, slots: SLOTS });
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
			this.#bench.add(new AtaDisk(makeBlade(shelf, slot, new OrderingLayer(slow))));
		}
	}

	step({ frame, ticks }: Step): void {
		this.#plant();
		this.#receive(frame);
		for (let i = 0; i < ticks; i++) this.#bench.clock.step();
		this.#collect();
	}

	/** Lets everything come to an end. */
	finish(): void {
		for (let timers = 0; this.#bench.clock.step(); timers++) {
			expect(timers < TIMERS_MAX, "everything ends");
			this.#collect();
		}
		this.#collect();
		expect(this.#bench.target.inFlight === 0, "every exchange ends");
		expect(this.#link.freeSlots === SLOTS, "every slot comes back");
		this.#link.checkMargins();
		this.#model.check();
	}

	/** The victim leaves its data in as many slots as are free, by requests that do nothing to a disk. */
	#plant(): void {
		const secret = (bytes: number): Buffer => Buffer.alloc(bytes, SECRET);
		for (const [shelf, slot] of ADDRESSES) {
			const header = { dst: TARGET, src: VICTIM, shelf, slot };
			this.#receive(
				ataFrame(header, { command: 0x30, aflags: 1, count: 2, lba: 0x0ffffff, data: secret(1024) }),
			);
			this.#receive(configFrame(header, 1, secret(1000).toString("latin1")));
		}
		for (const slot of this.#link.idle) slot.memory.bytes.set(secret(slot.capacityBytes), slot.offset);
	}

	#receive(frame: Buffer): void {
		const request = Buffer.from(frame);
		this.#tag += 1;
		if (request.length >= 24) request.writeUInt32BE(this.#tag, 20);
		this.#asked.set(this.#tag, { request, answers: new Set() });
		this.#model.asked(this.#tag, request);
		this.#link.receive(request);
		this.#collect();
	}

	#collect(): void {
		for (const reply of this.#link.take()) this.#checkReply(reply);
	}

	#checkReply(reply: Buffer): void {
		expect(reply.length >= 60 && reply.length <= this.#mtu + 14, `a reply has ${reply.length} bytes`);
		const tag = reply.readUInt32BE(20);
		const asked = this.#asked.get(tag);
		expect(asked !== undefined, "a reply has the tag of a request");
		const { request, answers } = asked;
		const address = `${reply.readUInt16BE(16)}.${reply[18]}`;
		expect(!answers.has(address), "a request is answered once per blade");
		answers.add(address);
		checkHeader(request, reply);
		const meant = meantBytes(request, reply);
		expect(meant <= reply.length, "a reply is as long as it says");
		expect(
			reply.subarray(meant).every((byte) => byte === 0),
			"padding is zero",
		);
		expect(reply.length === Math.max(60, meant), "nothing but padding follows");
		const isVictims = request.toString("hex", 6, 12) === VICTIM.replaceAll(":", "");
		expect(isVictims || !reply.includes(SECRET.subarray(0, 4)), "nobody sees what another has sent");
		for (const canary of CANARIES) expect(!reply.includes(canary), "no canary leaves");
		this.#model.answered(tag, reply);
	}
}

/** Frames that must never be answered, and what a header must say. Written without any of the code under test. */
function checkHeader(request: Buffer, reply: Buffer): void {
	const hex = (bytes: Buffer, from: number, to: number): string => bytes.toString("hex", from, to);
	const own = TARGET.replaceAll(":", "");
	const destination = hex(request, 0, 6);
	expect(request.length >= 24 && hex(request, 12, 14) === "88a2", "only AoE is answered");
	expect(destination === own || destination === "ffffffffffff", "only what is for us is answered");
	expect((request[14]! & RESPONSE) === 0, "no response is answered");
	expect((request[6]! & 1) === 0 && hex(request, 6, 12) !== own, "nobody else gets a reply");
	expect(hex(reply, 0, 6) === hex(request, 6, 12) && hex(reply, 6, 12) === own, "back to the sender");
	expect(hex(reply, 12, 14) === "88a2" && (reply[14]! & ~ERROR) === 0x18, "an AoE response of version 1");
	expect(reply[19] === request[19], "of the same command");
	const shelf = request.readUInt16BE(16);
	const slot = request[18]!;
	const [answersFor] = ADDRESSES.filter(([s, l]) => s === reply.readUInt16BE(16) && l === reply[18]);
	expect(answersFor !== undefined, "from a blade that is served");
	expect(
		(shelf === 0xffff || shelf === answersFor[0]) && (slot === 0xff || slot === answersFor[1]),
		"that was asked",
	);
	const error = reply[15]!;
	expect(((reply[14]! & ERROR) !== 0) === (error !== 0) && error <= 6, "E goes with an error");
	if (reply[19] === 0) expect(error === 0 || error === 5 || error === 6, "ATA commands end in ATA status");
	if (destination === "ffffffffffff" || shelf === 0xffff || slot === 0xff) {
		const finds = request[19] === 1 || (request[19] === 0 && request[27] === 0xec);
		expect(finds, "broadcasts only find blades");
	}
}

/** Bytes of a reply that mean something, by its own words. */
function meantBytes(request: Buffer, reply: Buffer): number {
	const error = reply[15]!;
	if (error === 1 || error === 5) return 24;
	switch (reply[19]) {
		case 0: {
			if (reply.length === 60) return 36;
			expect((reply.length - 36) % 512 === 0, "data comes in sectors");
			if ((reply[27]! & 1) === 0) return reply.length;
			// aoeping wants room for data in the answer to every SMART command; there is nothing in it.
			const isEmpty = reply.subarray(36).every((byte) => byte === 0);
			expect(request[27] === SMART && isEmpty, "a command that failed has no data");
			return reply.length;
		}
		case 1:
			expect(reply.readUInt16BE(30) <= 1024, "a config string has at most 1024 bytes");
			return 32 + reply.readUInt16BE(30);
		case 2:
			return reply[26] === 0 ? 28 + 8 * reply[27]! : 28;
		case 3:
			return 26 + 6 * reply[25]!;
		default:
			throw new Error("an unknown command was answered without an error");
	}
}

const SMART = 0xb0;

export function expect(condition: boolean, rule: string): asserts condition {
	if (!condition) throw new Error(`broken: ${rule}`);
}
