/** GET LBA STATUS (SBC-3, 5.4): which blocks are mapped, and which read as zeros since nothing is there; and READ DEFECT DATA (5.14): none that is known. */

import { ExtentFlag } from "../block/extents.js";
import type { Piece } from "../block/piece.js";
import { BlockOp } from "../block/request.js";
import { turn } from "../turn.js";
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
/** Questions to the storage for one command, and what one costs of a turn. */
const ASKED_MAX = 256;
const STEPS = 4096;
const BLOCKS_MAX = 0xffff_ffff;
const Mapping = { mapped: 0, deallocated: 1 } as const;

/** Blocks of one kind, from `lba` on. */
interface Run {
	lba: number;
	blocks: number;
	isMapped: boolean;
}

/** Adds what the extents say of blocks from `lba` on, in whole blocks: one is mapped if any of it is. Returns how many blocks that are. */
function addRuns(runs: Run[], extents: Float64Array, count: number, lba: number, blockBytes: number): number {
	let atBytes = 0;
	let at = 0;
	for (let index = 0; index < count; index++) {
		atBytes += extents[2 * index]!;
		const isMapped = (extents[2 * index + 1]! & ExtentFlag.zero) === 0;
		const end = isMapped ? Math.ceil(atBytes / blockBytes) : Math.floor(atBytes / blockBytes);
		if (end > at) addRun(runs, lba + at, end - at, isMapped);
		at = Math.max(at, end);
	}
	return at;
}

/** One entry tells of no more than so many blocks. */
function addRun(runs: Run[], lba: number, blocks: number, isMapped: boolean): void {
	const last = runs.at(-1);
	const more = last?.isMapped === isMapped ? Math.min(blocks, BLOCKS_MAX - last.blocks) : 0;
	if (last !== undefined) last.blocks += more;
	for (let at = more; at < blocks; at += BLOCKS_MAX)
		runs.push({ lba: lba + at, blocks: Math.min(blocks - at, BLOCKS_MAX), isMapped });
}

class StatusWork extends MediumWork {
	readonly op = BlockOp.extents;
	readonly awaitedBytes = 0;
	readonly #extents = new Float64Array(2 * ENTRIES_MAX);
	readonly #runs: Run[] = [];
	#asked = 0;
	/** That the initiator has space for. */
	#wanted = 0;
	#isOver = false;

	begin(task: ScsiTask, offsetBytes: number, lengthBytes: number): void {
		this.#wanted = Math.min(ENTRIES_MAX, Math.ceil((uint32(task.cdb, 10) - HEADER_BYTES) / ENTRY_BYTES));
		this.offsetBytes = offsetBytes;
		this.lengthBytes = lengthBytes;
		if (this.take(task)) this.advance(task);
	}

	protected giveBack(): void {}

	dataOut(): boolean {
		return true;
	}

	protected get isDone(): boolean {
		return this.#isOver || this.isFailed;
	}

	/** One question after the other, as storage tells of as much at a time as it looks at in a turn. */
	advance(task: ScsiTask): void {
		if (this.isBusy || task.isHeld) return;
		this.isStarving = false;
		this.isBusy = true;
		while (!this.isDone && !task.isAborted && this.piecesUnderWay === 0) {
			if (turn.isSpent) {
				this.isStarving = true;
				task.host.starves(task);
				break;
			}
			turn.spend(STEPS);
			this.#asked += 1;
			const from = this.cursor;
			const piece = this.nextPiece(BlockOp.extents, this.lengthBytes - from, null);
			// (How far it comes is not known yet.)
			this.cursor = from;
			piece.request.extents = this.#extents;
			this.submit(piece);
		}
		this.isBusy = false;
		this.endIfOver();
	}

	protected pieceDone({ request }: Piece): void {
		if (this.isFailed) return;
		const { logicalBlockBytes } = this.task.unit!.disk.device.info;
		const lba = request.offsetBytes / logicalBlockBytes;
		const blocks = addRuns(this.#runs, this.#extents, request.extentCount, lba, logicalBlockBytes);
		this.cursor += blocks * logicalBlockBytes;
		// (The last of those that are wanted may go on until another has begun.)
		const isEnough = this.#runs.length > this.#wanted || this.#asked >= ASKED_MAX;
		this.#isOver = isEnough || blocks === 0 || this.cursor >= this.lengthBytes;
	}

	protected override endGood(): void {
		const { task } = this;
		succeedWith(task, listOf(this.#runs.slice(0, ENTRIES_MAX)), uint32(task.cdb, 10));
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
