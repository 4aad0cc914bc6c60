/**
 * WRITE SAME (SBC-3, 5.34 and 5.35): one block, again and again. Zeros are a request of their own, which costs no writing where the storage
 * can do without; anything else is written from a room that is filled with it.
 */

import { BlockOp } from "../block/request.js";
import { native } from "../native.js";
import type { Room } from "../stream/rooms.js";
import { turn } from "../turn.js";
import { capacityOf } from "./capacity.js";
import { gather } from "./gather.js";
import { WRITE_SAME_BYTES_MAX } from "./limits.js";
import { BYTES_PER_STEP, MediumWork, PIECE_BYTES } from "./medium-work.js";
import type { Operation } from "./operation.js";
import { Asc, ScsiStatus } from "./protocol.js";
import { isPossible, type RangeForm, WRITE_PROTECTED } from "./range.js";
import { RangeWork } from "./range-work.js";
import { refuse } from "./reply.js";
import { illegal, invalidField } from "./sense.js";
import type { ScsiTask, TaskUnit } from "./task.js";
import type { LogicalUnit } from "./unit.js";

const Flag = { noData: 0x01, lbaData: 0x02, pbData: 0x04, unmap: 0x08, anchor: 0x10 } as const;
/** Pieces under way at once. */
const AT_ONCE = 2;

class PatternWork extends MediumWork {
	readonly op = BlockOp.write;
	readonly awaitedBytes = 0;
	readonly #block: Buffer;
	/** Filled with it. */
	#room: Room | null = null;

	constructor(block: Buffer) {
		super();
		this.#block = block;
	}

	begin(task: ScsiTask, offsetBytes: number, lengthBytes: number): void {
		const { transferBytes } = task;
		this.offsetBytes = offsetBytes;
		this.lengthBytes = lengthBytes;
		if (!this.take(task)) return;
		task.transferBytes = transferBytes;
		this.advance(task);
	}

	protected giveBack(): void {
		if (this.#room !== null) this.task.host.rooms.give(this.#room);
		this.#room = null;
	}

	dataOut(): boolean {
		return true;
	}

	protected get isDone(): boolean {
		return this.isFailed || this.cursor >= this.lengthBytes;
	}

	advance(task: ScsiTask): void {
		if (this.isBusy || task.isHeld) return;
		this.isStarving = false;
		this.isBusy = true;
		while (!this.isDone && !task.isAborted && this.piecesUnderWay < AT_ONCE)
			if (!this.#beginPiece(task)) break;
		this.isBusy = false;
		this.endIfOver();
	}

	/** False if it has to wait. */
	#beginPiece(task: ScsiTask): boolean {
		const { host } = task;
		const length = Math.min(PIECE_BYTES, this.lengthBytes - this.cursor);
		if (turn.isSpent || !this.#fill(length)) {
			this.isStarving = true;
			host.starves(task);
			return false;
		}
		turn.spend(length / BYTES_PER_STEP);
		const piece = this.nextPiece(BlockOp.write, length, null);
		const { request } = piece;
		request.memory = this.#room!.memory;
		request.memoryOffset = 0;
		this.submit(piece);
		return true;
	}

	/** False if there is no room. */
	#fill(bytes: number): boolean {
		if (this.#room !== null) return true;
		const { host } = this.task;
		this.#room = host.rooms.take(host, bytes) ?? null;
		if (this.#room === null) return false;
		const filled = this.#room.memory.bytes;
		filled.set(this.#block);
		for (let count = this.#block.length; count < bytes; count *= 2) filled.copyWithin(count, 0, count);
		return true;
	}

	protected pieceDone(): void {}
}

export class WriteSame implements Operation {
	constructor(
		readonly form: RangeForm,
		/** It may come without data. */
		readonly mayLackData: boolean,
	) {}

	start(task: ScsiTask, unit: LogicalUnit): void {
		const { form } = this;
		const flags = task.cdb[1]!;
		const { canTrim, logicalBlockBytes, readOnly } = unit.disk.device.info;
		const hasNoData = (flags & Flag.noData) > 0;
		if (readOnly) refuse(task, WRITE_PROTECTED);
		else if ((flags & Flag.anchor) > 0) refuse(task, invalidField(1, 4));
		else if ((flags & Flag.unmap) > 0 && !canTrim) refuse(task, invalidField(1, 3));
		else if ((flags & (Flag.lbaData | Flag.pbData)) > 0) refuse(task, invalidField(1, 2));
		else if (hasNoData && !this.mayLackData) refuse(task, invalidField(1, 0));
		// (Of one that does not send one block we can't say what it means.)
		else if (!hasNoData && task.dataOutBytes !== logicalBlockBytes) refuse(task, illegal(Asc.listLength));
		else if (isPossible(task, unit, form, true, WRITE_SAME_BYTES_MAX)) {
			if (this.#blocks(task, unit) * logicalBlockBytes > WRITE_SAME_BYTES_MAX)
				refuse(task, invalidField(form.blocksAt));
			else gather(task, hasNoData ? 0 : logicalBlockBytes, this.#begin);
		}
	}

	/** None: all that there are from there on. */
	#blocks({ cdb }: ScsiTask, unit: TaskUnit): number {
		return this.form.blocks(cdb) || capacityOf(unit) - this.form.lba(cdb);
	}

	readonly #begin = (task: ScsiTask, block: Buffer): void => {
		const { cdb } = task;
		const unit = task.unit!;
		const { logicalBlockBytes } = unit.disk.device.info;
		const flags = cdb[1]!;
		const offset = this.form.lba(cdb) * logicalBlockBytes;
		const length = this.#blocks(task, unit) * logicalBlockBytes;
		if (length === 0) task.end(ScsiStatus.good);
		else if (block.length === 0 || native.isZero(block, 0, block.length))
			RangeWork.take().writeZeroes(task, offset, length, (flags & Flag.unmap) > 0);
		else new PatternWork(block).begin(task, offset, length);
	};
}
