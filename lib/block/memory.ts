/**
 * A disk on JavaScript's heap, which needs no addon and no event loop: a tool of the tests and of simulations. (What `mem:64M`
 * serves is `file.ts`: heap that is taken a piece at a time is collected in the thread that serves.) Sparse: a
 * chunk takes memory when it is first written and gives it back when it is trimmed. Every request is complete
 * when `submit` returns. What a copy costs: one short-lived view of the chunk (there is no call that copies
 * between arrays by index, and a loop over the words takes ten times as long as the view and the copy
 * together).
 */

import { constants } from "node:os";
import { invariant, StorageStatus, unreachable } from "../errors.js";
import type { CloseEnd } from "./close.js";
import { type BlockDevice, type DeviceInfo, deviceInfo, refuse } from "./device.js";
import { addExtent, ExtentFlag } from "./extents.js";
import { type DeviceListener, Listeners } from "./listeners.js";
import { BlockOp, type BlockRequest } from "./request.js";

/** Memory is taken and given back in pieces of this size. */
export const CHUNK_BYTES = 64 * 1024;
/** Pieces that one request for extents looks at: for what is behind them one has to ask again. */
const LOOKED_AT_MAX = 4096;

export interface MemoryDeviceOptions {
	readonly readOnly?: boolean;
	/** What the device claims as its physical block size. A power of two, 512 unless said. */
	readonly physicalBlockBytes?: number;
}

export class MemoryDevice implements BlockDevice {
	#info: DeviceInfo;
	/** By number: the chunk from `number * CHUNK_BYTES`. What is missing reads as zeros. */
	readonly #chunks = new Map<number, Uint8Array>();
	readonly #listeners = new Listeners();
	#closed = false;

	/** `sizeBytes` is a multiple of 512 and at least 512. */
	constructor(sizeBytes: number, options: MemoryDeviceOptions = {}) {
		invariant(isSize(sizeBytes), "the size of a memory device is not of whole sectors");
		this.#info = deviceInfo({
			sizeBytes,
			physicalBlockBytes: options.physicalBlockBytes ?? 512,
			readOnly: options.readOnly ?? false,
			canTrim: true,
			trimGranularityBytes: CHUNK_BYTES,
			fastZeroes: true,
			knowsExtents: true,
			// Nothing is volatile that a flush could save: the contents last as long as the process, flushed
			// or not.
			writeCache: false,
		});
	}

	get info(): DeviceInfo {
		return this.#info;
	}

	/** Bytes of memory that the contents take at present. */
	get allocatedBytes(): number {
		return this.#chunks.size * CHUNK_BYTES;
	}

	submit(request: BlockRequest): void {
		const refused = this.#closed ? StorageStatus.closed : refuse(this.#info, request);
		if (refused !== undefined) {
			request.complete(refused);
			return;
		}
		switch (request.op) {
			case BlockOp.read:
				this.#read(request);
				break;
			case BlockOp.write:
				this.#write(request);
				break;
			case BlockOp.trim:
				this.#trimAll(request);
				request.complete(StorageStatus.ok);
				break;
			case BlockOp.writeZeroes:
				this.#zero(request);
				request.complete(StorageStatus.ok);
				break;
			case BlockOp.extents:
				this.#findExtents(request);
				request.complete(StorageStatus.ok);
				break;
			case BlockOp.flush:
				request.complete(StorageStatus.ok);
				break;
			default:
				unreachable(request.op);
		}
	}

	#read(request: BlockRequest): void {
		const bytes = request.memory.bytes;
		const end = request.offsetBytes + request.lengthBytes;
		let to = request.memoryOffset;
		for (let at = request.offsetBytes; at < end; ) {
			const from = at % CHUNK_BYTES;
			const length = Math.min(CHUNK_BYTES - from, end - at);
			const chunk = this.#chunks.get((at - from) / CHUNK_BYTES);
			if (chunk === undefined) bytes.fill(0, to, to + length);
			else bytes.set(chunk.subarray(from, from + length), to);
			at += length;
			to += length;
		}
		request.complete(StorageStatus.ok);
	}

	#write(request: BlockRequest): void {
		const bytes = request.memory.bytes;
		const end = request.offsetBytes + request.lengthBytes;
		let from = request.memoryOffset;
		for (let at = request.offsetBytes; at < end; ) {
			const to = at % CHUNK_BYTES;
			const length = Math.min(CHUNK_BYTES - to, end - at);
			const chunk = this.#writable((at - to) / CHUNK_BYTES);
			if (chunk === undefined) {
				request.complete(StorageStatus.noSpace, constants.errno.ENOMEM, at);
				return;
			}
			chunk.set(bytes.subarray(from, from + length), to);
			at += length;
			from += length;
		}
		request.complete(StorageStatus.ok);
	}

	/** The chunk with that number, made if need be; undefined if there is no memory left for it. */
	#writable(number: number): Uint8Array | undefined {
		const existing = this.#chunks.get(number);
		if (existing !== undefined) return existing;
		try {
			const chunk = this.allocate(CHUNK_BYTES);
			this.#chunks.set(number, chunk);
			return chunk;
		} catch (error) {
			// "Array buffer allocation failed": to a disk that is a full medium, not a reason to end.
			if (error instanceof RangeError) return undefined;
			throw error;
		}
	}

	/** Zeroed memory. Throws a RangeError if there is none. */
	protected allocate(byteLength: number): Uint8Array {
		return new Uint8Array(byteLength);
	}

	#trimAll({ ranges, offsetBytes, lengthBytes }: BlockRequest): void {
		if (ranges === null) this.#trim(offsetBytes, offsetBytes + lengthBytes);
		else for (let i = 0; i < ranges.length; i += 2) this.#trim(ranges[i]!, ranges[i]! + ranges[i + 1]!);
	}

	/** Where nothing takes up memory yet, zeros need none. */
	#zero({ offsetBytes, lengthBytes, mayUnmap }: BlockRequest): void {
		this.#trim(offsetBytes, offsetBytes + lengthBytes, !mayUnmap);
	}

	#findExtents(request: BlockRequest): void {
		const { offsetBytes, lengthBytes } = request;
		const end = offsetBytes + lengthBytes;
		let at = offsetBytes;
		for (let looked = 0; at < end && looked < LOOKED_AT_MAX; looked++) {
			const number = Math.floor(at / CHUNK_BYTES);
			const next = Math.min(end, (number + 1) * CHUNK_BYTES);
			if (!addExtent(request, next - at, this.#chunks.has(number) ? 0 : ExtentFlag.zero)) return;
			at = next;
		}
	}

	#trim(start: number, end: number, keep = false): void {
		const first = Math.floor(start / CHUNK_BYTES);
		const last = Math.ceil(end / CHUNK_BYTES);
		// A wide trim of a sparse device: fewer chunks exist than the range could hold.
		if (last - first > this.#chunks.size) {
			for (const number of this.#chunks.keys())
				if (number >= first && number < last) this.#trimChunk(number, start, end, keep);
			return;
		}
		for (let number = first; number < last; number++) this.#trimChunk(number, start, end, keep);
	}

	#trimChunk(number: number, start: number, end: number, keep: boolean): void {
		const chunkStart = number * CHUNK_BYTES;
		const from = Math.max(start - chunkStart, 0);
		const to = Math.min(end - chunkStart, CHUNK_BYTES);
		if (from === 0 && to === CHUNK_BYTES && !keep) this.#chunks.delete(number);
		else this.#chunks.get(number)?.fill(0, from, to);
	}

	/**
	 * As if the file under a device had grown: more zeros at the end. `sizeBytes` is a multiple of 512, not
	 * less than before.
	 */
	grow(sizeBytes: number): void {
		invariant(
			isSize(sizeBytes) && sizeBytes >= this.#info.sizeBytes,
			"a memory device grows by whole sectors",
		);
		this.#info = deviceInfo({ ...this.#info, sizeBytes });
		this.#listeners.changed();
	}

	/** There is no volatile write cache to switch on. */
	setWriteCache(enabled: boolean): boolean {
		return !enabled;
	}

	/** Nothing is ever under way. */
	cancel(_request: BlockRequest): void {}

	listen(listener: DeviceListener): () => void {
		return this.#listeners.add(listener);
	}

	async close(): Promise<CloseEnd> {
		this.#closed = true;
		this.#chunks.clear();
		return "closed";
	}
}

function isSize(sizeBytes: number): boolean {
	return Number.isSafeInteger(sizeBytes) && sizeBytes > 0 && sizeBytes % 512 === 0;
}
