/**
 * The transmission phase of one connection: requests are taken apart as they come, each becomes a command (`command.ts`), answers go to
 * the connection's queue. Bytes are received into a room that is the connection's only while there are some; long data of writes goes to
 * where it is written from. While a client has too much under way, does not read, or there is no room, nothing is received from it.
 * Made by `connection.ts` when the handshake is over.
 */

import { native } from "../native.js";
import type { Room, Rooms } from "../stream/rooms.js";
import type { SendQueue } from "../stream/send-queue.js";
import { BROKEN, type ByteStream } from "../stream/stream.js";
import { turn } from "../turn.js";
import { type CommandHost, NbdCommand, PIECE_BYTES, WAITING_BYTES_MAX } from "./command.js";
import type { Access, NbdExport } from "./export.js";
import type { Piece, PiecePool } from "./piece.js";
import { Command, NbdError, REQUEST_BYTES, REQUEST_MAGIC } from "./protocol.js";
import { refusalOf } from "./requests.js";

/** Commands of one connection under way at once. */
const COMMANDS_MAX = 128;
const RECEIVE_BYTES = 64 * 1024;
/** Calls of the kernel for one turn of the loop. */
const RECEIVES_A_TURN = 8;
/** What a command costs of a turn, and its data. */
const COMMAND_STEPS = 16;
const BYTES_PER_STEP = 64;

/** What was agreed on. */
export interface Agreed {
	readonly exported: NbdExport;
	readonly access: Access;
	readonly isStructured: boolean;
	/** -1: it was not asked for. */
	readonly allocationContext: number;
}

/** What all connections share. */
export interface Shared {
	readonly rooms: Rooms;
	readonly pieces: PiecePool;
	readonly commands: NbdCommand[];
	/** Now, in microseconds of 32 bits. */
	now(): number;
	/** Carries out what was queued. */
	runPump(): void;
}

/** The connection. */
export interface Line {
	readonly stream: ByteStream;
	readonly queue: SendQueue;
	/** A command that came then, in microseconds of 32 bits, has been answered. */
	answered(command: NbdCommand): void;
	/** The client has said its last, or what was said makes no sense: nothing more is received; `why` for a log, if anything is wrong. */
	ended(why: string | null): void;
}

export class Transmission implements CommandHost {
	roomsHeld = 0;
	waitsForRoom = false;
	readonly #shared: Shared;
	readonly #line: Line;
	readonly #agreed: Agreed;
	readonly #underWay: Piece[] = [];
	readonly #starving: NbdCommand[] = [];
	#commands = 0;
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
	#refusedFor: NbdError = NbdError.none;
	#lacksRoom = false;
	/** All that has come was taken, but for what is no whole. */
	#wantsMore = true;
	#isPaused = false;
	/** The client has said that it wants nothing more. */
	#isEnding = false;
	#isClosed = false;
	/** It goes on in the next turn. */
	#resumes = false;

	constructor(shared: Shared, line: Line, agreed: Agreed) {
		this.#shared = shared;
		this.#line = line;
		this.#agreed = agreed;
	}

	get queue(): SendQueue {
		return this.#line.queue;
	}
	get rooms(): Rooms {
		return this.#shared.rooms;
	}
	get pieces(): PiecePool {
		return this.#shared.pieces;
	}
	get exported(): NbdExport {
		return this.#agreed.exported;
	}
	get isStructured(): boolean {
		return this.#agreed.isStructured;
	}
	get allocationContext(): number {
		return this.#agreed.allocationContext;
	}

	/** Commands that have not been answered. */
	get underWay(): number {
		return this.#commands;
	}

	/** Takes what has come, as much as one turn has time for. Not to be called while the pump runs. */
	receive(): void {
		turn.begin();
		this.#receive();
	}

	#receive(): void {
		let isDry = false;
		for (let left = RECEIVES_A_TURN; left > 0 && !isDry && !turn.isSpent && this.#mayReceive; left--) {
			isDry = this.#wantsMore && !this.#receiveSome();
			if (!isDry) this.#parse();
			// (What was lent is no more from here on.)
			this.#shared.runPump();
		}
		if (this.#isClosed) return;
		if (!this.#mayReceive) this.#pause();
		else if (!this.#wantsMore) this.#resumeSoon();
		if (this.#at === this.#to) this.#giveReceived();
	}

	get #mayReceive(): boolean {
		const { queue } = this;
		const isBusy = this.#commands >= COMMANDS_MAX || this.#starving.length > 0 || this.#lacksRoom;
		return !isBusy && !this.#isEnding && !this.#isClosed && queue.waitingBytes < WAITING_BYTES_MAX;
	}

	/** False if nothing has come. */
	#receiveSome(): boolean {
		const { stream } = this.#line;
		const target = this.#target;
		if (this.#at === this.#to) this.#keep(0);
		const missing = target === null ? 0 : this.#pieceBytes - this.#targetBytes;
		if (target !== null && missing > 0) {
			const count = stream.receive(target.memory, this.#targetBytes, missing);
			if (count > 0) this.#targetBytes += count;
			return this.#came(count);
		}
		this.#received ??= this.rooms.take(this, RECEIVE_BYTES) ?? null;
		if (this.#received === null) {
			this.#lacksRoom = true;
			return false;
		}
		const count = stream.receive(this.#received.memory, this.#to, RECEIVE_BYTES - this.#to);
		if (count > 0) this.#to += count;
		return this.#came(count);
	}

	#came(count: number): boolean {
		if (count === BROKEN) this.#line.ended("the connection has broken");
		else if (count === 0) this.#line.ended("the client has hung up");
		return count > 0;
	}

	/** Bytes of the piece that comes next, or is coming. */
	get #pieceBytes(): number {
		return Math.min(PIECE_BYTES, this.#writing!.lengthBytes - this.#writing!.cursor);
	}

	/** Everything that is there, as far as it goes. */
	#parse(): void {
		this.#wantsMore = false;
		while (!this.#isClosed && !turn.isSpent) if (!this.#takeNext()) return;
	}

	/** False if nothing more can be taken now. */
	#takeNext(): boolean {
		if (this.#writing !== null) return this.#takeData(this.#writing);
		return this.#passed > 0 ? this.#pass() : this.#takeRequest();
	}

	/** More has to come first. */
	#lacksBytes(): false {
		this.#wantsMore = true;
		return false;
	}

	#pass(): boolean {
		const count = Math.min(this.#passed, this.#to - this.#at);
		this.#at += count;
		this.#passed -= count;
		if (this.#passed > 0) return this.#lacksBytes();
		this.#refused!.refuse(this.#refusedFor);
		this.#refused = null;
		return true;
	}

	#takeData(command: NbdCommand): boolean {
		const length = this.#pieceBytes;
		const available = this.#to - this.#at;
		if (this.#target === null && available === 0) return this.#lacksBytes();
		const room = this.#target ?? this.rooms.take(this, length) ?? null;
		if (room === null) {
			this.#lacksRoom = true;
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
		if (isUnused) this.rooms.give(room);
		if (this.#isLast(command)) this.#writing = null;
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
		if (!this.#mayReceive) return false;
		const { view } = this.#received!.memory;
		const at = this.#at;
		this.#at += REQUEST_BYTES;
		if (view.getUint32(at) !== REQUEST_MAGIC) {
			this.#line.ended("what it sends are no requests");
			return false;
		}
		turn.spend(COMMAND_STEPS);
		return this.#begin(view, at);
	}

	/** The first bytes of a request move to the beginning, so that the rest finds room. */
	#keep(available: number): void {
		if (available > 0 && this.#at > 0) this.#received!.memory.bytes.copyWithin(0, this.#at, this.#to);
		this.#at = 0;
		this.#to = available;
	}

	/** False if nothing more is to be taken. */
	#begin(view: DataView, at: number): boolean {
		const type = view.getUint16(at + 6);
		if (type === Command.disconnect) {
			this.#isEnding = true;
			this.#line.ended(null);
			return false;
		}
		const command = this.#shared.commands.pop() ?? new NbdCommand();
		command.host = this;
		command.flags = view.getUint16(at + 4);
		command.type = type;
		command.cookieHigh = view.getUint32(at + 8);
		command.cookieLow = view.getUint32(at + 12);
		command.offsetBytes = view.getUint32(at + 16) * 2 ** 32 + view.getUint32(at + 20);
		command.lengthBytes = view.getUint32(at + 24);
		command.arrivedUs = this.#shared.now();
		this.#commands += 1;
		const error = refusalOf(command, this.#agreed);
		const isWrite = type === Command.write;
		if (error !== NbdError.none) this.#refuse(command, error, isWrite ? command.lengthBytes : 0);
		else {
			command.begin();
			if (isWrite) this.#writing = command;
			else command.advance();
		}
		return true;
	}

	/** Its data, if it has any, comes first. */
	#refuse(command: NbdCommand, error: NbdError, dataBytes: number): void {
		command.begin();
		if (dataBytes === 0) {
			command.refuse(error);
			return;
		}
		this.#passed = dataBytes;
		this.#refused = command;
		this.#refusedFor = error;
	}

	#isLast({ cursor, lengthBytes }: NbdCommand): boolean {
		return cursor >= lengthBytes;
	}

	#giveReceived(): void {
		this.#at = 0;
		this.#to = 0;
		if (this.#received === null) return;
		this.rooms.give(this.#received);
		this.#received = null;
	}

	#pause(): void {
		if (this.#isPaused) return;
		this.#isPaused = true;
		this.#line.stream.wantReadable(false);
	}

	/** Something is over that it may have waited for. */
	goOn(): void {
		if (this.#isPaused || this.#starving.length > 0) this.#resumeSoon();
	}

	#resumeSoon(): void {
		if (this.#resumes || this.#isClosed) return;
		this.#resumes = true;
		setImmediate(() => {
			this.#resumes = false;
			if (this.#isClosed) return;
			turn.begin();
			this.#advanceStarving();
			this.#lacksRoom = false;
			if (this.#isPaused && this.#mayReceive) {
				this.#isPaused = false;
				this.#line.stream.wantReadable(true);
			}
			this.#receive();
			this.#shared.runPump();
		});
	}

	roomFreed(): void {
		this.#advanceStarving();
		this.goOn();
	}

	/** Each gets as far as it comes; what starves again is in line again. */
	#advanceStarving(): void {
		for (let left = this.#starving.length; left > 0; left--) this.#starving.shift()!.advance();
	}

	starves(command: NbdCommand): void {
		if (this.#isClosed) {
			command.cutShort();
			return;
		}
		this.#starving.push(command);
		if (!this.waitsForRoom && this.queue.waitingBytes < WAITING_BYTES_MAX) this.#resumeSoon();
	}

	begun(piece: Piece): void {
		piece.index = this.#underWay.length;
		this.#underWay.push(piece);
	}

	ended(piece: Piece): void {
		const last = this.#underWay.pop()!;
		if (last === piece) return;
		this.#underWay[piece.index] = last;
		last.index = piece.index;
	}

	answered(command: NbdCommand): void {
		this.#commands -= 1;
		this.#line.answered(command);
		this.#shared.commands.push(command);
		if (this.#isPaused) this.#resumeSoon();
	}

	cut(why: string): void {
		this.#line.ended(why);
	}

	/** The connection is gone: what has not begun is taken back, and nobody is answered. */
	close(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		const { device } = this.exported.disk;
		for (const { request } of [...this.#underWay]) device.cancel(request);
		for (const command of this.#starving.splice(0)) command.cutShort();
		this.#writing?.cutShort();
		if (this.#refused !== null) this.#refused.refuse(this.#refusedFor);
		this.#refused = null;
		this.#writing = null;
		this.rooms.leave(this);
		// (What was lent of them is no more then.)
		setImmediate(() => {
			this.#giveReceived();
			if (this.#target !== null) this.rooms.give(this.#target);
			this.#target = null;
		});
	}
}
