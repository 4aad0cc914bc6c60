/**
 * VERIFY, WRITE AND VERIFY and PRE-FETCH (SBC-3, 5.27 ff., 5.36 ff., 5.7 f.): what is on the medium is read, a few pieces at a time, and compared
 * with what the initiator has sent, or with nothing. What is written before is written whole, and stable, before it is read back.
 */

import type { Piece } from "../block/piece.js";
import { BlockOp } from "../block/request.js";
import { turn } from "../turn.js";
import { capacityOf } from "./capacity.js";
import { gather } from "./gather.js";
import { bufferOf, firstDifference } from "./guarded.js";
import { TRANSFER_BYTES_MAX } from "./limits.js";
import { BYTES_PER_STEP, MediumWork, PIECE_BYTES } from "./medium-work.js";
import type { Operation } from "./operation.js";
import { ScsiStatus } from "./protocol.js";
import { isPossible, type RangeForm } from "./range.js";
import { refuse } from "./reply.js";
import { invalidField, miscompare, type Sense } from "./sense.js";
import type { ScsiTask, TaskUnit } from "./task.js";
import type { LogicalUnit } from "./unit.js";

/** Pieces under way at once. */
const AT_ONCE = 2;

/** What a pass over the medium is for. */
interface Pass {
	/** What is written before. */
	readonly written: Buffer | null;
	/** What is expected there; as much of it as there is, again and again. */
	readonly expected: Buffer | null;
	readonly goodStatus: ScsiStatus;
}

class VerifyWork extends MediumWork {
	readonly awaitedBytes = 0;
	readonly #pass: Pass;
	#isWriting: boolean;
	#difference = Number.POSITIVE_INFINITY;

	constructor(pass: Pass) {
		super();
		this.#pass = pass;
		this.#isWriting = pass.written !== null;
	}

	get op(): BlockOp {
		return this.#pass.written === null ? BlockOp.read : BlockOp.write;
	}

	begin(task: ScsiTask, offsetBytes: number, lengthBytes: number): void {
		const { transferBytes } = task;
		this.offsetBytes = offsetBytes;
		this.lengthBytes = lengthBytes;
		if (!this.take(task)) return;
		task.transferBytes = transferBytes;
		this.advance(task);
	}

	protected giveBack(): void {}

	dataOut(): boolean {
		return true;
	}

	protected get isDone(): boolean {
		return this.isFailed || (this.cursor >= this.lengthBytes && !this.#isWriting);
	}

	advance(task: ScsiTask): void {
		if (this.isBusy || task.isHeld) return;
		this.isStarving = false;
		this.isBusy = true;
		while (this.#mayBegin()) if (!this.#beginPiece(task)) break;
		this.isBusy = false;
		this.endIfOver();
	}

	#mayBegin(): boolean {
		if (this.#isWriting && this.cursor >= this.lengthBytes && this.piecesUnderWay === 0) {
			this.#isWriting = false;
			this.cursor = 0;
		}
		const isOver = this.isFailed || this.task.isAborted || this.cursor >= this.lengthBytes;
		return !isOver && this.piecesUnderWay < AT_ONCE;
	}

	/** False if it has to wait. */
	#beginPiece(task: ScsiTask): boolean {
		const { host } = task;
		const length = Math.min(PIECE_BYTES, this.lengthBytes - this.cursor);
		const room = turn.isSpent ? undefined : host.rooms.take(host, length);
		if (room === undefined) {
			this.isStarving = true;
			host.starves(task);
			return false;
		}
		turn.spend((2 * length) / BYTES_PER_STEP);
		const { written } = this.#pass;
		if (this.#isWriting) room.memory.bytes.set(written!.subarray(this.cursor, this.cursor + length));
		const piece = this.nextPiece(this.#isWriting ? BlockOp.write : BlockOp.read, length, room);
		const { request } = piece;
		request.memory = room.memory;
		request.memoryOffset = 0;
		request.room = room.memory;
		request.roomOffset = 0;
		request.fua = this.#isWriting;
		this.submit(piece);
		return true;
	}

	protected pieceDone({ request, room }: Piece): void {
		const { expected } = this.#pass;
		if (expected === null || this.isFailed || request.op !== BlockOp.read) return;
		const { offsetBytes, lengthBytes } = request;
		const from = offsetBytes - this.offsetBytes;
		const there = bufferOf(room!.memory, 0, lengthBytes);
		for (let at = 0; at < lengthBytes; ) {
			const start = (from + at) % expected.length;
			const part = expected.subarray(start, start + lengthBytes - at);
			const difference = firstDifference(there.subarray(at), part);
			if (difference >= 0) {
				this.#difference = Math.min(this.#difference, from + at + difference);
				return;
			}
			at += part.length;
		}
	}

	protected override endGood(): void {
		this.end(this.#pass.goodStatus);
	}

	protected override verdict(): Sense | null {
		return this.#difference === Number.POSITIVE_INFINITY ? null : miscompare(this.#difference);
	}
}

const { good, conditionMet } = ScsiStatus;

/** What of the data is whole blocks. */
function wholeBlocks(data: Buffer, { disk }: TaskUnit): Buffer {
	const { logicalBlockBytes } = disk.device.info;
	return data.subarray(0, data.length - (data.length % logicalBlockBytes));
}

/** The BYTCHK field: nothing is compared, everything with its own, everything with one block. */
const Compare = { nothing: 0, each: 1, one: 3 } as const;

function compareOf(cdb: Uint8Array): number {
	return (cdb[1]! >> 1) & 3;
}

export class Verify implements Operation {
	constructor(readonly form: RangeForm) {}

	start(task: ScsiTask, unit: LogicalUnit): void {
		const { form } = this;
		const { cdb } = task;
		const { logicalBlockBytes } = unit.disk.device.info;
		if (!isPossible(task, unit, form, false)) return;
		const offset = form.lba(cdb) * logicalBlockBytes;
		const length = form.blocks(cdb) * logicalBlockBytes;
		const compare = compareOf(cdb);
		if (length === 0) task.end(good);
		else if (compare === Compare.nothing)
			new VerifyWork({ written: null, expected: null, goodStatus: good }).begin(task, offset, length);
		else if (compare === Compare.each || compare === Compare.one)
			gather(task, compare === Compare.one ? logicalBlockBytes : length, (_, data) => {
				const expected = wholeBlocks(data, unit);
				const comparedBytes = compare === Compare.one ? length : expected.length;
				if (expected.length === 0) task.end(good);
				else new VerifyWork({ written: null, expected, goodStatus: good }).begin(task, offset, comparedBytes);
			});
		else refuse(task, invalidField(1, 2));
	}
}

export class WriteAndVerify implements Operation {
	constructor(readonly form: RangeForm) {}

	start(task: ScsiTask, unit: LogicalUnit): void {
		const { form } = this;
		const { cdb } = task;
		const { logicalBlockBytes } = unit.disk.device.info;
		if (!isPossible(task, unit, form, true)) return;
		const compare = compareOf(cdb);
		if (compare !== Compare.nothing && compare !== Compare.each) {
			refuse(task, invalidField(1, 2));
			return;
		}
		const offset = form.lba(cdb) * logicalBlockBytes;
		gather(task, form.blocks(cdb) * logicalBlockBytes, (_, data) => {
			const written = wholeBlocks(data, unit);
			const expected = compare === Compare.each ? written : null;
			if (written.length === 0) task.end(good);
			else new VerifyWork({ written, expected, goodStatus: good }).begin(task, offset, written.length);
		});
	}
}

const IMMED = 0x02;

/** What is asked for early is read, and is in memory then, if there is memory: a range that is not too long. */
export class PreFetch implements Operation {
	constructor(readonly form: RangeForm) {}

	start(task: ScsiTask, unit: LogicalUnit): void {
		const { form } = this;
		const { cdb } = task;
		const { logicalBlockBytes } = unit.disk.device.info;
		if (!isPossible(task, unit, form, false, Number.POSITIVE_INFINITY)) return;
		const blocks = form.blocks(cdb) || capacityOf(unit) - form.lba(cdb);
		const length = blocks * logicalBlockBytes;
		if (length > TRANSFER_BYTES_MAX || length === 0 || (cdb[1]! & IMMED) > 0) task.end(good);
		else
			new VerifyWork({ written: null, expected: null, goodStatus: conditionMet }).begin(
				task,
				form.lba(cdb) * logicalBlockBytes,
				length,
			);
	}
}
