/**
 * What a volume was, as a disk that can be written: what is written stays in memory, up to a limit, and is forgotten when the disk is
 * closed; below, nothing changes. Enough for a file system that replays its journal when it is mounted. Stands right below a layer that
 * keeps overlapping requests in order. Made by `openings.ts`.
 */

import type { BlockDevice, DeviceInfo } from "../block/device.js";
import { deviceInfo, refuse } from "../block/device.js";
import { addExtent } from "../block/extents.js";
import { DeviceLayer } from "../block/layer.js";
import { type Part, Parts, type Split, type Splitter } from "../block/parts.js";
import { BlockOp, type BlockRequest } from "../block/request.js";
import { StorageStatus, unreachable } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { copyBytes } from "./bytes.js";

/** Kept as a whole, but written by sectors: a bit for each that counts. */
const BLOCK_BYTES = 4096;
const BLOCK_SECTORS = BLOCK_BYTES / SECTOR_BYTES;
const ALL_SECTORS = 2 ** BLOCK_SECTORS - 1;
/** Memory is taken in pieces of this size, and so are zeros written. */
const PIECE_BYTES = 1024 * 1024;
const PIECE_BLOCKS = PIECE_BYTES / BLOCK_BYTES;

export const SCRATCH_BYTES_MAX = 256 * 1024 * 1024;

/** In the token of a read that is patched on its way up. */
const MAY_BORROW = 1;

export class ScratchLayer extends DeviceLayer implements Splitter<null> {
	readonly #info: DeviceInfo;
	readonly #allocate: (byteLength: number) => Memory;
	readonly #blocksMax: number;
	/** By number of the block: which one of those in memory it is. */
	readonly #places = new Map<number, number>();
	readonly #pieces: Memory[] = [];
	/** By place: the sectors that count. */
	readonly #written: Uint8Array;
	readonly #zeros: Memory;
	readonly #parts = new Parts<null>(this);

	constructor(device: BlockDevice, allocate: (byteLength: number) => Memory, bytesMax = SCRATCH_BYTES_MAX) {
		super(device);
		this.#allocate = allocate;
		this.#blocksMax = Math.floor(bytesMax / BLOCK_BYTES);
		this.#written = new Uint8Array(this.#blocksMax);
		this.#zeros = allocate(BLOCK_BYTES);
		const plain = {
			readOnly: false,
			canTrim: false,
			knowsExtents: false,
			fastZeroes: false,
			atomicBytes: 0,
			guarded: "above",
		} as const;
		this.#info = deviceInfo({ ...device.info, ...plain, writeCache: false });
	}

	/** (What it was does not grow.) */
	override get info(): DeviceInfo {
		return this.#info;
	}

	override get memo(): undefined {
		return undefined;
	}

	override setWriteCache(enabled: boolean): boolean {
		return !enabled;
	}

	protected handle(request: BlockRequest): void {
		const refused = refuse(this.#info, request);
		if (refused !== undefined) {
			request.complete(refused);
			return;
		}
		switch (request.op) {
			case BlockOp.read:
				this.#read(request);
				break;
			case BlockOp.write:
				this.#write(request, request.memory);
				break;
			case BlockOp.writeZeroes:
				if (request.lengthBytes > PIECE_BYTES) this.#parts.split(request, null);
				else this.#write(request, null);
				break;
			case BlockOp.extents:
				if (request.lengthBytes > 0) addExtent(request, request.lengthBytes, 0);
				request.complete(StorageStatus.ok);
				break;
			// Trims are refused: what is below can't be told from zeros without keeping as much as was trimmed.
			case BlockOp.trim:
			case BlockOp.flush:
				request.complete(StorageStatus.ok);
				break;
			default:
				unreachable(request.op);
		}
	}

	next(split: Split<null>, part: Part<null>): BlockDevice {
		const length = Math.min(PIECE_BYTES, split.whole.lengthBytes - split.cursor);
		part.take(split.cursor, length);
		split.cursor += length;
		split.noMore = split.cursor === split.whole.lengthBytes;
		return this;
	}

	#read(request: BlockRequest): void {
		const sectors = this.#sectorsOf(request);
		if (sectors === 0) {
			this.device.submit(request);
			return;
		}
		if (sectors * SECTOR_BYTES === request.lengthBytes) {
			this.#copyOut(request);
			request.complete(StorageStatus.ok);
			return;
		}
		request.push(this, request.mayBorrow ? MAY_BORROW : 0);
		request.mayBorrow = false;
		this.device.submit(request);
	}

	below(request: BlockRequest, token: number): void {
		request.mayBorrow = token === MAY_BORROW;
		if (request.status === StorageStatus.ok) this.#copyOut(request);
		request.resume();
	}

	/** Sectors of its range that were written. */
	#sectorsOf({ offsetBytes, lengthBytes }: BlockRequest): number {
		let sectors = 0;
		if (this.#places.size === 0) return sectors;
		const end = offsetBytes + lengthBytes;
		for (let at = offsetBytes; at < end; ) {
			const block = Math.floor(at / BLOCK_BYTES);
			const to = Math.min(end, (block + 1) * BLOCK_BYTES);
			const place = this.#places.get(block);
			if (place !== undefined) sectors += countOf(this.#written[place]! & maskOf(at, to));
			at = to;
		}
		return sectors;
	}

	/** Over what was read. */
	#copyOut({ offsetBytes, lengthBytes, memory, memoryOffset }: BlockRequest): void {
		const end = offsetBytes + lengthBytes;
		for (let at = offsetBytes; at < end; ) {
			const block = Math.floor(at / BLOCK_BYTES);
			const to = Math.min(end, (block + 1) * BLOCK_BYTES);
			const place = this.#places.get(block);
			const isWhole = place !== undefined && this.#written[place] === ALL_SECTORS;
			const step = place === undefined || isWhole ? to - at : SECTOR_BYTES;
			for (; at < to; at += step) {
				if (place === undefined || (this.#written[place]! & maskOf(at, at + step)) === 0) continue;
				const from = this.#bytesAt(place) + (at % BLOCK_BYTES);
				copyBytes(memory, memoryOffset + at - offsetBytes, this.#pieceOf(place), from, step);
			}
		}
	}

	/** Without `memory`: zeros. */
	#write(request: BlockRequest, memory: Memory | null): void {
		const { offsetBytes, lengthBytes, memoryOffset } = request;
		const end = offsetBytes + lengthBytes;
		if (!this.#hasRoom(offsetBytes, end)) {
			request.complete(StorageStatus.noSpace);
			return;
		}
		for (let at = offsetBytes; at < end; ) {
			const block = Math.floor(at / BLOCK_BYTES);
			const to = Math.min(end, (block + 1) * BLOCK_BYTES);
			const place = this.#places.get(block) ?? this.#take(block);
			const into = this.#bytesAt(place) + (at % BLOCK_BYTES);
			if (memory === null) copyBytes(this.#pieceOf(place), into, this.#zeros, 0, to - at);
			else copyBytes(this.#pieceOf(place), into, memory, memoryOffset + at - offsetBytes, to - at);
			this.#written[place]! |= maskOf(at, to);
			at = to;
		}
		request.complete(StorageStatus.ok);
	}

	/** For all of the blocks of a range that are new. */
	#hasRoom(from: number, end: number): boolean {
		let room = this.#blocksMax - this.#places.size;
		const last = Math.floor((end - 1) / BLOCK_BYTES);
		for (let block = Math.floor(from / BLOCK_BYTES); block <= last && room >= 0; block++)
			if (!this.#places.has(block)) room--;
		return room >= 0;
	}

	#take(block: number): number {
		const place = this.#places.size;
		this.#places.set(block, place);
		if (place % PIECE_BLOCKS === 0) this.#pieces.push(this.#allocate(PIECE_BYTES));
		return place;
	}

	#pieceOf(place: number): Memory {
		return this.#pieces[Math.floor(place / PIECE_BLOCKS)]!;
	}

	#bytesAt(place: number): number {
		return (place % PIECE_BLOCKS) * BLOCK_BYTES;
	}
}

/** Bits of the sectors from one byte up to another, of the same block. */
function maskOf(from: number, to: number): number {
	const first = (from % BLOCK_BYTES) / SECTOR_BYTES;
	return (2 ** ((to - from) / SECTOR_BYTES) - 1) << first;
}

function countOf(bits: number): number {
	let count = 0;
	for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
	return count;
}
