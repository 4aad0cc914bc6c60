/**
 * A large disk with a volatile write cache whose power can be cut, as `lib/testing/crash-device.ts` is a small one: after `crash` what was
 * complete when a flush came is there, and of each sector that was written since it is by chance. Kept in pieces that are shared until they
 * change, so that a run may write hundreds of megabytes. For `crash-folder.ts`.
 */

import type { CloseEnd } from "../../lib/block/close.js";
import { type BlockDevice, type DeviceInfo, deviceInfo, refuse } from "../../lib/block/device.js";
import { pairsOf } from "../../lib/block/ranges.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { invariant, StorageStatus } from "../../lib/errors.js";
import type { Random } from "../../lib/random.js";

const SECTOR = 512;
const PIECE_BYTES = 16 * 1024;

/** Zeros where there is none. */
type Pieces = (Uint8Array | undefined)[];

/** What was written since the last flush; zeros if `bytes` is undefined. */
interface Unflushed {
	readonly at: number;
	readonly length: number;
	readonly bytes: Uint8Array | undefined;
}

export class CrashDisk implements BlockDevice {
	readonly info: DeviceInfo;
	/** What reads see. */
	readonly #current: Pieces;
	/** What is certain to survive. */
	#stable: Pieces;
	#unflushed: Unflushed[] = [];

	constructor(sizeBytes: number, pieces: Pieces = []) {
		this.#current = [...pieces];
		this.#stable = [...pieces];
		this.info = deviceInfo({ sizeBytes, canTrim: true, writeCache: true });
	}

	/** What is found when there is power again; of what was not flushed each sector is there with this chance. */
	crash(random: Random, survival: number): CrashDisk {
		const after = new CrashDisk(this.info.sizeBytes, survival === 1 ? this.#current : this.#stable);
		if (survival > 0 && survival < 1)
			for (const { at, length, bytes } of this.#unflushed)
				for (let done = 0; done < length; done += SECTOR)
					if (random.chance(survival)) after.#put(at + done, SECTOR, bytes?.subarray(done, done + SECTOR));
		return new CrashDisk(this.info.sizeBytes, after.#current);
	}

	submit(request: BlockRequest): void {
		request.complete(refuse(this.info, request) ?? this.#carryOut(request));
	}

	#carryOut(request: BlockRequest): StorageStatus {
		const { op, offsetBytes, lengthBytes, memory, memoryOffset, ranges } = request;
		invariant(op !== BlockOp.extents, "nobody asks a pool's files for what is mapped");
		if (op === BlockOp.flush) this.#flush();
		else if (op === BlockOp.read) this.#get(offsetBytes, lengthBytes, memory.bytes, memoryOffset);
		else if (op === BlockOp.write)
			this.#change(offsetBytes, lengthBytes, memory.bytes.slice(memoryOffset, memoryOffset + lengthBytes));
		else for (const [at, length] of pairsOf(ranges ?? [offsetBytes, lengthBytes])) this.#change(at, length);
		return StorageStatus.ok;
	}

	#change(at: number, length: number, bytes?: Uint8Array): void {
		this.#unflushed.push({ at, length, bytes });
		this.#put(at, length, bytes);
	}

	#flush(): void {
		if (this.#unflushed.length > 0) this.#stable = [...this.#current];
		this.#unflushed = [];
	}

	#put(at: number, length: number, bytes: Uint8Array | undefined): void {
		for (const [number, inPiece, done, count] of pieces(at, length)) {
			const before = this.#current[number];
			const isShared = before === this.#stable[number];
			let piece = before;
			if (piece === undefined) piece = new Uint8Array(PIECE_BYTES);
			else if (isShared) piece = piece.slice();
			if (bytes === undefined) piece.fill(0, inPiece, inPiece + count);
			else piece.set(bytes.subarray(done, done + count), inPiece);
			this.#current[number] = piece;
		}
	}

	#get(at: number, length: number, into: Uint8Array, offset: number): void {
		for (const [number, inPiece, done, count] of pieces(at, length)) {
			const piece = this.#current[number];
			if (piece === undefined) into.fill(0, offset + done, offset + done + count);
			else into.set(piece.subarray(inPiece, inPiece + count), offset + done);
		}
	}

	setWriteCache(enabled: boolean): boolean {
		return enabled;
	}

	cancel(): void {}

	listen(): () => void {
		return () => {};
	}

	async close(): Promise<CloseEnd> {
		return "closed";
	}
}

/** Where a range lies: number of the piece, bytes of it before, bytes of the range before, and how many. */
function* pieces(at: number, length: number): Generator<readonly [number, number, number, number]> {
	for (let done = 0; done < length; ) {
		const inPiece = (at + done) % PIECE_BYTES;
		const count = Math.min(length - done, PIECE_BYTES - inPiece);
		yield [Math.floor((at + done) / PIECE_BYTES), inPiece, done, count];
		done += count;
	}
}
