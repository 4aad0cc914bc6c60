/**
 * What the works of tasks that touch the medium have in common (`read.ts`, `write.ts` and others): a range of the disk that is gone through
 * in pieces, each a request of the disk, several at a time. Pieces that are under way are kept, to take back those that have not begun when
 * the task is aborted; the first that fails decides how the task ends. Works are pooled, with all that they have.
 */

import { type Piece, type PieceOwner, PiecePool } from "../block/piece.js";
import type { BlockOp } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import { ROOM_BYTES_MAX, type Room } from "../stream/rooms.js";
import type { Memory } from "../wire/memory.js";
import { failureOf } from "./outcome.js";
import { ScsiStatus } from "./protocol.js";
import type { Sense } from "./sense.js";
import type { ScsiTask, TaskWork } from "./task.js";

/** Bytes of a piece at most. */
export const PIECE_BYTES = ROOM_BYTES_MAX;
/** What moving bytes costs of a turn. */
export const BYTES_PER_STEP = 64;

/** This thread's. */
const pieces = new PiecePool();

export abstract class MediumWork implements TaskWork, PieceOwner {
	task!: ScsiTask;
	/** The range, and how far in it pieces have begun. */
	offsetBytes = 0;
	lengthBytes = 0;
	cursor = 0;
	/** Pieces are being begun: one that is over meanwhile leaves the next to whoever does so. */
	protected isBusy = false;
	/** The host has the task in line. */
	protected isStarving = false;
	protected status: StorageStatus = StorageStatus.ok;
	#failedOp: BlockOp = 0;
	#errno = 0;
	#failedBytes = 0;
	readonly #underWay: Piece[] = [];

	/** As what it is counted, and asked of the disk. */
	abstract readonly op: BlockOp;

	/**
	 * The task is this work's until it ends. False if it has ended: too many are held back before it. `keptBytes`: of data that it keeps while it is
	 * held back itself. The range is set before: handed over, numbers of more than 31 bits would be put on the heap.
	 */
	protected take(task: ScsiTask, keptBytes = 0): boolean {
		this.task = task;
		this.cursor = 0;
		this.isStarving = false;
		this.status = StorageStatus.ok;
		task.work = this;
		task.transferBytes = this.lengthBytes;
		if (task.set!.mayGo(task, keptBytes) || task.isHeld) return true;
		this.giveBack();
		task.end(ScsiStatus.taskSetFull);
		return false;
	}

	/** To the pool that it is of. */
	protected abstract giveBack(): void;

	abstract get awaitedBytes(): number;
	abstract dataOut(task: ScsiTask, room: Room, memory: Memory, offset: number, length: number): boolean;
	abstract advance(task: ScsiTask): void;
	/** Nothing is left to begin or to come; what is under way is not asked for. */
	protected abstract readonly isDone: boolean;
	/** One that has not failed is over. Its room is given back unless it is taken from it. */
	protected abstract pieceDone(piece: Piece): void;

	protected get isFailed(): boolean {
		return this.status !== StorageStatus.ok;
	}

	protected get piecesUnderWay(): number {
		return this.#underWay.length;
	}

	/** A piece, of this work from now on, for the next `length` bytes. To be submitted, or dropped. */
	protected nextPiece(op: BlockOp, length: number, room: Room | null): Piece {
		const piece = pieces.take(this);
		piece.room = room;
		const { request } = piece;
		request.op = op;
		request.offsetBytes = this.offsetBytes + this.cursor;
		request.lengthBytes = length;
		this.cursor += length;
		return piece;
	}

	protected submit(piece: Piece): void {
		piece.index = this.#underWay.length;
		this.#underWay.push(piece);
		this.task.unit!.disk.device.entry.submit(piece.request.begin());
	}

	/** It was never submitted. */
	protected drop(piece: Piece): void {
		if (piece.room !== null) this.task.host.rooms.give(piece.room);
		piece.room = null;
		piece.command = null;
		pieces.give(piece);
	}

	pieceFinished(piece: Piece): void {
		const last = this.#underWay.pop()!;
		if (last !== piece) {
			this.#underWay[piece.index] = last;
			last.index = piece.index;
		}
		const { status, errno, failedOffsetBytes, op } = piece.request;
		if (status !== StorageStatus.ok) this.fail(op, status, errno, failedOffsetBytes);
		this.pieceDone(piece);
		if (piece.room !== null) this.task.host.rooms.give(piece.room);
		if (!this.isBusy) this.advance(this.task);
	}

	/** The first byte that has failed counts. */
	protected fail(op: BlockOp, status: StorageStatus, errno: number, failedBytes: number): void {
		if (this.isFailed && failedBytes >= this.#failedBytes) return;
		this.status = status;
		this.#failedOp = op;
		this.#errno = errno;
		this.#failedBytes = failedBytes;
	}

	abort(_task: ScsiTask): void {
		const { isBusy } = this;
		this.isStarving = false;
		this.isBusy = true;
		const { device } = this.task.unit!.disk;
		for (const { request } of [...this.#underWay]) device.cancel(request);
		this.isBusy = isBusy;
		this.endIfOver();
	}

	protected endIfOver(): void {
		if (this.isBusy || this.isStarving || this.#underWay.length > 0) return;
		const { task } = this;
		if (task.isAborted) this.end(ScsiStatus.taskAborted);
		else if (this.isDone) this.#endDone();
	}

	#endDone(): void {
		const { task, op, lengthBytes } = this;
		if (!this.isFailed) {
			const sense = this.verdict();
			if (sense === null) task.host.did(task, op, lengthBytes);
			if (sense === null) this.endGood();
			else this.end(ScsiStatus.checkCondition, sense);
			return;
		}
		const { disk } = task.unit!;
		const sense = failureOf(disk, this.#failedOp, this.status, this.#errno, this.#failedBytes);
		this.end(ScsiStatus.checkCondition, sense);
	}

	/** What there is against it, though nothing has failed. */
	protected verdict(): Sense | null {
		return null;
	}

	/** Nothing is against it. */
	protected endGood(): void {
		this.end(ScsiStatus.good);
	}

	protected end(status: ScsiStatus, sense: Sense | null = null): void {
		const { task } = this;
		this.giveBack();
		task.end(status, sense);
	}
}
