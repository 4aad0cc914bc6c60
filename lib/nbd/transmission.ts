/**
 * The transmission phase of one connection: what comes (`intake.ts`) becomes commands (`command.ts`), whose answers go to the connection's
 * queue. While a client has too much under way, does not read, or there is no room, nothing is received from it. Made by `connection.ts`
 * when the handshake is over.
 */

import type { Piece, PiecePool } from "../block/piece.js";
import { Receiver, type ReceiverHome, type ReceiverUser } from "../stream/receiver.js";
import type { Rooms } from "../stream/rooms.js";
import type { SendQueue } from "../stream/send-queue.js";
import type { ByteStream } from "../stream/stream.js";
import { NbdCommand, WAITING_BYTES_MAX } from "./command.js";
import type { Context, NbdExport } from "./export.js";
import type { CommandHost } from "./host.js";
import { Intake, type IntakeUser } from "./intake.js";
import { Command, NbdError } from "./protocol.js";
import { type Agreed, refusalOf, refuse } from "./requests.js";
import type { ClientUse } from "./use.js";

/** Commands of one connection under way at once. */
const COMMANDS_MAX = 128;

/** What all connections share. */
export interface Shared extends ReceiverHome {
	readonly rooms: Rooms;
	readonly pieces: PiecePool;
	readonly commands: NbdCommand[];
}

/** The connection. */
export interface Line {
	readonly stream: ByteStream;
	readonly queue: SendQueue;
	readonly use: ClientUse;
	/** The client has said its last, or what was said makes no sense: nothing more is received; `why` for a log, if anything is wrong. */
	ended(why: string | null): void;
}

export class Transmission implements CommandHost, IntakeUser, ReceiverUser {
	roomsHeld = 0;
	waitsForRoom = false;
	readonly #shared: Shared;
	readonly #line: Line;
	readonly #agreed: Agreed;
	readonly #intake: Intake;
	readonly #receiver: Receiver;
	readonly #underWay: Piece[] = [];
	readonly #starving: NbdCommand[] = [];
	#commands = 0;
	/** The client has said that it wants nothing more. */
	#isEnding = false;
	#isClosed = false;

	constructor(shared: Shared, line: Line, agreed: Agreed) {
		this.#shared = shared;
		this.#line = line;
		this.#agreed = agreed;
		this.#intake = new Intake(this, shared.rooms, line.stream);
		this.#receiver = new Receiver(shared, line.stream, this.#intake, this);
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
	get use(): ClientUse {
		return this.#line.use;
	}
	get isStructured(): boolean {
		return this.#agreed.isStructured;
	}
	get contexts(): readonly Context[] {
		return this.#agreed.contexts;
	}

	/** Commands that have not been answered. */
	get underWay(): number {
		return this.#commands;
	}

	/** Takes what has come, as much as one turn has time for. Not to be called while the pump runs. */
	receive(): void {
		this.#receiver.receive();
	}

	get mayTake(): boolean {
		const isBusy = this.#commands >= COMMANDS_MAX || this.#starving.length > 0 || this.#intake.lacksRoom;
		return !isBusy && !this.#isEnding && !this.#isClosed && this.queue.waitingBytes < WAITING_BYTES_MAX;
	}

	request(view: DataView, at: number): boolean {
		const type = view.getUint16(at + 6);
		if (type === Command.disconnect || this.exported.disk.phase !== "open") {
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
		command.arrivedUs = this.#receiver.arrivedUs;
		this.#commands += 1;
		command.begin();
		this.#begin(command);
		return true;
	}

	#begin(command: NbdCommand): void {
		const error = refusalOf(command, this.#agreed);
		const hasData = command.type === Command.write && command.lengthBytes > 0;
		if (error !== NbdError.none && hasData) this.#intake.pass(command, command.lengthBytes, error);
		else if (error !== NbdError.none) refuse(command, error);
		else if (hasData) this.#intake.expect(command);
		else command.advance();
	}

	/** Something is over that it may have waited for. */
	goOn(): void {
		if (this.#receiver.isPaused || this.#starving.length > 0) this.#receiver.resumeSoon();
	}

	resumed(): void {
		this.#advanceStarving();
	}

	roomFreed(): void {
		if (this.#isClosed) return;
		this.#advanceStarving();
		this.#receiver.resumeSoon();
	}

	/** Each gets as far as it comes; what starves again is in line again. */
	#advanceStarving(): void {
		for (let left = this.#starving.length; left > 0; left--) {
			const command = this.#starving.shift()!;
			command.isStarving = false;
			command.advance();
		}
	}

	starves(command: NbdCommand): void {
		if (this.#isClosed) {
			command.cutShort();
			return;
		}
		command.isStarving = true;
		this.#starving.push(command);
		if (!this.waitsForRoom && this.queue.waitingBytes < WAITING_BYTES_MAX) this.#receiver.resumeSoon();
	}

	begun(piece: Piece): void {
		piece.index = this.#underWay.length;
		this.#underWay.push(piece);
	}

	over(piece: Piece): void {
		const last = this.#underWay.pop()!;
		if (last === piece) return;
		this.#underWay[piece.index] = last;
		last.index = piece.index;
	}

	answered(command: NbdCommand): void {
		this.#commands -= 1;
		this.#shared.commands.push(command);
		if (this.#receiver.isPaused) this.#receiver.resumeSoon();
	}

	ended(why: string): void {
		this.#line.ended(why);
	}

	ending(): void {
		this.#line.ended(null);
	}

	/** It ends when what was taken has been answered. */
	takeNoMore(): void {
		this.#isEnding = true;
	}

	/** The connection is gone: what has not begun is taken back, and nobody is answered. */
	close(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#receiver.close();
		const { device } = this.exported.disk;
		for (const { request } of [...this.#underWay]) device.cancel(request);
		for (const command of this.#starving.splice(0)) command.cutShort();
		this.#intake.close();
		this.rooms.leave(this);
	}
}
