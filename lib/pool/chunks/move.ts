/**
 * Moves a file of a pool's log to another place while the pool goes on: piece by piece it is copied there, and what changes meanwhile is changed in
 * both places where it has been copied already. When all is there and stable, it is said where the file lies now; until that is said by all
 * that may be asked, both places have everything, so that whoever opens the pool finds it, whichever he is told of. Used by `membership.ts`.
 */

import {
	BlockOp,
	BlockRequest,
	OP_TRAITS,
	type RequestLayer,
	type RequestOwner,
} from "../../block/request.js";
import { OperatorError, StorageStatus, storageStatusName } from "../../errors.js";
import type { Memory } from "../../wire/memory.js";
import { FILE_BYTES } from "../format.js";
import { COPIES_DIFFER, readSame } from "../mend.js";
import { run } from "../run.js";
import type { ChunkPart, PartMove, Side, SideIndex } from "./part.js";

/** What is copied at a time: changes of it wait so long. */
export const PIECE_BYTES = 256 * 1024;

const ZEROS = new Uint8Array(PIECE_BYTES);

export interface MoveOf {
	readonly part: ChunkPart;
	readonly to: Side;
	/** Of at least a piece. */
	readonly memory: Memory;
	/** For messages. */
	readonly name: string;
	/** And the disk that it is on. */
	readonly fromName: string;
	/** So many bytes have been copied; resolves when it is time for more. */
	readonly pace: (bytes: number) => Promise<void>;
	/** Says where it lies now; stable when it resolves. Throws an OperatorError if it is said that it lies where it was. */
	readonly commit: () => Promise<void>;
}

const Phase = {
	/** The new place is of no use to anybody yet. */
	copying: "copying",
	/** What is stable there counts. */
	settling: "settling",
	/** Nobody knows which place is the one that is told: a change is done in both, or it has failed. */
	committing: "committing",
} as const;
type Phase = (typeof Phase)[keyof typeof Phase];

export class Move implements RequestLayer, PartMove {
	readonly #of: MoveOf;
	readonly #from: SideIndex;
	readonly #to: SideIndex;
	#phase: Phase = Phase.copying;
	/** Up to here both places have the same. */
	#copied = 0;
	/** The piece behind that is being copied. */
	#isLocked = false;
	/** Changes that wait for the piece. */
	#held: BlockRequest[] = [];
	/** Changes that are under way, by whether they came before the piece that is copied was locked. */
	readonly #underWay = [0, 0];
	#era: 0 | 1 = 0;
	#whenEraIsOver: (() => void) | null = null;
	#unused: Twin[] = [];
	/** The new place can't be written to. */
	#failure: OperatorError | null = null;
	#isBrokenOff = false;
	#running: Promise<boolean> | null = null;

	constructor(of: MoveOf) {
		this.#of = of;
		this.#from = of.part.current;
		this.#to = this.#from === 0 ? 1 : 0;
	}

	/** True when it lies elsewhere; false if that was broken off. Throws an OperatorError if it could not be moved. */
	run(): Promise<boolean> {
		this.#of.part.begin(this, this.#of.to);
		this.#running = this.#run();
		return this.#running;
	}

	/** It stays where it is, if that is not too late. Resolves when nothing is under way. */
	async breakOff(): Promise<void> {
		this.#isBrokenOff = true;
		await this.#running?.catch(() => {});
	}

	async #run(): Promise<boolean> {
		let hasMoved = false;
		try {
			hasMoved = await this.#copyAndCommit();
		} finally {
			this.#isLocked = false;
			await this.#ended(hasMoved);
		}
		return hasMoved;
	}

	async #ended(hasMoved: boolean): Promise<void> {
		const held = this.#held;
		this.#held = [];
		const over = this.#of.part.end(hasMoved);
		for (const request of held) this.#of.part.handOn(request, hasMoved ? this.#to : this.#from);
		await over;
	}

	async #copyAndCommit(): Promise<boolean> {
		const { to, name, pace, commit } = this.#of;
		while (this.#copied < FILE_BYTES) {
			if (this.#isBrokenOff) return false;
			await this.#copyPiece();
			await pace(PIECE_BYTES);
		}
		this.#phase = Phase.settling;
		await run(to.device, BlockOp.flush, 0, 0, undefined, name);
		this.#throwFailure();
		if (this.#isBrokenOff) return false;
		this.#phase = Phase.committing;
		await commit();
		return true;
	}

	#throwFailure(): void {
		if (this.#failure !== null) throw this.#failure;
	}

	async #copyPiece(): Promise<void> {
		const { part, to, memory, name, fromName } = this.#of;
		const from = part.side(this.#from);
		const at = this.#copied;
		this.#isLocked = true;
		await this.#eraIsOver();
		const { device, offsetBytes } = from;
		const range = { device, name: fromName, offsetBytes: offsetBytes + at, lengthBytes: PIECE_BYTES };
		if (!(await readSame(range, memory)))
			throw new OperatorError(`${fromName}, byte ${range.offsetBytes}: ${COPIES_DIFFER}`);
		await copyTo(to, at, memory, name);
		this.#throwFailure();
		this.#copied = at + PIECE_BYTES;
		this.#isLocked = false;
		const held = this.#held;
		this.#held = [];
		for (const request of held) this.take(request);
	}

	/** What came before now is over when it resolves; what comes now does not concern the piece. */
	async #eraIsOver(): Promise<void> {
		const before = this.#era;
		this.#era = before === 0 ? 1 : 0;
		if (this.#underWay[before] === 0) return;
		await new Promise<void>((resolve) => {
			this.#whenEraIsOver = resolve;
		});
		this.#whenEraIsOver = null;
	}

	/** A change, or a flush, of a range that is in the file. */
	take(request: BlockRequest): void {
		const isChange = OP_TRAITS[request.op].changes;
		const { offsetBytes, lengthBytes } = request;
		if (isChange && this.#isLocked && overlaps(offsetBytes, lengthBytes, this.#copied)) {
			request.park();
			this.#held.push(request);
			return;
		}
		const isForBoth = isChange ? offsetBytes < this.#copied : this.#phase !== Phase.copying;
		this.#underWay[this.#era]!++;
		request.push(this, this.#era);
		const isInVain = this.#failure !== null && this.#phase !== Phase.committing;
		if (isForBoth && !isInVain) this.#twin().begin(request);
		else this.#of.part.handOn(request, this.#from);
	}

	below(request: BlockRequest, token: number): void {
		this.#underWay[token]!--;
		if (token !== this.#era && this.#underWay[token] === 0) this.#whenEraIsOver?.();
		request.resume();
	}

	#twin(): Twin {
		return this.#unused.pop() ?? new Twin(this);
	}

	/** Called by `Twin`: on one of the sides. */
	handOn(request: BlockRequest, isNew: boolean): void {
		this.#of.part.handOn(request, isNew ? this.#to : this.#from);
	}

	/** Called by `Twin`: both sides have ended. */
	bothEnded(twin: Twin, whole: BlockRequest, before: BlockRequest, after: BlockRequest): void {
		this.#unused.push(twin);
		const hasFailed = after.status !== StorageStatus.ok;
		const counts = this.#phase === Phase.committing;
		if (hasFailed && !counts)
			this.#failure ??= new OperatorError(
				`${this.#of.name}: byte ${after.failedOffsetBytes}: ${storageStatusName(after.status)}`,
			);
		const isTold = counts && before.status === StorageStatus.ok;
		const { status, errno, failedOffsetBytes } = isTold ? after : before;
		whole.synced = before.synced && after.synced;
		whole.complete(status, errno, failedOffsetBytes);
	}
}

/** What was never written takes no space there either, where that can be. */
function copyTo({ device, offsetBytes }: Side, at: number, memory: Memory, name: string): Promise<void> {
	const isEmpty = Buffer.compare(memory.bytes.subarray(0, PIECE_BYTES), ZEROS) === 0;
	const op = isEmpty && device.info.fastZeroes ? BlockOp.writeZeroes : BlockOp.write;
	return run(device, op, offsetBytes + at, PIECE_BYTES, memory, name);
}

function overlaps(offsetBytes: number, lengthBytes: number, pieceAt: number): boolean {
	return offsetBytes < pieceAt + PIECE_BYTES && offsetBytes + lengthBytes > pieceAt;
}

/** One request that is done on both sides. */
class Twin implements RequestOwner {
	readonly #move: Move;
	readonly #before = new BlockRequest(this);
	readonly #after = new BlockRequest(this);
	#whole: BlockRequest | null = null;
	#left = 0;

	constructor(move: Move) {
		this.#move = move;
	}

	begin(whole: BlockRequest): void {
		whole.park();
		this.#whole = whole;
		this.#left = 2;
		for (const each of [this.#before, this.#after]) {
			const { op, offsetBytes, lengthBytes, fua, maySync, mayUnmap, memory, memoryOffset } = whole;
			Object.assign(each, { op, offsetBytes, lengthBytes, fua, maySync, mayUnmap, memory, memoryOffset });
			each.ranges = whole.ranges?.slice() ?? null;
		}
		this.#move.handOn(this.#before.begin(), false);
		this.#move.handOn(this.#after.begin(), true);
	}

	finished(): void {
		const whole = this.#whole;
		if (--this.#left > 0 || whole === null) return;
		this.#whole = null;
		this.#move.bothEnded(this, whole, this.#before, this.#after);
	}
}
