/**
 * A file of a pool's log on one of its disks, as a device of its own. While it is moved to another disk (`move.ts`) it has two sides, and what
 * changes something may have to be done on both. Made by `chunks.ts`.
 */

import { type CloseEnd, endWithin } from "../../block/close.js";
import { type BlockDevice, type DeviceInfo, deviceInfo, refuse } from "../../block/device.js";
import { type DeviceListener, Listeners } from "../../block/listeners.js";
import { BlockOp, type BlockRequest, OP_TRAITS, type RequestLayer } from "../../block/request.js";
import { UnderWay } from "../../block/under-way.js";
import { invariant, OperatorError, StorageStatus } from "../../errors.js";
import { FILE_BYTES } from "../format.js";

/** Takes changes of a file, and flushes, while it is moved. */
export interface PartMove {
	take(request: BlockRequest): void;
	/** Resolves when nothing is under way. */
	breakOff(): Promise<void>;
}

/** Where it lies. */
export interface Side {
	readonly device: BlockDevice;
	readonly offsetBytes: number;
}

interface OpenSide extends Side {
	readonly stopListening: () => void;
	readonly underWay: UnderWay;
}

/** Which of its two sides. */
export type SideIndex = 0 | 1;

export class ChunkPart implements BlockDevice, RequestLayer {
	readonly #sides: [OpenSide | null, OpenSide | null] = [null, null];
	#current: SideIndex = 0;
	#move: PartMove | null = null;
	#info: DeviceInfo;
	#below: DeviceInfo;
	readonly #listeners = new Listeners();
	readonly #counter: { requests: number };
	readonly #release: () => Promise<void>;
	#closing: Promise<CloseEnd> | null = null;

	/** `counter` counts what is asked of it; `release` is called when it is closed. Throws an OperatorError if the device ends before it does. */
	constructor(side: Side, name: string, counter: { requests: number }, release: () => Promise<void>) {
		if (side.offsetBytes + FILE_BYTES > side.device.info.sizeBytes)
			throw new OperatorError(`${name}: lies behind the end of its disk`);
		this.#counter = counter;
		this.#release = release;
		this.#open(0, side);
		this.#below = side.device.info;
		this.#info = infoOf(side);
	}

	#open(index: SideIndex, { device, offsetBytes }: Side): void {
		const stopListening = device.listen({
			changed: () => this.#listeners.changed(),
			stalled: (stall) =>
				index === this.#current &&
				this.#listeners.stalled({ ...stall, offsetBytes: stall.offsetBytes - offsetBytes }),
			resumed: (waitedMs, count) => index === this.#current && this.#listeners.resumed(waitedMs, count),
		});
		this.#sides[index] = { device, offsetBytes, stopListening, underWay: new UnderWay() };
	}

	get info(): DeviceInfo {
		const side = this.side(this.#current);
		if (side.device.info !== this.#below) {
			this.#below = side.device.info;
			this.#info = infoOf(side);
		}
		return this.#info;
	}

	get current(): SideIndex {
		return this.#current;
	}

	get isClosing(): boolean {
		return this.#closing !== null;
	}

	side(index: SideIndex): Side {
		return this.#sideOf(index);
	}

	#sideOf(index: SideIndex): OpenSide {
		const side = this.#sides[index];
		invariant(side !== null, "a file of the log has no such side");
		return side;
	}

	submit(request: BlockRequest): void {
		this.#counter.requests++;
		const refused = this.#closing !== null ? StorageStatus.closed : refuse(this.info, request);
		if (refused !== undefined) request.complete(refused);
		else if (this.#move !== null && (request.op === BlockOp.flush || OP_TRAITS[request.op].changes))
			this.#move.take(request);
		else this.handOn(request, this.#current);
	}

	/** It is done on one side. */
	handOn(request: BlockRequest, index: SideIndex): void {
		const side = this.#sideOf(index);
		side.underWay.begun();
		shift(request, side.offsetBytes);
		request.push(this, index);
		side.device.submit(request);
	}

	below(request: BlockRequest, token: number): void {
		const side = this.#sideOf(token as SideIndex);
		shift(request, -side.offsetBytes);
		if (request.status !== StorageStatus.ok) request.failedOffsetBytes -= side.offsetBytes;
		side.underWay.ended();
		request.resume();
	}

	/** From now on changes are for the move to take, which has a side of its own. */
	begin(move: PartMove, side: Side): void {
		invariant(this.#move === null, "a file of the log is moved twice");
		this.#open(other(this.#current), side);
		this.#move = move;
	}

	/** It is over: `hasMoved`: the other side is where it lies now. Resolves when nothing is under way on the side that is left. */
	async end(hasMoved: boolean): Promise<void> {
		this.#move = null;
		if (hasMoved) this.#current = other(this.#current);
		const left = other(this.#current);
		const side = this.#sideOf(left);
		side.stopListening();
		if (hasMoved) this.#listeners.changed();
		if (side.underWay.count > 0) await side.underWay.none();
		this.#sides[left] = null;
	}

	setWriteCache(enabled: boolean): boolean {
		return this.side(this.#current).device.setWriteCache(enabled);
	}

	/** What waits for a move, or is done on both sides, goes on. */
	cancel(request: BlockRequest): void {
		this.side(this.#current).device.cancel(request);
	}

	listen(listener: DeviceListener): () => void {
		return this.#listeners.add(listener);
	}

	/** The disk stays open. A move is broken off, and what is under way ends first. */
	close(limitMs = Infinity): Promise<CloseEnd> {
		this.#closing ??= this.#closeInOrder();
		return endWithin(this.#closing, limitMs);
	}

	async #closeInOrder(): Promise<CloseEnd> {
		await this.#move?.breakOff();
		const side = this.#sideOf(this.#current);
		side.stopListening();
		if (side.underWay.count > 0) await side.underWay.none();
		await this.#release();
		return "closed";
	}
}

function other(index: SideIndex): SideIndex {
	return index === 0 ? 1 : 0;
}

function shift(request: BlockRequest, bytes: number): void {
	request.offsetBytes += bytes;
	const { ranges } = request;
	if (ranges !== null) for (let at = 0; at < ranges.length; at += 2) ranges[at]! += bytes;
}

/** Places begin at multiples of whatever blocks storage has. */
function infoOf({ device: { info }, offsetBytes }: Side): DeviceInfo {
	const begin = (info.trimAlignmentBytes - offsetBytes) % info.trimGranularityBytes;
	const trimAlignmentBytes = begin < 0 ? begin + info.trimGranularityBytes : begin;
	return deviceInfo({ ...info, sizeBytes: FILE_BYTES, trimAlignmentBytes });
}
