/**
 * What comes on one connection behind the login: PDUs. Bytes are received into a room that is the connection's only while there are
 * some. Each header is handed on where it lies; whoever gets it says where the data behind it goes, and is told when that has come.
 * What is longer than has come yet is received straight to where it is written from. Digests are checked here. Used by `transmission.ts`.
 */

import { crc32c } from "../crc32c.js";
import { native } from "../native.js";
import type { Room, RoomHolder, Rooms } from "../stream/rooms.js";
import { BROKEN, type ByteStream } from "../stream/stream.js";
import { turn } from "../turn.js";
import type { Memory } from "../wire/memory.js";
import type { Parameters } from "./parameters.js";
import { RECEIVED_BYTES_MAX } from "./parameters.js";
import { ahsBytesOf, BHS_BYTES, DIGEST_BYTES, dataBytesOf, paddingOf } from "./pdu.js";

const RECEIVE_BYTES = 64 * 1024;
/** What a PDU costs of a turn, and its data. */
const PDU_STEPS = 24;
const BYTES_PER_STEP = 64;

/** What becomes of a PDU: its data is awaited or passed by; it comes again, when there is room; nothing behind it is taken. */
export type Taken = "taken" | "later" | "over";

export interface IntakeUser {
	/** One more PDU may be taken. */
	readonly mayTake: boolean;
	/** A header at `view`'s byte `at`, with what is additional behind it; `dataBytes` of data follow. May call `gather`. */
	pdu(view: DataView, at: number, dataBytes: number): Taken;
	/** All that was to be gathered is at `memory`'s byte `offset`: lent until the pump has run, or in the room itself. */
	gathered(memory: Memory, offset: number, isIntact: boolean): void;
	/** By its digest. */
	broken(what: "header" | "data"): void;
	/** Nothing more comes, or it makes no sense. */
	ended(why: string): void;
	/** There may be a room to receive in. */
	resumeSoon(): void;
}

/** (A holder of its own: whoever has all rooms that he is certain of waiting for data can receive that.) */
export class Intake implements RoomHolder {
	roomsHeld = 0;
	waitsForRoom = false;
	/** There was no room for what comes next: to be tried again when there may be. */
	lacksRoom = false;
	/** PDUs that have come, and how often anything came. */
	count = 0;
	arrivals = 0;
	readonly #user: IntakeUser;
	readonly #rooms: Rooms;
	readonly #stream: ByteStream;
	readonly #parameters: Parameters;
	/** What has come, from `#at` to `#to`; null: nothing. */
	#received: Room | null = null;
	#at = 0;
	#to = 0;
	/** Of the data of the PDU that comes: bytes that are gathered, and of them that have come; and bytes that nobody wants. */
	#target: Room | null = null;
	#targetOffset = 0;
	#targetBytes = 0;
	#filledBytes = 0;
	#passed = 0;
	/** Bytes behind that: padding and digest; -1: a header comes next. */
	#tailBytes = NO_DATA;
	#padding = 0;
	/** Of all of them, as far as they have come; that of what is gathered is taken when it is there wholly. */
	#sum = 0;
	#isSummed = false;
	#mayLend = false;
	#wantsMore = true;
	#isClosed = false;

	constructor(user: IntakeUser, rooms: Rooms, stream: ByteStream, parameters: Parameters) {
		this.#user = user;
		this.#rooms = rooms;
		this.#stream = stream;
		this.#parameters = parameters;
	}

	roomFreed(): void {
		this.#user.resumeSoon();
	}

	/** All that has come was taken, but for what is no whole. */
	get wantsMore(): boolean {
		return this.#wantsMore;
	}

	/**
	 * The first `length` bytes, at least one, of the data of the PDU that was handed on go to that room, from `offset` on; with `mayLend` they
	 * may stay where they are, if all of them are there.
	 */
	gather(room: Room, offset: number, length: number, mayLend: boolean): void {
		this.#target = room;
		this.#mayLend = mayLend;
		this.#targetOffset = offset;
		this.#targetBytes = length;
	}

	/** Nobody wants the rest of what is gathered into that room any more. */
	forget(room: Room): void {
		if (this.#target !== room) return;
		this.#target = null;
		this.#passed += this.#targetBytes - this.#filledBytes;
	}

	/** False if nothing has come; it is watched for so many microseconds. */
	receive(watchUs: number): boolean {
		if (this.#at === this.#to) this.#keep();
		const target = this.#target;
		const missing = target === null ? 0 : this.#targetBytes - this.#filledBytes;
		if (target !== null && missing > 0) {
			const count = this.#stream.receive(
				target.memory,
				this.#targetOffset + this.#filledBytes,
				missing,
				watchUs,
			);
			if (count > 0) this.#filledBytes += count;
			return this.#came(count);
		}
		this.#received ??= this.#rooms.take(this, RECEIVE_BYTES) ?? null;
		if (this.#received === null) {
			this.lacksRoom = true;
			return false;
		}
		const count = this.#stream.receive(this.#received.memory, this.#to, RECEIVE_BYTES - this.#to, watchUs);
		if (count > 0) this.#to += count;
		return this.#came(count);
	}

	#came(count: number): boolean {
		if (count === BROKEN) this.#user.ended("the connection has broken");
		else if (count === 0) this.#user.ended("the initiator has hung up");
		else this.arrivals = (this.arrivals + 1) | 0;
		return count > 0;
	}

	/** Takes everything that is there, as far as it goes and the turn lasts. What of it is lent is so until the pump has run. */
	take(): void {
		this.#wantsMore = false;
		while (!this.#isClosed && !turn.isSpent) if (!this.#takeNext()) return;
	}

	/** False if nothing more can be taken now. */
	#takeNext(): boolean {
		return this.#tailBytes === NO_DATA ? this.#takeHeader() : this.#takeData();
	}

	/** More has to come first. What there is moves to the beginning, so that the rest finds room. */
	#lacksBytes(): false {
		this.#keep();
		this.#wantsMore = true;
		return false;
	}

	#keep(): void {
		const available = this.#to - this.#at;
		if (available > 0 && this.#at > 0) this.#received!.memory.bytes.copyWithin(0, this.#at, this.#to);
		this.#at = 0;
		this.#to = available;
	}

	#takeHeader(): boolean {
		const available = this.#to - this.#at;
		if (available < BHS_BYTES) return this.#lacksBytes();
		const { view, bytes } = this.#received!.memory;
		const at = this.#at;
		const headerBytes = BHS_BYTES + ahsBytesOf(view, at);
		const { headerDigest } = this.#parameters;
		const end = at + headerBytes + (headerDigest ? DIGEST_BYTES : 0);
		if (end > this.#to) return this.#lacksBytes();
		if (!this.#user.mayTake) return false;
		if (headerDigest && view.getUint32(at + headerBytes, true) !== crc32c(bytes, at, at + headerBytes)) {
			this.#user.broken("header");
			return this.#end("a header is broken: its digest says so");
		}
		const dataBytes = dataBytesOf(view, at);
		if (dataBytes > RECEIVED_BYTES_MAX) return this.#end("it sends more data at once than was agreed on");
		const taken = this.#user.pdu(view, at, dataBytes);
		if (taken === "later") {
			this.lacksRoom = true;
			return false;
		}
		turn.spend(PDU_STEPS);
		this.count += 1;
		this.#at = end;
		if (dataBytes > 0) this.#expect(dataBytes);
		return taken === "taken";
	}

	#end(why: string): false {
		this.#user.ended(why);
		return false;
	}

	#expect(dataBytes: number): void {
		this.#padding = paddingOf(dataBytes);
		this.#tailBytes = this.#padding + (this.#parameters.dataDigest ? DIGEST_BYTES : 0);
		this.#passed = this.#target === null ? dataBytes : dataBytes - this.#targetBytes;
		this.#filledBytes = 0;
		this.#sum = 0;
		this.#isSummed = false;
	}

	#takeData(): boolean {
		const target = this.#target;
		let offset = this.#targetOffset;
		let memory: Memory | null = target === null ? null : target.memory;
		let taken = 0;
		if (target !== null) {
			const available = this.#to - this.#at;
			const all = this.#targetBytes + this.#passed + this.#tailBytes;
			if (this.#mayLend && this.#filledBytes === 0 && available >= all) {
				memory = this.#received!.memory;
				offset = this.#at;
				taken = this.#targetBytes;
			} else if (!this.#fillTarget(target)) return this.#lacksBytes();
		}
		return this.#takeRest(memory, offset, taken);
	}

	/** What is behind the bytes that are gathered, of which `taken` are still in the way. */
	#takeRest(memory: Memory | null, offset: number, taken: number): boolean {
		this.#at += taken;
		if (memory !== null) this.#addUp(memory, offset);
		this.#pass();
		if (this.#passed > 0 || this.#to - this.#at < this.#tailBytes) return this.#lacksBytes();
		const isIntact = memory === null || this.#isIntact();
		turn.spend((this.#targetBytes >> SHIFT) + 1);
		this.#at += this.#tailBytes;
		this.#tailBytes = NO_DATA;
		this.#target = null;
		if (!isIntact) this.#user.broken("data");
		if (memory !== null) this.#user.gathered(memory, offset, isIntact);
		return true;
	}

	/** True if it has all its bytes. */
	#fillTarget({ memory }: Room): boolean {
		const count = Math.min(this.#to - this.#at, this.#targetBytes - this.#filledBytes);
		if (count > 0) {
			const from = this.#received!.memory.bytes;
			native.copyBytes(memory.bytes, this.#targetOffset + this.#filledBytes, from, this.#at, count);
			this.#at += count;
			this.#filledBytes += count;
		}
		return this.#filledBytes === this.#targetBytes;
	}

	/** What nobody wants is behind what is gathered. */
	#pass(): void {
		const count = Math.min(this.#passed, this.#to - this.#at);
		if (count === 0) return;
		if (this.#parameters.dataDigest)
			this.#sum = crc32c(this.#received!.memory.bytes, this.#at, this.#at + count, this.#sum);
		this.#at += count;
		this.#passed -= count;
	}

	#addUp(memory: Memory, offset: number): void {
		if (!this.#parameters.dataDigest || this.#isSummed) return;
		this.#isSummed = true;
		this.#sum = crc32c(memory.bytes, offset, offset + this.#targetBytes);
	}

	/** Whether the digest is that of the data. */
	#isIntact(): boolean {
		if (!this.#parameters.dataDigest) return true;
		const { bytes, view } = this.#received!.memory;
		const digest = this.#at + this.#padding;
		return view.getUint32(digest, true) === crc32c(bytes, this.#at, digest, this.#sum);
	}

	/** Nothing is kept for what has not come. Not while the pump is still to run. */
	rest(): void {
		if (this.#at < this.#to || this.#received === null) return;
		this.#at = 0;
		this.#to = 0;
		this.#rooms.give(this.#received);
		this.#received = null;
	}

	/** What has not come whole never does. What it was gathered into is its user's. */
	close(): void {
		this.#isClosed = true;
		this.#target = null;
		this.#rooms.leave(this);
		// (What was lent of them is no more then.)
		setImmediate(() => {
			this.#at = this.#to;
			this.rest();
		});
	}
}

const NO_DATA = -1;
const SHIFT = Math.log2(BYTES_PER_STEP);
