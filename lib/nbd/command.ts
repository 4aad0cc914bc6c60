/**
 * One request of a client, from its header to its answer. What is long is done in pieces of a room each, a few at a time, so that
 * neither a client that asks for much nor one that does not read costs more memory than a few rooms; structured answers leave piece by
 * piece. The pieces of a write begin as their bytes come. Made and begun by `requests.ts`; pooled.
 */

import type { Piece } from "../block/piece.js";
import { BlockOp } from "../block/request.js";
import { invariant, StorageStatus } from "../errors.js";
import { native } from "../native.js";
import { ROOM_BYTES_MAX, type Room } from "../stream/rooms.js";
import { turn } from "../turn.js";
import type { Memory } from "../wire/memory.js";
import type { ChangesSince } from "./export.js";
import type { CommandHost } from "./host.js";
import { countFailure, opOf } from "./outcome.js";
import { ChunkFlag, Command, CommandFlag, NbdError } from "./protocol.js";
import { type Cookie, putData, putError, putHole, putNone, putSimple } from "./replies.js";
import { STATUS_BYTES_MAX, StatusTelling } from "./status.js";

/** Data of one piece. */
export const PIECE_BYTES = ROOM_BYTES_MAX;
/** Of a range that is trimmed or zeroed. */
const RANGE_BYTES = 2 ** 30;
/** Pieces of a read under way at once, where they may be answered in any order. */
const AT_ONCE = 4;
/** While more than this waits to be sent nothing more is read for it. */
export const WAITING_BYTES_MAX = 1024 * 1024;
/** What reading costs of a turn. */
const BYTES_PER_STEP = 64;

export class NbdCommand implements Cookie {
	host!: CommandHost;
	cookieHigh = 0;
	cookieLow = 0;
	type = 0;
	flags = 0;
	offsetBytes = 0;
	lengthBytes = 0;
	arrivedUs = 0;
	/** Bytes for which pieces have begun; of a write, or which were passed by. */
	cursor = 0;
	/** Its host has it in line: it goes on when that says so, and not before. */
	isStarving = false;
	#underWay = 0;
	/** Pieces are being begun: one that is over meanwhile leaves the next to whoever does so. */
	#isBusy = false;
	/** A simple answer has begun. */
	#hasHead = false;
	#status: StorageStatus = StorageStatus.ok;
	#errno = 0;
	#failedBytes = 0;
	readonly #told = new StatusTelling();

	/** After the fields above have been filled in. */
	begin(): void {
		this.cursor = 0;
		this.#underWay = 0;
		this.#hasHead = false;
		this.#status = StorageStatus.ok;
		this.#errno = 0;
		this.host.exported.disk.underWay += 1;
		if (this.type === Command.blockStatus) this.#told.begin((this.flags & CommandFlag.reqOne) > 0);
	}

	get op(): BlockOp {
		return opOf(this.type);
	}

	/** Begins as many pieces as may be now. Not for writes. */
	advance(): void {
		if (this.#isBusy || this.isStarving) return;
		this.#isBusy = true;
		switch (this.type) {
			case Command.read:
			case Command.cache:
				this.#advanceReading();
				break;
			case Command.blockStatus:
				this.#advanceStatus();
				break;
			case Command.flush:
				this.#submit(this.host.pieces.take(this), 0, null);
				break;
			default:
				this.#advanceRange();
		}
		this.#isBusy = false;
		this.#endIfOver();
	}

	get #isOver(): boolean {
		return this.cursor >= this.lengthBytes || this.#status !== StorageStatus.ok;
	}

	#advanceReading(): void {
		const { host } = this;
		const atOnce = host.isStructured && this.type === Command.read ? AT_ONCE : 1;
		while (!this.#isOver && this.#underWay < atOnce) {
			const length = Math.min(PIECE_BYTES, this.lengthBytes - this.cursor);
			const mayRead = host.queue.waitingBytes < WAITING_BYTES_MAX && !turn.isSpent;
			const room = mayRead ? host.rooms.take(host, length) : undefined;
			if (room === undefined) {
				host.starves(this);
				return;
			}
			turn.spend(length / BYTES_PER_STEP);
			this.#submit(host.pieces.take(this), length, room);
		}
	}

	#advanceRange(): void {
		if (!this.#isOver) this.#stopIfHeld();
		// (Four of them at most: no client can ask for more than 4 GiB.)
		while (!this.#isOver && this.#underWay === 0)
			this.#submit(this.host.pieces.take(this), Math.min(RANGE_BYTES, this.lengthBytes - this.cursor), null);
	}

	/** One context after the other. */
	#advanceStatus(): void {
		const { host } = this;
		while (!this.#isOver && this.#underWay === 0) {
			const room = host.rooms.take(host, STATUS_BYTES_MAX);
			if (room === undefined) {
				host.starves(this);
				return;
			}
			const { changes } = this.#told.next(host);
			if (changes === null) {
				const piece = host.pieces.take(this);
				piece.request.extents = this.#told.pairs;
				this.#submit(piece, this.lengthBytes, room);
			} else void this.#askChanges(changes, room);
		}
	}

	async #askChanges(changes: ChangesSince, room: Room): Promise<void> {
		const { host, offsetBytes, lengthBytes } = this;
		this.#underWay += 1;
		const count = await changes.extents(offsetBytes, lengthBytes, this.#told.pairs);
		this.#underWay -= 1;
		if (count > 0) this.#tell(count, room);
		else {
			this.#failed(StorageStatus.mediumError, 0, offsetBytes);
			host.rooms.give(room);
		}
		this.advance();
	}

	/** (It is over when all contexts were told.) */
	#tell(count: number, room: Room): void {
		if (this.#told.tell(this.host, this, count, room)) this.cursor = this.lengthBytes;
	}

	/**
	 * The next bytes of a write have come: `length` of `memory` from `offset` on, lent until the pump has run, or in `room` itself. True
	 * if there is nothing to do with them, for the write has failed: the room is the caller's still.
	 */
	write(room: Room, memory: Memory, offset: number, length: number): boolean {
		this.#stopIfHeld();
		if (this.#status !== StorageStatus.ok) {
			this.cursor += length;
			this.#endIfOver();
			return true;
		}
		const piece = this.host.pieces.take(this);
		const { request } = piece;
		request.memory = memory;
		request.memoryOffset = offset;
		request.isLent = memory !== room.memory;
		request.room = room.memory;
		request.roomOffset = 0;
		this.#submit(piece, length, room);
		return false;
	}

	/** Somebody has reserved the disk since it began, by another protocol: nothing more of it is changed. */
	#stopIfHeld(): void {
		if (this.host.exported.disk.holds.forbids(true))
			this.#failed(StorageStatus.writeProtected, 0, this.offsetBytes + this.cursor);
	}

	#submit(piece: Piece, length: number, room: Room | null): void {
		const { host, op, flags } = this;
		const { request } = piece;
		piece.room = room;
		request.op = op;
		request.offsetBytes = this.offsetBytes + this.cursor;
		request.lengthBytes = length;
		request.fua = (flags & CommandFlag.fua) > 0;
		request.mayUnmap = (flags & CommandFlag.noHole) === 0;
		if (op === BlockOp.read) {
			request.memory = room!.memory;
			request.memoryOffset = 0;
			request.room = room!.memory;
			request.roomOffset = 0;
		}
		if (op !== BlockOp.extents) this.cursor += length;
		this.#underWay += 1;
		host.begun(piece);
		host.exported.disk.device.submit(request.begin());
	}

	pieceFinished(piece: Piece): void {
		const { host } = this;
		const { request, room } = piece;
		host.over(piece);
		this.#underWay -= 1;
		const { status, errno, failedOffsetBytes } = request;
		if (status !== StorageStatus.ok) this.#failed(status, errno, failedOffsetBytes);
		else if (this.type === Command.read) {
			this.#answerPiece(piece);
			piece.room = null;
		} else if (this.type === Command.blockStatus) {
			this.#tell(request.extentCount, room!);
			piece.room = null;
		}
		if (piece.room !== null) host.rooms.give(piece.room);
		if (this.#isOver || this.type === Command.write) this.#endIfOver();
		else this.advance();
	}

	/** Of a write that has failed the rest is still to come. */
	#endIfOver(): void {
		if (this.#isBusy || this.isStarving || this.#underWay > 0) return;
		if (this.cursor >= this.lengthBytes || (this.#isOver && this.type !== Command.write)) this.#end();
	}

	/** The first that has failed counts. */
	#failed(status: StorageStatus, errno: number, failedBytes: number): void {
		if (this.#status !== StorageStatus.ok && failedBytes >= this.#failedBytes) return;
		this.#status = status;
		this.#errno = errno;
		this.#failedBytes = failedBytes;
	}

	get #isShort(): boolean {
		return this.lengthBytes <= PIECE_BYTES;
	}

	#answerPiece({ request, room }: Piece): void {
		const { queue, rooms, isStructured } = this.host;
		const { offsetBytes, lengthBytes } = request;
		invariant(room !== null, "a read has no room");
		const flags = this.#isShort ? ChunkFlag.done : 0;
		if (!isStructured) {
			if (!this.#hasHead) putSimple(queue, this, NbdError.none);
			this.#hasHead = true;
			queue.put(room, 0, lengthBytes);
		} else if (native.isZero(room.memory.bytes, 0, lengthBytes)) {
			putHole(queue, this, flags, offsetBytes, lengthBytes);
			rooms.give(room);
		} else putData(queue, this, flags, offsetBytes, room, lengthBytes);
	}

	#end(): void {
		const { host, op, lengthBytes } = this;
		const { disk } = host.exported;
		disk.underWay -= 1;
		if (this.#status !== StorageStatus.ok) this.#endFailed();
		else {
			host.use.did(op, lengthBytes, this.arrivedUs);
			if (!this.answersItself) putSimple(host.queue, this, NbdError.none);
			else if (this.type === Command.read && host.isStructured && !this.#isShort)
				putNone(host.queue, this, ChunkFlag.done);
		}
		host.answered(this);
	}

	/** Its pieces are its answer. */
	get answersItself(): boolean {
		return this.type === Command.read || this.type === Command.blockStatus;
	}

	#endFailed(): void {
		const { op, host } = this;
		host.use.counts.failed();
		const error = countFailure(host.exported.disk, op, this.#status, this.#errno, this.#failedBytes);
		if (error === NbdError.ESHUTDOWN) {
			// (Clients would take that for an error of the disk. Who is cut off asks again, later or elsewhere.)
			host.ending();
			return;
		}
		const where = op === BlockOp.read ? this.#failedBytes : undefined;
		if (host.isStructured && this.answersItself) putError(host.queue, this, ChunkFlag.done, error, where);
		else if (!this.#hasHead) putSimple(host.queue, this, error);
		// (Nothing else says that bytes which were promised do not come.)
		else host.ended("a read failed behind its first bytes, and the client knows no structured replies");
	}

	/** Nobody wants the rest of it any more. */
	cutShort(): void {
		this.isStarving = false;
		this.lengthBytes = this.cursor;
		this.#endIfOver();
	}
}
