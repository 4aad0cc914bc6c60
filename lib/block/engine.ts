/**
 * The storage engine as JavaScript sees it: collects the requests of a turn and hands them to the addon in one call, then
 * completes those that the page cache could do at once, and the others when a worker has done them. One per thread, shared
 * by all file devices (`file.ts`), drained by the pump.
 */

import { getSystemErrorName } from "node:util";
import { invariant, StorageStatus } from "../errors.js";
import {
	COMPLETION_FIELDS,
	type EngineHandle,
	Errno,
	LACK_FIELDS,
	type NativeFile,
	native,
	nativeMemory,
	OPERATION_FUA,
	OPERATION_LIST,
	OPERATION_MAY_BORROW,
	OPERATION_PENDING,
	OPERATION_SYNC_TOO,
	OperationField,
	RESULT_SYNC_FAILED,
	RESULT_SYNCED,
} from "../native.js";
import type { Pump, PumpStage } from "../pump.js";
import { type LackListener, LackWatch } from "./lack.js";
import { RANGES_MAX } from "./ranges.js";
import { BlockOp, type BlockRequest } from "./request.js";
import { SizeWatch } from "./sizes.js";
import { LOOK_EVERY_MS, type StallListener, StallWatch } from "./stalls.js";

/** Operations handed over in one call; more wait for the next round of the pump. */
const BATCH_OPERATIONS = 256;

export type EngineKind = "auto" | "threads";

/** `VBLADE_ENGINE=threads` does without io_uring: for tests, and for kernels on which it misbehaves. */
function defaultEngineKind(): EngineKind {
	return process.env.VBLADE_ENGINE === "threads" ? "threads" : "auto";
}

export class StorageEngine implements PumpStage {
	readonly #pump: Pump;
	readonly #operations = new Float64Array(BATCH_OPERATIONS * OperationField.count);
	readonly #completions = new Float64Array(BATCH_OPERATIONS * COMPLETION_FIELDS);
	/** The lists of ranges of the batch, one behind the other: where the addon can see them. */
	readonly #listMemory = nativeMemory(RANGES_MAX * 2 * Float64Array.BYTES_PER_ELEMENT);
	readonly #lists = new Float64Array(this.#listMemory.bytes.buffer);
	#listsUsed = 0;
	readonly #handle: EngineHandle;
	/** Requests that wait for the pump, oldest first, linked by `next`. */
	#first: BlockRequest | null = null;
	#last: BlockRequest | null = null;
	/** The requests of the batch that is being handed over, by position. */
	readonly #batch: (BlockRequest | null)[] = new Array<null>(BATCH_OPERATIONS).fill(null);
	/** Requests under way in the addon, by token, and the tokens that are free. */
	readonly #underWay: (BlockRequest | null)[] = [];
	readonly #freeTokens: number[] = [];
	readonly #stalls = new StallWatch();
	readonly #sizes: SizeWatch;
	readonly #lack = new LackWatch();
	readonly #lackFields = new Float64Array(LACK_FIELDS);
	readonly #look: NodeJS.Timeout;
	#closed = false;

	/** `kind`: how operations that have to wait are carried out; `auto` is io_uring where it can be had. */
	constructor(pump: Pump, kind: EngineKind = defaultEngineKind()) {
		this.#pump = pump;
		this.#handle = native.engineOpen(
			this.#operations,
			this.#completions,
			() => this.#reap(),
			kind !== "threads",
		);
		this.#sizes = new SizeWatch((first, sizes) => native.fileSizes(this.#handle, first, sizes));
		this.#look = setInterval(() => this.#lookAround(), LOOK_EVERY_MS);
		this.#look.unref();
		pump.addStorage(this);
	}

	/** How operations that have to wait are carried out, and if that is not by io_uring, why not. */
	get description(): string {
		const errno = native.engineUring(this.#handle);
		if (errno === 0) return "io_uring";
		return errno < 0 ? "worker threads" : `worker threads (no io_uring: ${getSystemErrorName(-errno)})`;
	}

	/** Opens a file and locks a part of it, with a length of 0 all that follows. Throws a NativeError: `step` says what failed. */
	open(path: string, flags: number, beginBytes: number, lengthBytes: number): NativeFile {
		return native.fileOpen(this.#handle, path, flags, beginBytes, lengthBytes);
	}

	/** The same, by a thread of its own: who is served meanwhile does not wait for the disk. */
	openLater(path: string, flags: number, beginBytes: number, lengthBytes: number): Promise<NativeFile> {
		return native.fileOpenLater(this.#handle, path, flags, beginBytes, lengthBytes);
	}

	/** Memory as a file. Throws a NativeError. */
	openMemory(sizeBytes: number, flags: number): NativeFile {
		return native.memoryOpen(this.#handle, sizeBytes, flags);
	}

	/** Tells `listener` when a file has another size than before; a grown one is served to its new end from then on. */
	watchSize(file: number, listener: (sizeBytes: number) => void): void {
		this.#sizes.watch(file, listener);
	}

	/** How often files have been measured. */
	get measurements(): number {
		return this.#sizes.measurements;
	}

	/** Tells `listener` when requests on a file take remarkably long. */
	watchStalls(file: number, listener: StallListener): void {
		this.#stalls.watch(file, listener);
	}

	/** Tells `listener` when operations can't be begun for want of threads or memory. */
	watchLack(listener: LackListener): void {
		this.#lack.watch(listener);
	}

	/** Operations that could not be begun at once for want of threads or memory, so far. */
	get putOff(): number {
		return this.#lack.putOff;
	}

	#lookAround(): void {
		if (this.expects) this.#stalls.look(this.#underWay);
		native.engineRetry(this.#handle, this.#lackFields);
		const [errno = 0, putOff = 0] = this.#lackFields;
		this.#lack.look(errno, putOff);
	}

	/** Closes a file; false if requests on it are still under way. A closed engine has closed its files. */
	closeFile(file: number): boolean {
		if (this.#closed) return true;
		// Those that still wait for the pump would find the file gone, or another one in its place.
		for (let request = this.#first; request !== null; request = request.next)
			if (request.storageHandle === file) return false;
		if (!native.fileClose(this.#handle, file)) return false;
		this.#stalls.forget(file);
		this.#sizes.forget(file);
		return true;
	}

	/** Queues a request on an open file. Its `memory` must have an address. */
	submit(file: number, request: BlockRequest): void {
		request.storageHandle = file;
		request.next = null;
		if (this.#last === null) this.#first = request;
		else this.#last.next = request;
		this.#last = request;
		this.#pump.wake();
	}

	get hasWork(): boolean {
		return this.#first !== null;
	}

	get expects(): boolean {
		return this.#underWay.length > this.#freeTokens.length;
	}

	drain(): void {
		const count = this.#marshal();
		native.engineSubmit(this.#handle, count);
		const operations = this.#operations;
		for (let i = 0, at = 0; i < count; i++, at += OperationField.count) {
			const request = this.#batch[i]!;
			this.#batch[i] = null;
			invariant(request !== null, "empty place in a batch");
			const state = operations[at + OperationField.kind]!;
			if (state === OPERATION_PENDING) {
				request.parked();
				continue;
			}
			const token = operations[at + OperationField.token]!;
			this.#underWay[token] = null;
			this.#freeTokens.push(token);
			if (state === 0) {
				request.borrowedAddress = operations[at + OperationField.borrowed]!;
				// A write that did not wait for a disk is in memory, and as stable there as it can be.
				request.synced = request.op === BlockOp.write;
			}
			finish(request, state, operations, at + OperationField.offset);
		}
	}

	#marshal(): number {
		const operations = this.#operations;
		let count = 0;
		let request = this.#first;
		this.#listsUsed = 0;
		for (let at = 0; request !== null && count < BATCH_OPERATIONS; at += OperationField.count) {
			if (request.ranges !== null && !this.#hasRoomFor(request.ranges)) break;
			const token = this.#freeTokens.pop() ?? this.#underWay.length;
			this.#underWay[token] = request;
			this.#batch[count++] = request;
			operations[at + OperationField.kind] =
				request.op |
				(request.op === BlockOp.read
					? request.mayBorrow
						? OPERATION_MAY_BORROW
						: 0
					: (request.fua ? OPERATION_FUA : 0) | (request.maySync ? OPERATION_SYNC_TOO : 0));
			operations[at + OperationField.file] = request.storageHandle;
			operations[at + OperationField.offset] = request.offsetBytes;
			operations[at + OperationField.length] = request.lengthBytes;
			operations[at + OperationField.address] = request.memory.address + request.memoryOffset;
			operations[at + OperationField.park] = request.isLent ? request.room.address + request.roomOffset : 0;
			operations[at + OperationField.token] = token;
			if (request.ranges !== null) this.#marshalList(at, request.ranges);
			const next: BlockRequest | null = request.next;
			request.next = null;
			request = next;
		}
		this.#first = request;
		if (request === null) this.#last = null;
		return count;
	}

	/** A list that does not fit behind those of the batch waits for the next one. */
	#hasRoomFor(ranges: Float64Array): boolean {
		invariant(ranges.length <= this.#lists.length, "a request has too many ranges");
		return this.#listsUsed + ranges.length <= this.#lists.length;
	}

	/** The addon copies it before the batch is over. */
	#marshalList(at: number, ranges: Float64Array): void {
		const operations = this.#operations;
		this.#lists.set(ranges, this.#listsUsed);
		operations[at + OperationField.kind]! += OPERATION_LIST;
		operations[at + OperationField.address] =
			this.#listMemory.address + this.#listsUsed * Float64Array.BYTES_PER_ELEMENT;
		operations[at + OperationField.park] = ranges.length / 2;
		this.#listsUsed += ranges.length;
	}

	/** Workers have finished something. */
	#reap(): void {
		if (this.#closed) return;
		const count = native.engineReap(this.#handle);
		for (let i = 0, at = 0; i < count; i++, at += COMPLETION_FIELDS) {
			const token = this.#completions[at]!;
			const request = this.#underWay[token];
			invariant(request !== null && request !== undefined, "completion of an unknown operation");
			this.#stalls.over(token, request.storageHandle);
			this.#underWay[token] = null;
			this.#freeTokens.push(token);
			finish(request, this.#completions[at + 1]!, this.#completions, at + 2);
		}
		this.#pump.run();
	}

	/** Ends the workers, waiting a moment for what they do. Files must have been closed before. */
	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		clearInterval(this.#look);
		this.#sizes.close();
		this.#pump.remove(this);
		native.engineClose(this.#handle);
	}
}

/** Completes a request with what the addon said; where it failed is `fields[at]`. */
function finish(request: BlockRequest, result: number, fields: Float64Array, at: number): void {
	if (result === RESULT_SYNCED) request.synced = true;
	if (result >= 0) {
		request.complete(StorageStatus.ok);
		return;
	}
	const failedOffsetBytes = fields[at]!;
	if (result < RESULT_SYNC_FAILED)
		request.complete(StorageStatus.syncFailed, RESULT_SYNC_FAILED - result, failedOffsetBytes);
	else request.complete(statusOf(request.op, -result), -result, failedOffsetBytes);
}

/** What an errno means for an operation. A failed flush is always `syncFailed`: nobody knows what was lost. */
function statusOf(op: BlockOp, errno: number): StorageStatus {
	if (op === BlockOp.flush) return StorageStatus.syncFailed;
	switch (errno) {
		case Errno.ERANGE:
			return StorageStatus.outOfRange;
		case Errno.ENOSPC:
		case Errno.EDQUOT:
		case Errno.EFBIG:
			return StorageStatus.noSpace;
		case Errno.EROFS:
		case Errno.EPERM:
		case Errno.ETXTBSY:
			return StorageStatus.writeProtected;
		case Errno.EOPNOTSUPP:
			return StorageStatus.unsupported;
		default:
			return StorageStatus.mediumError;
	}
}
