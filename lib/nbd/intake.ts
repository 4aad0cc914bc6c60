/**
 * What comes on one connection behind the handshake: requests, and the data of writes. Bytes are received into a room that is the
 * connection's only while there are some; each request is handed on where it lies, data goes to the write that it is for, piece by piece,
 * and what is longer than has come yet is received straight to where it is written from. Used by `transmission.ts`.
 */

import { native } from "../native.js";
import type { Room, RoomHolder, Rooms } from "../stream/rooms.js";
import { BROKEN, type ByteStream } from "../stream/stream.js";
import { turn } from "../turn.js";
import { type NbdCommand, PIECE_BYTES } from "./command.js";
import { type NbdError, REQUEST_BYTES, REQUEST_MAGIC } from "./protocol.js";
import { refuse } from "./requests.js";

const RECEIVE_BYTES = 64 * 1024;
/** What a request costs of a turn, and its data. */
const REQUEST_STEPS = 16;
const BYTES_PER_STEP = 64;

export interface IntakeUser extends RoomHolder {
	/** One more request may be taken. */
	readonly mayTake: boolean;
	/** A request at `view`'s byte `at`. False if nothing behind it is to be taken. */
	request(view: DataView, at: number): boolean;
	/** Nothing more comes, or it makes no sense. */
	ended(why: string): void;
}

export class Intake {
	/** There was no room for what comes next: to be tried again when there may be. */
	lacksRoom = false;
	readonly #user: IntakeUser;
	readonly #rooms: Rooms;
	readonly #stream: ByteStream;
	/** What has come, from `#at` to `#to`; null: nothing. */
	#received: Room | null = null;
	#at = 0;
	#to = 0;
	/** The write whose bytes come next, where those go that have, and how many of them there are. */
	#writing: NbdCommand | null = null;
	#target: Room | null = null;
	#targetBytes = 0;
	/** Bytes that nobody wants, of a write that is refused when they have come. */
	#passed = 0;
	#refused: NbdCommand | null = null;
	#refusedFor: NbdError = 0;
	#wantsMore = true;
	#isClosed = false;

	constructor(user: IntakeUser, rooms: Rooms, stream: ByteStream) {
		this.#user = user;
		this.#rooms = rooms;
		this.#stream = stream;
	}

	/** All that has come was taken, but for what is no whole. */
	get wantsMore(): boolean {
		return this.#wantsMore;
	}

	/** The data of this write comes next. */
	expect(command: NbdCommand): void {
		this.#writing = command;
	}

	/** So many bytes come next that nobody wants; then the command is refused. */
	pass(command: NbdCommand, bytes: number, error: NbdError): void {
		this.#passed = bytes;
		this.#refused = command;
		this.#refusedFor = error;
	}

	/** False if nothing has come; it is watched for so many microseconds. */
	receive(watchUs: number): boolean {
		const target = this.#target;
		if (this.#at === this.#to) this.#keep(0);
		if (target !== null && this.#targetBytes < this.#pieceBytes) {
			const missing = this.#pieceBytes - this.#targetBytes;
			const count = this.#stream.receive(target.memory, this.#targetBytes, missing, watchUs);
			if (count > 0) this.#targetBytes += count;
			return this.#came(count);
		}
		this.#received ??= this.#rooms.take(this.#user, RECEIVE_BYTES) ?? null;
		if (this.#received === null) {
			this.lacksRoom = true;
			return false;
		}
		const left = RECEIVE_BYTES - this.#to;
		const count = this.#stream.receive(this.#received.memory, this.#to, left, watchUs);
		if (count > 0) this.#to += count;
		return this.#came(count);
	}

	#came(count: number): boolean {
		if (count === BROKEN) this.#user.ended("the connection has broken");
		else if (count === 0) this.#user.ended("the client has hung up");
		return count > 0;
	}

	/** Bytes of the piece that comes next, or is coming. */
	get #pieceBytes(): number {
		return Math.min(PIECE_BYTES, this.#writing!.lengthBytes - this.#writing!.cursor);
	}

	/** Takes everything that is there, as far as it goes and the turn lasts. What of it is lent is so until the pump has run. */
	take(): void {
		this.#wantsMore = false;
		while (!this.#isClosed && !turn.isSpent) if (!this.#takeNext()) return;
	}

	/** False if nothing more can be taken now. */
	#takeNext(): boolean {
		if (this.#writing !== null) return this.#takeData(this.#writing);
		return this.#refused !== null ? this.#takeNothing(this.#refused) : this.#takeRequest();
	}

	/** More has to come first. */
	#lacksBytes(): false {
		this.#wantsMore = true;
		return false;
	}

	#takeNothing(refused: NbdCommand): boolean {
		const count = Math.min(this.#passed, this.#to - this.#at);
		this.#at += count;
		this.#passed -= count;
		if (this.#passed > 0) return this.#lacksBytes();
		this.#refused = null;
		refuse(refused, this.#refusedFor);
		return true;
	}

	#takeData(command: NbdCommand): boolean {
		const length = this.#pieceBytes;
		const available = this.#to - this.#at;
		if (this.#target === null && available === 0) return this.#lacksBytes();
		const room = this.#target ?? this.#rooms.take(this.#user, length) ?? null;
		if (room === null) {
			this.lacksRoom = true;
			return false;
		}
		let isUnused: boolean;
		if (this.#target === null && available >= length) {
			isUnused = command.write(room, this.#received!.memory, this.#at, length);
			this.#at += length;
		} else {
			this.#target = room;
			if (!this.#fillTarget(room, length, available)) return this.#lacksBytes();
			this.#target = null;
			this.#targetBytes = 0;
			isUnused = command.write(room, room.memory, 0, length);
		}
		turn.spend(length / BYTES_PER_STEP);
		if (isUnused) this.#rooms.give(room);
		if (command.cursor >= command.lengthBytes) this.#writing = null;
		return true;
	}

	/** True if it has all its bytes. */
	#fillTarget({ memory }: Room, length: number, available: number): boolean {
		const count = Math.min(available, length - this.#targetBytes);
		if (count > 0) {
			const from = this.#received!.memory.bytes;
			native.copyBytes(memory.bytes, this.#targetBytes, from, this.#at, count);
			this.#at += count;
			this.#targetBytes += count;
		}
		return this.#targetBytes === length;
	}

	#takeRequest(): boolean {
		const available = this.#to - this.#at;
		if (available < REQUEST_BYTES) {
			this.#keep(available);
			return this.#lacksBytes();
		}
		if (!this.#user.mayTake) return false;
		const { view } = this.#received!.memory;
		const at = this.#at;
		this.#at += REQUEST_BYTES;
		if (view.getUint32(at) !== REQUEST_MAGIC) {
			this.#user.ended("what it sends are no requests");
			return false;
		}
		turn.spend(REQUEST_STEPS);
		return this.#user.request(view, at);
	}

	/** The first bytes of a request move to the beginning, so that the rest finds room. */
	#keep(available: number): void {
		if (available > 0 && this.#at > 0) this.#received!.memory.bytes.copyWithin(0, this.#at, this.#to);
		this.#at = 0;
		this.#to = available;
	}

	/** Nothing is kept for what has not come. Not while the pump is still to run. */
	rest(): void {
		if (this.#at < this.#to || this.#received === null) return;
		this.#at = 0;
		this.#to = 0;
		this.#rooms.give(this.#received);
		this.#received = null;
	}

	/** What has not come whole never does. */
	close(): void {
		this.#isClosed = true;
		this.#writing?.cutShort();
		this.#writing = null;
		if (this.#refused !== null) refuse(this.#refused, this.#refusedFor);
		this.#refused = null;
		// (What was lent of them is no more then.)
		setImmediate(() => {
			this.#at = this.#to;
			this.rest();
			if (this.#target !== null) this.#rooms.give(this.#target);
			this.#target = null;
		});
	}
}
