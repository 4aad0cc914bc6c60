/**
 * READ in all its forms (SBC-3, 5.10 to 5.14): pieces of a room each, a few at a time; what has been read goes to the initiator in order,
 * however the storage answers. While the host says that too much waits to be sent, or there is no room, nothing more is read. With FUA what is told is
 * on stable storage (SBC-3, 5.11): where there is a cache that may lose it, a piece that was read is flushed before it is sent, so that nobody is
 * told what another one has written just now and the next loss of power takes back.
 */

import type { Piece } from "../block/piece.js";
import { BlockOp } from "../block/request.js";
import type { Room } from "../stream/rooms.js";
import { turn } from "../turn.js";
import { BYTES_PER_STEP, MediumWork, PIECE_BYTES } from "./medium-work.js";
import type { Operation } from "./operation.js";
import { hasFua, isPossible, type RangeForm } from "./range.js";
import type { ScsiTask } from "./task.js";
import type { LogicalUnit } from "./unit.js";

/** Pieces of one task under way at once. */
const AT_ONCE = 4;

/** That wait to be used again. */
const idle: ReadWork[] = [];

class ReadWork extends MediumWork {
	readonly op = BlockOp.read;
	readonly awaitedBytes = 0;
	/** Bytes of the range that the initiator takes. */
	#wantedBytes = 0;
	#fua = false;
	/** What is read, by its number modulo `AT_ONCE`: the room when it has been, null while it has not. */
	readonly #rooms: (Room | null)[] = new Array(AT_ONCE).fill(null);
	/** Numbers of the next piece to begin, and of the next one to be sent. */
	#begun = 0;
	#sent = 0;
	#sentBytes = 0;

	/** The range has been set. */
	begin(task: ScsiTask, fua: boolean): void {
		this.#fua = fua;
		this.#wantedBytes = Math.min(this.lengthBytes, task.dataInBytes);
		this.#begun = 0;
		this.#sent = 0;
		this.#sentBytes = 0;
		if (this.take(task)) this.advance(task);
	}

	protected giveBack(): void {
		idle.push(this);
	}

	dataOut(): boolean {
		return true;
	}

	protected get isDone(): boolean {
		return this.isFailed || this.cursor >= this.#wantedBytes;
	}

	advance(task: ScsiTask): void {
		if (this.isBusy || task.isHeld) return;
		this.isStarving = false;
		this.isBusy = true;
		while (!this.isDone && !task.isAborted && this.#begun - this.#sent < AT_ONCE)
			if (!this.#beginPiece(task)) break;
		this.isBusy = false;
		this.endIfOver();
	}

	/** False if it has to wait. */
	#beginPiece(task: ScsiTask): boolean {
		const { host } = task;
		const length = Math.min(PIECE_BYTES, this.lengthBytes - this.cursor);
		const mayRead = host.mayRead && !turn.isSpent;
		const room = mayRead ? host.rooms.take(host, length) : undefined;
		if (room === undefined) {
			this.isStarving = true;
			host.starves(task);
			return false;
		}
		turn.spend(length / BYTES_PER_STEP);
		const piece = this.nextPiece(BlockOp.read, length, room);
		const { request } = piece;
		request.memory = room.memory;
		request.memoryOffset = 0;
		request.room = room.memory;
		request.roomOffset = 0;
		this.#rooms[this.#begun % AT_ONCE] = null;
		this.#begun += 1;
		this.submit(piece);
		return true;
	}

	protected pieceDone(piece: Piece): void {
		const { task } = this;
		if (!this.isFailed && !task.isAborted) {
			if (this.#mustFlush(piece)) {
				this.#flush(piece);
				return;
			}
			const number = (piece.request.offsetBytes - this.offsetBytes) / PIECE_BYTES;
			this.#rooms[number % AT_ONCE] = piece.room;
			piece.room = null;
			this.#send();
		} else this.#drop();
	}

	/** (What is stable as soon as it is answered has no cache.) */
	#mustFlush({ request }: Piece): boolean {
		return this.#fua && request.op === BlockOp.read && this.task.unit!.disk.device.info.writeCache;
	}

	/** What was read is kept until it is stable: in the piece of the flush. */
	#flush(read: Piece): void {
		const flush = this.nextPiece(BlockOp.flush, 0, read.room);
		flush.request.offsetBytes = read.request.offsetBytes;
		read.room = null;
		// (It may be over at once: whoever has called goes on then.)
		const { isBusy } = this;
		this.isBusy = true;
		this.submit(flush);
		this.isBusy = isBusy;
	}

	/** Those that are next, and have been read. */
	#send(): void {
		const { host } = this.task;
		while (this.#sent < this.#begun) {
			const room = this.#rooms[this.#sent % AT_ONCE]!;
			if (room === null) return;
			const length = Math.min(PIECE_BYTES, this.#wantedBytes - this.#sentBytes);
			this.#rooms[this.#sent % AT_ONCE] = null;
			this.#sent += 1;
			this.#sentBytes += length;
			host.dataIn(this.task, room, 0, length);
		}
	}

	/** Nobody wants what has been read. */
	#drop(): void {
		const { rooms } = this.task.host;
		for (let index = 0; index < AT_ONCE; index++) {
			const room = this.#rooms[index]!;
			if (room !== null) rooms.give(room);
			this.#rooms[index] = null;
		}
	}

	override abort(task: ScsiTask): void {
		this.#drop();
		super.abort(task);
	}
}

export class Read implements Operation {
	constructor(readonly form: RangeForm) {}

	start(task: ScsiTask, unit: LogicalUnit): void {
		const { form } = this;
		if (!isPossible(task, unit, form, false)) return;
		const { logicalBlockBytes } = unit.disk.device.info;
		const work = idle.pop() ?? new ReadWork();
		work.offsetBytes = form.lba(task.cdb) * logicalBlockBytes;
		work.lengthBytes = form.blocks(task.cdb) * logicalBlockBytes;
		work.begin(task, hasFua(form, task.cdb));
	}
}
