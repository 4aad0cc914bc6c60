/**
 * WRITE in all its forms (SBC-3, 5.26 to 5.32): each part of the data is a piece, which begins when it has come. When the last has come and
 * all are over, so is the task; if one has failed the rest of the data is let pass.
 */

import type { Piece } from "../block/piece.js";
import { BlockOp } from "../block/request.js";
import type { Room } from "../stream/rooms.js";
import { turn } from "../turn.js";
import type { Memory } from "../wire/memory.js";
import { BYTES_PER_STEP, MediumWork } from "./medium-work.js";
import type { Operation } from "./operation.js";
import { hasFua, isPossible, type RangeForm } from "./range.js";
import type { ScsiTask } from "./task.js";
import type { LogicalUnit } from "./unit.js";

/** That wait to be used again. */
const idle: WriteWork[] = [];

class WriteWork extends MediumWork {
	readonly op = BlockOp.write;
	#fua = false;
	/** Bytes of the range that the initiator has data for. */
	#wantedBytes = 0;
	/** What has come while the task is held back. */
	readonly #kept: Piece[] = [];

	/** The range has been set. */
	begin(task: ScsiTask, fua: boolean): void {
		const { logicalBlockBytes } = task.unit!.disk.device.info;
		const given = task.dataOutBytes - (task.dataOutBytes % logicalBlockBytes);
		this.#wantedBytes = Math.min(this.lengthBytes, given);
		this.#fua = fua;
		if (this.take(task, this.#wantedBytes)) this.endIfOver();
	}

	protected giveBack(): void {
		idle.push(this);
	}

	get awaitedBytes(): number {
		return this.#wantedBytes - this.cursor;
	}

	protected get isDone(): boolean {
		return this.cursor >= this.#wantedBytes && this.#kept.length === 0;
	}

	dataOut(task: ScsiTask, room: Room, memory: Memory, offset: number, length: number): boolean {
		if (task.isAborted) return true;
		if (this.isFailed) {
			this.cursor += length;
			this.endIfOver();
			return true;
		}
		turn.spend(length / BYTES_PER_STEP);
		const piece = this.nextPiece(BlockOp.write, length, room);
		const { request } = piece;
		request.fua = this.#fua;
		request.memory = memory;
		request.memoryOffset = offset;
		request.isLent = memory !== room.memory;
		request.room = room.memory;
		request.roomOffset = 0;
		if (task.isHeld) {
			request.park();
			this.#kept.push(piece);
		} else this.submit(piece);
		return false;
	}

	protected pieceDone(): void {}

	advance(task: ScsiTask): void {
		if (task.isHeld) return;
		if (this.#kept.length > 0) this.#submitKept();
		this.endIfOver();
	}

	#submitKept(): void {
		this.isBusy = true;
		for (const piece of this.#kept.splice(0)) this.submit(piece);
		this.isBusy = false;
	}

	override abort(task: ScsiTask): void {
		for (const piece of this.#kept.splice(0)) this.drop(piece);
		super.abort(task);
	}
}

export class Write implements Operation {
	constructor(readonly form: RangeForm) {}

	start(task: ScsiTask, unit: LogicalUnit): void {
		const { form } = this;
		const { cdb } = task;
		if (!isPossible(task, unit, form, true)) return;
		const { logicalBlockBytes } = unit.disk.device.info;
		const work = idle.pop() ?? new WriteWork();
		work.offsetBytes = form.lba(cdb) * logicalBlockBytes;
		work.lengthBytes = form.blocks(cdb) * logicalBlockBytes;
		work.begin(task, hasFua(form, cdb));
	}
}
