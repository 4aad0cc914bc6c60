/**
 * The work of a copy between units: segment after segment, in parts of a room each, which are read and then written. A few are under way at a time; what
 * is copied within one unit onto itself is done one part after the other, from whichever end nothing is lost. Begun by `extended-copy.ts`.
 */

import { BlockOp, BlockRequest, type RequestOwner } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import { Hold } from "../holds.js";
import { ROOM_BYTES_MAX, type Room } from "../stream/rooms.js";
import { turn } from "../turn.js";
import type { CopyResult } from "./copy-results.js";
import { BYTES_PER_STEP } from "./medium-work.js";
import type { Nexus } from "./nexus.js";
import { failureOf } from "./outcome.js";
import { Asc, ScsiStatus, SenseKey } from "./protocol.js";
import type { Sense } from "./sense.js";
import type { ScsiTask, TaskWork } from "./task.js";
import type { LogicalUnit } from "./unit.js";

/** Parts under way at once. */
const AT_ONCE = 2;

/** A segment, in bytes, of units that are there. */
export interface CopyRange {
	readonly source: LogicalUnit;
	readonly destination: LogicalUnit;
	readonly sourceBytes: number;
	readonly destinationBytes: number;
	readonly lengthBytes: number;
}

export function copyAborted(asc: Asc): Sense {
	return { key: SenseKey.copyAborted, asc };
}

/** Null: he may read there, and write here. Asked again for each part, as that may change meanwhile. */
export function copyTrouble({ source, destination }: CopyRange, nexus: Nexus): Sense | null {
	const units = [source, destination];
	if (units.some(({ medium, disk }) => medium.trouble !== undefined || disk.phase !== "open"))
		return copyAborted(Asc.copyTargetNotReachable);
	const isHeld =
		source.reservations.against(nexus) === Hold.all || destination.reservations.against(nexus) !== Hold.none;
	return isHeld || destination.isWriteProtected ? copyAborted(Asc.thirdPartyFailure) : null;
}

/** Bytes that are read, and then written. */
class Part implements RequestOwner {
	readonly request = new BlockRequest(this);
	isWriting = false;

	constructor(
		readonly work: CopyWork,
		readonly range: CopyRange,
		readonly room: Room,
		/** In the segment. */
		readonly fromBytes: number,
		readonly lengthBytes: number,
	) {}

	get unit(): LogicalUnit {
		return this.isWriting ? this.range.destination : this.range.source;
	}

	submit(): void {
		const { request, range, room } = this;
		request.op = this.isWriting ? BlockOp.write : BlockOp.read;
		request.offsetBytes = this.fromBytes + (this.isWriting ? range.destinationBytes : range.sourceBytes);
		request.lengthBytes = this.lengthBytes;
		request.memory = room.memory;
		request.room = room.memory;
		const { disk } = this.unit;
		disk.underWay += 1;
		disk.device.submit(request.begin());
	}

	finished(): void {
		this.unit.disk.underWay -= 1;
		this.work.partFinished(this);
	}
}

export class CopyWork implements TaskWork {
	readonly awaitedBytes = 0;
	readonly #task: ScsiTask;
	readonly #ranges: readonly CopyRange[];
	readonly #result: CopyResult;
	readonly #ended: (isWell: boolean) => void;
	readonly #parts = new Set<Part>();
	/** Which segment is being done, and how much of it has begun. */
	#index = 0;
	#cursor = 0;
	#isBusy = false;
	#isStarving = false;
	#sense: Sense | null = null;

	/** `ended` is called before the task ends. */
	constructor(
		task: ScsiTask,
		ranges: readonly CopyRange[],
		result: CopyResult,
		ended: (isWell: boolean) => void,
	) {
		this.#ended = ended;
		this.#task = task;
		this.#ranges = ranges;
		this.#result = result;
	}

	dataOut(): boolean {
		return true;
	}

	/** The task is this work's until it ends. */
	begin(): void {
		const task = this.#task;
		task.work = this;
		if (task.set!.mayGo(task, 0)) this.advance();
		else if (!task.isHeld) {
			this.#ended(false);
			task.end(ScsiStatus.taskSetFull);
		}
	}

	advance(): void {
		if (this.#isBusy || this.#task.isHeld) return;
		this.#isStarving = false;
		this.#isBusy = true;
		while (!this.#isOver && this.#parts.size < this.#atOnce) if (!this.#beginPart()) break;
		this.#isBusy = false;
		this.#endIfOver();
	}

	get #isOver(): boolean {
		return this.#sense !== null || this.#task.isAborted || this.#index >= this.#ranges.length;
	}

	/** Within one unit the parts of a segment, and segments, may be about the same bytes. */
	get #atOnce(): number {
		const { source, destination } = this.#ranges[this.#index]!;
		return source === destination ? 1 : AT_ONCE;
	}

	/** False if it has to wait. */
	#beginPart(): boolean {
		const { host, nexus } = this.#task;
		const range = this.#ranges[this.#index]!;
		if (this.#cursor >= range.lengthBytes) return this.#nextSegment();
		this.#sense = copyTrouble(range, nexus);
		if (this.#sense !== null) return false;
		const length = Math.min(ROOM_BYTES_MAX, range.lengthBytes - this.#cursor);
		const room = turn.isSpent ? undefined : host.rooms.take(host, length);
		if (room === undefined) {
			this.#isStarving = true;
			host.starves(this.#task);
			return false;
		}
		turn.spend((2 * length) / BYTES_PER_STEP);
		const from = isBackward(range) ? range.lengthBytes - this.#cursor - length : this.#cursor;
		this.#cursor += length;
		const part = new Part(this, range, room, from, length);
		this.#parts.add(part);
		part.submit();
		return true;
	}

	/** What a segment reads may be what the one before it has written: so that is over first. */
	#nextSegment(): boolean {
		if (this.#parts.size > 0) return false;
		this.#index += 1;
		this.#cursor = 0;
		this.#result.segments += 1;
		return true;
	}

	partFinished(part: Part): void {
		const { request, unit, isWriting, lengthBytes } = part;
		const { status, errno, failedOffsetBytes, op } = request;
		const { disk } = unit;
		if (status === StorageStatus.ok) disk.stats.did(op, lengthBytes);
		// (Whoever takes it back himself has not failed.)
		else if (status !== StorageStatus.cancelled) {
			failureOf(disk, op, status, errno, failedOffsetBytes);
			this.#sense ??= copyAborted(Asc.thirdPartyFailure);
		}
		if (status === StorageStatus.ok && !isWriting && !this.#task.isAborted && this.#sense === null) {
			this.#write(part);
			return;
		}
		if (status === StorageStatus.ok && isWriting) this.#result.bytes += lengthBytes;
		this.#parts.delete(part);
		this.#task.host.rooms.give(part.room);
		this.advance();
	}

	#write(part: Part): void {
		part.isWriting = true;
		// (Reserved by somebody else since it was read, say.)
		this.#sense ??= copyTrouble(part.range, this.#task.nexus);
		if (this.#sense === null) {
			part.submit();
			return;
		}
		this.#parts.delete(part);
		this.#task.host.rooms.give(part.room);
		this.advance();
	}

	abort(): void {
		this.#isStarving = false;
		const wasBusy = this.#isBusy;
		this.#isBusy = true;
		for (const { unit, request } of [...this.#parts]) unit.disk.device.cancel(request);
		this.#isBusy = wasBusy;
		this.#endIfOver();
	}

	#endIfOver(): void {
		if (this.#isBusy || this.#isStarving || this.#parts.size > 0 || !this.#isOver) return;
		this.#ended(this.#sense === null && !this.#task.isAborted);
		if (this.#task.isAborted) this.#task.end(ScsiStatus.taskAborted);
		else if (this.#sense !== null) this.#task.end(ScsiStatus.checkCondition, this.#sense);
		else this.#task.end(ScsiStatus.good);
	}
}

/** Onto itself, and to where it is read from later. */
function isBackward({ source, destination, sourceBytes, destinationBytes }: CopyRange): boolean {
	return source === destination && destinationBytes > sourceBytes;
}
