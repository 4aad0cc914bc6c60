/**
 * What is asked of a device: the operations, and the request that carries one of them down through the layers and back up.
 * Filled in by whoever owns it, taken by `BlockDevice.submit` (`device.ts`), completed by whoever has done it. A layer that
 * wants to see it again on its way up pushes itself on the request's stack.
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
	/** The range reads as zeros afterwards, as if they had been written. No memory. */
	writeZeroes: 4,
	/** What does the range consist of? Answered in `extents`. No memory. */
	extents: 5,
} as const;
export type BlockOp = (typeof BlockOp)[keyof typeof BlockOp];

/** What there is to know of an operation, whatever carries it out. */
export interface OpTraits {
	/** It changes what is on the device: a read-only one refuses it, and what overlaps it waits for it. */
	readonly changes: boolean;
	/** It is about `lengthBytes` from `offsetBytes` on. */
	readonly hasRange: boolean;
	/** What a device must have to carry it out, of `DeviceInfo`; else it ends with `unsupported`. */
	readonly needs: "canTrim" | null;
}

export const OP_TRAITS: Readonly<Record<BlockOp, OpTraits>> = {
	[BlockOp.read]: { changes: false, hasRange: true, needs: null },
	[BlockOp.write]: { changes: true, hasRange: true, needs: null },
	[BlockOp.flush]: { changes: false, hasRange: false, needs: null },
	[BlockOp.trim]: { changes: true, hasRange: true, needs: "canTrim" },
	[BlockOp.writeZeroes]: { changes: true, hasRange: true, needs: null },
	[BlockOp.extents]: { changes: false, hasRange: true, needs: null },
};

/** The name of an operation, for logs and test messages. */
export function operationName(op: BlockOp): string {
	for (const [name, value] of Object.entries(BlockOp)) if (value === op) return name;
	return String(op);
}

/** A layer that wants to see a request again when what is below has done it. */
export interface RequestLayer {
	/** Called once per `push`, with its token. The layer calls `resume` or `complete` to let it go on upwards. */
	below(request: BlockRequest, token: number): void;
}

/** Most layers that may stand on each other: a disk has five, and each mirror that it is made of two more. */
const MAX_LAYERS = 16;
/** Not the request's own offset: that has more than 31 bits, and would be put on the heap to be handed over. */
const UNKNOWN_OFFSET = -1;
const NO_MEMORY = heapMemory(0);

/** What is there decides about a write: whether it is done, and of which bytes. Nothing that overlaps the write comes between. */
export interface WriteGuard {
	/** For what is there: at least as long as the write, from `memoryOffset` on. */
	readonly memory: Memory;
	readonly memoryOffset: number;
	/** What is there has been read. The bytes to write, which are in the request's `memory`, may be changed. False: nothing is written, and all is well. */
	allows(request: BlockRequest): boolean;
}

/** Who has something done. A request is given its owner when it is made, lives with it, and is used again and again. */
export interface RequestOwner {
	/** `request` is over: its `status` and what goes with that say how. May be used again at once. */
	finished(request: BlockRequest): void;
}

/**
 * One operation on a device. Pooled and reused by its owner, so that nothing is allocated per frame. Nobody derives from it: all
 * requests have one shape, which the layers and engines on their way are compiled for, however many protocols there are. What
 * owners have in addition, they keep themselves. Ranges are in bytes.
 */
export class BlockRequest {
	op: BlockOp = BlockOp.read;
	offsetBytes = 0;
	lengthBytes = 0;
	/**
	 * Trim: if not all of the range is meant, pairs of offset and length, in ascending order and apart from each other; the
	 * range goes from the first to the last of them. At most `RANGES_MAX`. All of them are trimmed, even if one can't be.
	 */
	ranges: Float64Array | null = null;
	/** Write, of zeroes too: complete only when it is on stable storage (ATA's forced unit access). */
	fua = false;
	/** What changes something: the device may put it on stable storage in the same go, where that is as quick, and then says so in `synced`. */
	maySync = false;
	/** Write zeroes: the space may go back, where that is possible; else it is kept. */
	mayUnmap = false;
	/** Read: 1 and more: of that one of the device's copies, in a circle (another was found to be wrong); 0: of any. */
	anotherCopy = 0;
	/** Read: the device may answer with `borrowedAddress` rather than fill memory. */
	mayBorrow = false;
	/** Read: where the bytes go. Write: where they are. At least `lengthBytes` from `memoryOffset`. */
	memory: Memory = NO_MEMORY;
	memoryOffset = 0;
	/** Write: the bytes are lent until the pump has run. Who needs them longer calls `park`; else they stay until completion. */
	isLent = false;
	/** The owner's room, for what is lent to be parked in. As large as `memory`'s part of the request. */
	room: Memory = NO_MEMORY;
	roomOffset = 0;
	/** Write: what is there is read first, and this is asked. By the ordering layer alone (`ordering.ts`), which sets it to null as soon as that is decided. */
	guard: WriteGuard | null = null;
	/**
	 * Extents: where the answer goes, pairs of length in bytes and `ExtentFlag`s, at least one. They begin where the range does,
	 * one behind the other, and may end before it: then the rest has to be asked for once more.
	 */
	extents: Float64Array | null = null;

	/** The result, valid in the owner's `finished`. */
	status: StorageStatus = StorageStatus.ok;
	/** The errno behind a failed status; 0 if there is none. */
	errno = 0;
	/** Where the first byte that failed is, in the coordinates of the device that was asked. */
	failedOffsetBytes = 0;
	/** What changes something: it is on stable storage, though that was not asked for. */
	synced = false;
	/** Read: where the bytes are instead of in `memory`, or 0. Holds until the storage is next asked (see `Pump`). */
	borrowedAddress = 0;
	/** Extents: how many there are. */
	extentCount = 0;

	/** Links of the lists that layers and engines keep; a request is in one list at a time. */
	next: BlockRequest | null = null;
	/** The engine's: which of its files the request is for. */
	storageHandle = 0;

	// A stack of fixed size: push and pop of an array would give its memory back and take it again for every request.
	readonly #layers: (RequestLayer | null)[] = new Array(MAX_LAYERS).fill(null);
	readonly #tokens: number[] = new Array(MAX_LAYERS).fill(0);
	#depth = 0;
	#inFlight = false;

	constructor(readonly owner: RequestOwner) {
		invariant(new.target === BlockRequest, "a request is derived from");
	}

	/** Starts a new life. Owners call it after filling in the fields above, just before `device.submit(this)`. */
	begin(): this {
		invariant(!this.#inFlight, "request begun while in flight");
		this.#inFlight = true;
		this.status = StorageStatus.ok;
		this.errno = 0;
		this.failedOffsetBytes = 0;
		this.synced = false;
		this.borrowedAddress = 0;
		this.extentCount = 0;
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
		this.owner.finished(this);
	}

	/** Keeps a write's bytes beyond the current batch by copying them to the owner's room. Idempotent. */
	park(): void {
		if (this.op !== BlockOp.write || !this.isLent) return;
		const from = this.memory.bytes.subarray(this.memoryOffset, this.memoryOffset + this.lengthBytes);
		this.room.bytes.set(from, this.roomOffset);
		this.parked();
	}

	/** The bytes are in the owner's room now (a device in C copies them itself and then says so). */
	parked(): void {
		if (this.isLent) this.useRoom();
	}

	/** From here on the bytes are, or will be, in the owner's room. */
	useRoom(): void {
		this.memory = this.room;
		this.memoryOffset = this.roomOffset;
		this.isLent = false;
	}
}
