/**
 * WRITE ATOMIC (16) (SBC-4, 5.48): all of it is there or nothing, whenever the power goes. One request, where the storage promises that for it
 * (`DeviceInfo.atomicBytes`); the initiator is told in the page of block limits what that takes.
 */

import { BlockOp } from "../block/request.js";
import { nativeMemory } from "../native.js";
import { turn } from "../turn.js";
import { uint16 } from "./cdb.js";
import { gather } from "./gather.js";
import { BYTES_PER_STEP, MediumWork } from "./medium-work.js";
import type { Operation } from "./operation.js";
import { Asc, ScsiStatus } from "./protocol.js";
import { FORM16, hasFua, isPossible, type RangeForm } from "./range.js";
import { refuse } from "./reply.js";
import { illegal, invalidField } from "./sense.js";
import type { ScsiTask } from "./task.js";

class AtomicWork extends MediumWork {
	readonly op = BlockOp.write;
	readonly awaitedBytes = 0;
	readonly #data: Buffer;
	readonly #fua: boolean;
	#hasBegun = false;

	constructor(data: Buffer, fua: boolean) {
		super();
		this.#data = data;
		this.#fua = fua;
	}

	begin(task: ScsiTask, offsetBytes: number): void {
		this.offsetBytes = offsetBytes;
		this.lengthBytes = this.#data.length;
		if (this.take(task)) this.advance(task);
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
			const memory = nativeMemory(this.#data.length);
			memory.bytes.set(this.#data);
			turn.spend(this.#data.length / BYTES_PER_STEP);
			const piece = this.nextPiece(BlockOp.write, this.lengthBytes, null);
			const { request } = piece;
			request.memory = memory;
			request.memoryOffset = 0;
			request.fua = this.#fua;
			this.submit(piece);
		}
		this.isBusy = false;
		this.endIfOver();
	}

	protected pieceDone(): void {}
}

const BOUNDARY_AT = 10;
const FORM: RangeForm = { ...FORM16, blocks: (cdb) => uint16(cdb, 12), blocksAt: 12 };

export const writeAtomic16: Operation = {
	start(task, unit) {
		const { cdb } = task;
		const { atomicBytes, atomicUnitBytes, logicalBlockBytes } = unit.disk.device.info;
		if (atomicBytes === 0) {
			refuse(task, illegal(Asc.opcode));
			return;
		}
		if (!isPossible(task, unit, FORM, true, atomicBytes)) return;
		const offset = FORM.lba(cdb) * logicalBlockBytes;
		const length = FORM.blocks(cdb) * logicalBlockBytes;
		if (uint16(cdb, BOUNDARY_AT) > 0) refuse(task, invalidField(BOUNDARY_AT));
		else if (offset % atomicUnitBytes > 0) refuse(task, invalidField(2));
		else if (length % atomicUnitBytes > 0 || task.dataOutBytes < length)
			refuse(task, invalidField(FORM.blocksAt));
		else if (length === 0) task.end(ScsiStatus.good);
		else gather(task, length, (_, data) => new AtomicWork(data, hasFua(FORM, cdb)).begin(task, offset));
	},
};
