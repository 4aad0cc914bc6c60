/**
 * A task for which something is asked of the disk that needs no data: a flush, a trim, zeros. One piece after the other; the last operations
 * are whole, whatever they cost, since the storage has a request for them. Begun by `flush.ts`, `unmap.ts` and `write-same.ts`.
 */

import { BlockOp } from "../block/request.js";
import { MediumWork } from "./medium-work.js";
import type { ScsiTask } from "./task.js";

/** Of a range that is zeroed. */
const ZEROES_BYTES = 2 ** 30;

/** That wait to be used again. */
const idle: RangeWork[] = [];

export class RangeWork extends MediumWork {
	op: BlockOp = BlockOp.flush;
	readonly awaitedBytes = 0;
	#hasBegun = false;
	#ranges: Float64Array | null = null;
	#mayUnmap = false;

	static take(): RangeWork {
		return idle.pop() ?? new RangeWork();
	}

	/** Everything that was written is made stable. */
	flush(task: ScsiTask): void {
		this.#begin(task, BlockOp.flush, 0, 0);
	}

	/** Pairs of offset and length, as of a request; at least one. */
	trim(task: ScsiTask, ranges: Float64Array): void {
		const first = ranges[0]!;
		this.#ranges = ranges.length > 2 ? ranges : null;
		this.#begin(task, BlockOp.trim, first, ranges.at(-2)! + ranges.at(-1)! - first);
	}

	writeZeroes(task: ScsiTask, offsetBytes: number, lengthBytes: number, mayUnmap: boolean): void {
		this.#mayUnmap = mayUnmap;
		this.#begin(task, BlockOp.writeZeroes, offsetBytes, lengthBytes);
	}

	#begin(task: ScsiTask, op: BlockOp, offsetBytes: number, lengthBytes: number): void {
		const { transferBytes } = task;
		this.op = op;
		this.#hasBegun = false;
		this.offsetBytes = offsetBytes;
		this.lengthBytes = lengthBytes;
		if (!this.take(task)) return;
		// (What is done is more than what is moved.)
		task.transferBytes = transferBytes;
		this.advance(task);
	}

	protected giveBack(): void {
		this.#ranges = null;
		this.#mayUnmap = false;
		idle.push(this);
	}

	dataOut(): boolean {
		return true;
	}

	protected get isDone(): boolean {
		return this.isFailed || (this.#hasBegun && this.cursor >= this.lengthBytes);
	}

	advance(task: ScsiTask): void {
		if (this.isBusy || task.isHeld) return;
		this.isBusy = true;
		while (!this.isDone && !task.isAborted && this.piecesUnderWay === 0) {
			this.#hasBegun = true;
			const left = this.lengthBytes - this.cursor;
			const length = this.op === BlockOp.writeZeroes ? Math.min(ZEROES_BYTES, left) : left;
			const piece = this.nextPiece(this.op, length, null);
			piece.request.ranges = this.#ranges;
			piece.request.mayUnmap = this.#mayUnmap;
			this.submit(piece);
		}
		this.isBusy = false;
		this.endIfOver();
	}

	protected pieceDone(): void {}
}
