/**
 * The one interface between protocols and storage. Above it nobody knows file descriptors; below it nobody knows AoE, ATA
 * or any later protocol. A device takes requests (`submit`), each of which completes exactly once, now or later, in any
 * order. Devices: `file.ts`, `memory.ts`. Layers (ordering, durability, slice) are devices that hand on to another device.
 * Every one of them passes the conformance suite in `lib/testing/block-conformance.ts`.
 */

import { invariant, StorageStatus } from "../errors.js";
import { heapMemory, type Memory } from "../wire/memory.js";

export const BlockOp = {
	/** Fill memory from the device. */
	read: 0,
	/** Put memory's bytes on the device. */
	write: 1,
	/** Everything that completed before this was submitted reaches stable storage. No range, no memory. */
	flush: 2,
	/** The range is no longer needed: it reads as zeros afterwards and its space goes back where that is possible. No memory. */
	trim: 3,
} as const;
export type BlockOp = (typeof BlockOp)[keyof typeof BlockOp];

export interface DeviceInfo {
	/** Bytes a request may touch, from 0. A multiple of 512. */
	readonly sizeBytes: number;
	/** Smallest unit the storage writes without reading first; a power of two, at least 512. */
	readonly physicalBlockBytes: number;
	readonly readOnly: boolean;
	/** True if trim gives space back; where it can't, a trim ends with `unsupported`. */
	readonly canTrim: boolean;
	/** True if a completed write may still be lost until a flush: the volatile write cache of the ATA standard is on. */
	readonly writeCache: boolean;
	/** True on storage without moving parts, or if unknown. */
	readonly nonRotational: boolean;
}

/** Told when `info` has changed (a file has grown, or shrunk and is served at its old size). */
export type DeviceListener = (device: BlockDevice) => void;

export interface BlockDevice {
	/** Read it each time it is needed: a new object when something has changed (the storage grows), else the same. */
	readonly info: DeviceInfo;
	/**
	 * Takes a request; `request.complete` is called exactly once, before or after `submit` returns. A range that is not in
	 * the device ends with `outOfRange`, a change of a read-only device with `readOnly`. Never throws for what storage does.
	 * The bytes of a write are the caller's until `submit` returns and the pump has run; a device that needs them longer
	 * calls `request.park()` first.
	 */
	submit(request: BlockRequest): void;
	/**
	 * Switches the volatile write cache on or off; false if this device can't or the operator forbade it. Once off,
	 * writes that complete are on stable storage; for those that completed before, the caller flushes afterwards.
	 */
	setWriteCache(enabled: boolean): boolean;
	/** At most one listener: the layer or blade above. */
	onChange(listener: DeviceListener): void;
	/** Waits for what is under way, then gives everything back. Later requests end with `closed`. */
	close(): Promise<void>;
}

/** A layer that wants to see a request again when what is below has done it. */
export interface RequestLayer {
	/** Called once per `push`, with its token. The layer calls `resume` or `complete` to let it go on upwards. */
	below(request: BlockRequest, token: number): void;
}

/** Most layers that may stand on each other. */
const MAX_LAYERS = 8;
/** Not the request's own offset: that has more than 31 bits, and would be put on the heap to be handed over. */
const UNKNOWN_OFFSET = -1;
const NO_MEMORY = heapMemory(0);

/**
 * One operation on a device. Pooled and reused by its owner, so that nothing is allocated per frame; the owner derives from
 * it and is told in `finished`. Ranges are in bytes.
 */
export abstract class BlockRequest {
	op: BlockOp = BlockOp.read;
	offsetBytes = 0;
	lengthBytes = 0;
	/**
	 * Trim: if not all of the range is meant, pairs of offset and length, in ascending order and apart from each other; the
	 * range goes from the first to the last of them. At most `RANGES_MAX`. All of them are trimmed, even if one can't be.
	 */
	ranges: Float64Array | null = null;
	/** Write: complete only when it is on stable storage (ATA's forced unit access). */
	fua = false;
	/** Write or trim: the device may put it on stable storage in the same go, where that is as quick, and then says so in `synced`. */
	maySync = false;
	/** Read: the device may answer with `borrowedAddress` rather than fill memory. */
	mayBorrow = false;
	/** Read: where the bytes go. Write: where they are. At least `lengthBytes` from `memoryOffset`. */
	memory: Memory = NO_MEMORY;
	memoryOffset = 0;
	/** Write: room of the owner's that `park` copies the bytes to. Null if `memory` stays valid until completion anyway. */
	parkMemory: Memory | null = null;
	parkOffset = 0;

	/** The result, valid in `finished`. */
	status: StorageStatus = StorageStatus.ok;
	/** The errno behind a failed status; 0 if there is none. */
	errno = 0;
	/** Where the first byte that failed is, in the coordinates of the device that was asked. */
	failedOffsetBytes = 0;
	/** Write or trim: it is on stable storage, though that was not asked for. */
	synced = false;
	/** Read: where the bytes are instead of in `memory`, or 0. Holds until the storage is next asked (see `Pump`). */
	borrowedAddress = 0;

	/** Links of the lists that layers and engines keep; a request is in one list at a time. */
	next: BlockRequest | null = null;
	/** The engine's: which of its files the request is for. */
	storageHandle = 0;

	// A stack of fixed size: push and pop of an array would give its memory back and take it again for every request.
	readonly #layers: (RequestLayer | null)[] = new Array(MAX_LAYERS).fill(null);
	readonly #tokens: number[] = new Array(MAX_LAYERS).fill(0);
	#depth = 0;
	#inFlight = false;

	/** Starts a new life. Owners call it after filling in the fields above, just before `device.submit(this)`. */
	begin(): this {
		invariant(!this.#inFlight, "request begun while in flight");
		this.#inFlight = true;
		this.status = StorageStatus.ok;
		this.errno = 0;
		this.failedOffsetBytes = 0;
		this.synced = false;
		this.borrowedAddress = 0;
		return this;
	}

	get inFlight(): boolean {
		return this.#inFlight;
	}

	/** `layer` wants to see this request, and the integer `token`, when the layers below are done with it. */
	push(layer: RequestLayer, token = 0): void {
		invariant(this.#depth < MAX_LAYERS, "too many layers");
		this.#layers[this.#depth] = layer;
		this.#tokens[this.#depth] = token;
		this.#depth++;
	}

	/**
	 * The device, or a layer that was called back, is done: on to the layer above, or to the owner. Where the first byte is that
	 * failed, is told by devices that know; else it is the first of all.
	 */
	complete(status: StorageStatus, errno = 0, failedOffsetBytes = UNKNOWN_OFFSET): void {
		invariant(this.#inFlight, "request completed twice");
		this.status = status;
		this.errno = errno;
		if (status === StorageStatus.ok) this.failedOffsetBytes = 0;
		else if (failedOffsetBytes === UNKNOWN_OFFSET) this.failedOffsetBytes = this.offsetBytes;
		else this.failedOffsetBytes = failedOffsetBytes;
		this.resume();
	}

	/** As `complete`, leaving the result as the layer below set it. */
	resume(): void {
		if (this.#depth > 0) {
			this.#depth--;
			this.#layers[this.#depth]!.below(this, this.#tokens[this.#depth]!);
			return;
		}
		this.#inFlight = false;
		this.finished();
	}

	/** Keeps a write's bytes beyond the current batch by copying them to the owner's room. Idempotent. */
	park(): void {
		if (this.op !== BlockOp.write || this.parkMemory === null) return;
		const from = this.memory.bytes.subarray(this.memoryOffset, this.memoryOffset + this.lengthBytes);
		this.parkMemory.bytes.set(from, this.parkOffset);
		this.parked();
	}

	/** The bytes are in the owner's room now (a device in C copies them itself and then says so). */
	parked(): void {
		if (this.parkMemory === null) return;
		this.memory = this.parkMemory;
		this.memoryOffset = this.parkOffset;
		this.parkMemory = null;
	}

	/** The owner's part: the request is over, `status` and its companions say how. May reuse the request at once. */
	protected abstract finished(): void;
}

/** A request whose owner just waits for it: for start-up, tests and everything that is rare. */
export class PromisedRequest extends BlockRequest {
	#resolve: (() => void) | null = null;

	/** Submits to `device` and resolves, never rejects, when it is over: look at `status`. */
	run(device: BlockDevice): Promise<this> {
		return new Promise((resolve) => {
			this.#resolve = () => resolve(this);
			device.submit(this.begin());
		});
	}

	protected finished(): void {
		const resolve = this.#resolve;
		this.#resolve = null;
		resolve?.();
	}
}

/** The check that every device makes first: undefined if the request may go on, else the status to complete it with. */
export function refuse(info: DeviceInfo, request: BlockRequest): StorageStatus | undefined {
	switch (request.op) {
		case BlockOp.flush:
			return undefined;
		case BlockOp.write:
		case BlockOp.trim:
			if (info.readOnly) return StorageStatus.readOnly;
			break;
		case BlockOp.read:
			break;
	}
	const { offsetBytes, lengthBytes } = request;
	if (!(offsetBytes >= 0 && lengthBytes >= 0 && offsetBytes + lengthBytes <= info.sizeBytes))
		return StorageStatus.outOfRange;
	if (request.op === BlockOp.trim && !info.canTrim) return StorageStatus.unsupported;
	return undefined;
}
