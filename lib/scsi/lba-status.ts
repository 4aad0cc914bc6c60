/** GET LBA STATUS (SBC-3, 5.4): which blocks are mapped, and which read as zeros since nothing is there; and READ DEFECT DATA (5.14): none that is known. */

import { ExtentFlag } from "../block/extents.js";
import type { Piece } from "../block/piece.js";
import { BlockOp } from "../block/request.js";
import { capacityOf } from "./capacity.js";
import { uint16, uint32, uint64 } from "./cdb.js";
import { MediumWork } from "./medium-work.js";
import type { Operation } from "./operation.js";
import { outOfRange } from "./range.js";
import { refuse, succeedWith } from "./reply.js";
import type { ScsiTask } from "./task.js";

const HEADER_BYTES = 8;
const ENTRY_BYTES = 16;
const ENTRIES_MAX = 1024;
const BLOCKS_MAX = 0xffff_ffff;
const Mapping = { mapped: 0, deallocated: 1 } as const;

/** Blocks of one kind, from `lba` on. */
interface Run {
	lba: number;
	blocks: number;
	isMapped: boolean;
}

/** In whole blocks: one is mapped if any of it is. */
function runsOf(extents: Float64Array, count: number, lba: number, blockBytes: number): Run[] {
	const runs: Run[] = [];
	let atBytes = 0;
	let at = 0;
	for (let index = 0; index < count; index++) {
		atBytes += extents[2 * index]!;
		const isMapped = (extents[2 * index + 1]! & ExtentFlag.zero) === 0;
		const end = isMapped ? Math.ceil(atBytes / blockBytes) : Math.floor(atBytes / blockBytes);
		// (A part of a block that nothing is known of is none.)
		let blocks = end - at;
		while (blocks > 0 && runs.length < ENTRIES_MAX) {
			const some = Math.min(blocks, BLOCKS_MAX);
			runs.push({ lba: lba + at, blocks: some, isMapped });
			at += some;
			blocks -= some;
		}
	}
	return runs;
}

class StatusWork extends MediumWork {
	readonly op = BlockOp.extents;
	readonly awaitedBytes = 0;
	readonly #extents = new Float64Array(2 * ENTRIES_MAX);
	#runs: Run[] | null = null;
	#hasBegun = false;

	begin(task: ScsiTask, offsetBytes: number, lengthBytes: number): void {
		if (this.take(task, offsetBytes, lengthBytes)) this.advance(task);
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
			const piece = this.nextPiece(BlockOp.extents, this.lengthBytes, null);
			piece.request.extents = this.#extents;
			this.submit(piece);
		}
		this.isBusy = false;
		this.endIfOver();
	}

	protected pieceDone({ request }: Piece): void {
		if (this.isFailed) return;
		const { logicalBlockBytes } = this.task.unit!.disk.device.info;
		const lba = this.offsetBytes / logicalBlockBytes;
		this.#runs = runsOf(this.#extents, request.extentCount, lba, logicalBlockBytes);
	}

	protected override endGood(): void {
		const { task } = this;
		succeedWith(task, listOf(this.#runs ?? []), uint32(task.cdb, 10));
	}
}

function listOf(runs: readonly Run[]): Buffer {
	const list = Buffer.alloc(HEADER_BYTES + ENTRY_BYTES * runs.length);
	list.writeUInt32BE(list.length - 4, 0);
	for (const [index, { lba, blocks, isMapped }] of runs.entries()) {
		const at = HEADER_BYTES + ENTRY_BYTES * index;
		list.writeBigUInt64BE(BigInt(lba), at);
		list.writeUInt32BE(blocks, at + 8);
		list[at + 12] = isMapped ? Mapping.mapped : Mapping.deallocated;
	}
	return list;
}

export const getLbaStatus: Operation = {
	start(task, unit) {
		const lba = uint64(task.cdb, 2);
		const capacity = capacityOf(unit);
		const { logicalBlockBytes } = unit.disk.device.info;
		if (lba >= capacity) refuse(task, outOfRange(lba));
		else new StatusWork().begin(task, lba * logicalBlockBytes, (capacity - lba) * logicalBlockBytes);
	},
};

/** The list is empty, in the format that is asked for; the header says that it is of the one or the other list, as asked. */
export class ReadDefectData implements Operation {
	constructor(
		/** The byte of the CDB that says which list, and in which format. */
		readonly askedAt: number,
		readonly headerBytes: number,
	) {}

	start(task: ScsiTask): void {
		const { cdb } = task;
		const header = Buffer.alloc(this.headerBytes);
		header[1] = cdb[this.askedAt]! & 0x1f;
		const allocationBytes = this.askedAt === 2 ? uint16(cdb, 7) : uint32(cdb, 6);
		succeedWith(task, header, allocationBytes);
	}
}
