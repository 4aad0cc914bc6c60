/**
 * COMPARE AND WRITE (SBC-3, 5.2) and ORWRITE (5.9): writes that what is there decides about. Each is one request with a guard, which nothing
 * of any protocol that overlaps it comes between. Where two hosts serve a unit that is up to the one that has what is stored, which comes to the one that is asked.
 */

import { BlockOp, type BlockRequest, type WriteGuard } from "../block/request.js";
import { nativeMemory } from "../native.js";
import { turn } from "../turn.js";
import type { Memory } from "../wire/memory.js";
import { whenHere } from "./elsewhere.js";
import { gather } from "./gather.js";
import { COMPARE_BYTES_MAX, OR_BYTES_MAX } from "./limits.js";
import { BYTES_PER_STEP, MediumWork } from "./medium-work.js";
import type { Operation } from "./operation.js";
import { ScsiStatus } from "./protocol.js";
import { FORM16, hasFua, isPossible, type RangeForm } from "./range.js";
import { refuse } from "./reply.js";
import { invalidField, miscompare, type Sense } from "./sense.js";
import type { ScsiTask } from "./task.js";

/** One byte of both that differs is looked for in steps of so many. */
const STRIDE = 4096;

/** Where the first byte is that differs; -1: none does. */
export function firstDifference(one: Buffer, other: Buffer): number {
	const length = Math.min(one.length, other.length);
	for (let at = 0; at < length; at += STRIDE) {
		const end = Math.min(length, at + STRIDE);
		if (one.compare(other, at, end, at, end) === 0) continue;
		while (one[at] === other[at]) at += 1;
		return at;
	}
	return -1;
}

export function bufferOf({ bytes }: Memory, offset: number, length: number): Buffer {
	return Buffer.from(bytes.buffer, bytes.byteOffset + offset, length);
}

abstract class GuardedWork extends MediumWork implements WriteGuard {
	readonly op = BlockOp.write;
	readonly awaitedBytes = 0;
	/** What is to be written, and behind it what is there. */
	readonly memory: Memory;
	readonly memoryOffset: number;
	readonly #fua: boolean;
	#hasBegun = false;

	constructor(data: Buffer, fua: boolean) {
		super();
		this.#fua = fua;
		this.memory = nativeMemory(2 * data.length);
		this.memory.bytes.set(data);
		this.memoryOffset = data.length;
	}

	abstract allows(request: BlockRequest): boolean;

	begin(task: ScsiTask, offsetBytes: number): void {
		const { transferBytes } = task;
		this.offsetBytes = offsetBytes;
		this.lengthBytes = this.memoryOffset;
		if (!this.take(task)) return;
		task.transferBytes = transferBytes;
		this.advance(task);
	}

	protected giveBack(): void {}

	dataOut(): boolean {
		return true;
	}

	protected get isDone(): boolean {
		return this.#hasBegun;
	}

	advance(task: ScsiTask): void {
		if (task.isHeld) return;
		this.isBusy = true;
		if (!this.#hasBegun && !task.isAborted) {
			this.#hasBegun = true;
			const piece = this.nextPiece(BlockOp.write, this.lengthBytes, null);
			const { request } = piece;
			request.memory = this.memory;
			request.memoryOffset = 0;
			request.fua = this.#fua;
			request.guard = this;
			this.submit(piece);
		}
		this.isBusy = false;
		this.endIfOver();
	}

	protected pieceDone(): void {}

	/** What is to be written, and what is there. */
	protected sides(): [Buffer, Buffer] {
		const { memory, memoryOffset } = this;
		turn.spend(memoryOffset / BYTES_PER_STEP);
		return [bufferOf(memory, 0, memoryOffset), bufferOf(memory, memoryOffset, memoryOffset)];
	}
}

class CompareWork extends GuardedWork {
	readonly #expected: Buffer;
	#difference = -1;

	/** `data`: what is expected to be there, and what is written then. */
	constructor(data: Buffer, fua: boolean) {
		super(data.subarray(data.length / 2), fua);
		this.#expected = data.subarray(0, data.length / 2);
	}

	allows(): boolean {
		this.#difference = firstDifference(this.#expected, this.sides()[1]);
		return this.#difference < 0;
	}

	protected override verdict(): Sense | null {
		return this.#difference < 0 ? null : miscompare(this.#difference);
	}
}

class OrWork extends GuardedWork {
	allows(): boolean {
		const [data, there] = this.sides().map(wordsOf);
		for (let at = 0; at < data!.length; at++) data![at]! |= there![at]!;
		return true;
	}
}

/** (Blocks are of whole words, and memory begins with one.) */
function wordsOf({ buffer, byteOffset, length }: Buffer): Uint32Array {
	return new Uint32Array(buffer, byteOffset, length / Uint32Array.BYTES_PER_ELEMENT);
}

/** The number of blocks is one byte. */
const COMPARE_FORM: RangeForm = { ...FORM16, blocks: (cdb) => cdb[13]!, blocksAt: 13 };

export const compareAndWrite: Operation = {
	start(task, unit) {
		if (!isPossible(task, unit, COMPARE_FORM, true, COMPARE_BYTES_MAX)) return;
		const { logicalBlockBytes } = unit.disk.device.info;
		const bytes = 2 * COMPARE_FORM.blocks(task.cdb) * logicalBlockBytes;
		const offset = COMPARE_FORM.lba(task.cdb) * logicalBlockBytes;
		if (task.dataOutBytes !== bytes) refuse(task, invalidField(COMPARE_FORM.blocksAt));
		else if (bytes === 0) task.end(ScsiStatus.good);
		else
			gather(task, bytes, (_, data) =>
				whenHere(task, unit, () => new CompareWork(data, hasFua(COMPARE_FORM, task.cdb)).begin(task, offset)),
			);
	},
};

export const orWrite: Operation = {
	start(task, unit) {
		if (!isPossible(task, unit, FORM16, true, OR_BYTES_MAX)) return;
		const { logicalBlockBytes } = unit.disk.device.info;
		const offset = FORM16.lba(task.cdb) * logicalBlockBytes;
		gather(task, FORM16.blocks(task.cdb) * logicalBlockBytes, (_, data) => {
			const whole = data.subarray(0, data.length - (data.length % logicalBlockBytes));
			if (whole.length === 0) task.end(ScsiStatus.good);
			else whenHere(task, unit, () => new OrWork(whole, hasFua(FORM16, task.cdb)).begin(task, offset));
		});
	},
};
