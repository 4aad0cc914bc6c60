/**
 * The storage engine as JavaScript sees it: collects the requests of a turn and hands them to the addon in one call, then
 * completes those that the page cache could do at once, and the others when a worker has done them. One per thread, shared
 * by all file devices (`file.ts`), drained by the pump.
 */

import { closeSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { invariant, OperatorError, StorageStatus } from "../errors.js";
import {
	COMPLETION_FIELDS,
	type EngineHandle,
	LACK_FIELDS,
	type NativeFile,
	native,
	OPERATION_FUA,
	OPERATION_MAY_BORROW,
	OPERATION_MAY_UNMAP,
	OPERATION_PENDING,
	OPERATION_SYNC_TOO,
	OperationField,
	type PassedFile,
} from "../native.js";
import type { Pump, PumpStage } from "../pump.js";
import { Enclosures } from "./enclosures.js";
import { type LackListener, LackWatch } from "./lack.js";
import { finish } from "./native-result.js";
import { isNoThread, Openings } from "./openings.js";
import { BlockOp, type BlockRequest } from "./request.js";
import { RequestList } from "./request-list.js";
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
	/** Files that are being opened, and those that wait for that. */
	readonly openings = new Openings();
	readonly #pump: Pump;
	readonly #operations = new Float64Array(BATCH_OPERATIONS * OperationField.count);
	readonly #completions = new Float64Array(BATCH_OPERATIONS * COMPLETION_FIELDS);
	readonly #enclosures = new Enclosures();
	readonly #handle: EngineHandle;
	/** Requests that wait for the pump. */
	readonly #queued = new RequestList();
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

	/** The same, by a thread of its own: who is served meanwhile does not wait for the disk. `signal`: see `openings.ts`. */
	async openLater(
		path: string,
		flags: number,
		beginBytes: number,
		lengthBytes: number,
		signal?: AbortSignal,
	): Promise<NativeFile> {
		const begin = async () => {
			try {
				return await native.fileOpenLater(this.#handle, path, flags, beginBytes, lengthBytes);
			} catch (error) {
				// Better to wait for the disk than for a thread, as long as nobody is served who would wait as well.
				if (!isNoThread(error) || !this.#isUnused) throw error;
				return this.open(path, flags, beginBytes, lengthBytes);
			}
		};
		signal?.throwIfAborted();
		return this.openings.open(path, begin, signal);
	}

	/** A file that another process opens, which `ask` has it do; it is measured and mapped by a thread of its own. */
	adoptLater(
		path: string,
		flags: number,
		ask: () => Promise<PassedFile>,
		signal?: AbortSignal,
	): Promise<NativeFile> {
		const begin = async () => {
			const { descriptor, traits } = await ask();
			if (!this.#closed) return native.fileAdopt(this.#handle, descriptor, flags, Float64Array.from(traits));
			closeSync(descriptor);
			throw new OperatorError(`${path}: closed before it was open`);
		};
		signal?.throwIfAborted();
		return this.openings.open(path, begin, signal);
	}

	/** Memory as a file: new, or what another process keeps, with its descriptor from now on. Throws a NativeError. */
	openMemory(memory: { sizeBytes: number } | { descriptor: number }, flags: number): NativeFile {
		if ("descriptor" in memory) return native.memoryAdopt(this.#handle, memory.descriptor, flags);
		return native.memoryOpen(this.#handle, memory.sizeBytes, flags);
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
		this.#lack.look(errno || this.openings.lack, putOff + this.openings.putOff);
		this.openings.retry();
		this.#sizes.beat();
	}

	/** Closes a file; false if requests on it are still under way. A closed engine has closed its files. */
	closeFile(file: number): boolean {
		if (this.#closed) return true;
		// Those that still wait for the pump would find the file gone, or another one in its place.
		for (let request = this.#queued.first; request !== null; request = request.next)
			if (request.storageHandle === file) return false;
		if (!native.fileClose(this.#handle, file)) return false;
		this.#stalls.forget(file);
		this.#sizes.forget(file);
		return true;
	}

	/** Queues a request on an open file. Its `memory` must have an address. */
	submit(file: number, request: BlockRequest): void {
		request.storageHandle = file;
		this.#queued.add(request);
		this.#pump.wake();
	}

	/** Ends a request that has not begun: it waits for the pump, or for a worker. */
	cancel(request: BlockRequest): void {
		if (this.#queued.remove(request)) {
			request.complete(StorageStatus.cancelled);
			return;
		}
		const token = this.#underWay.indexOf(request);
		if (token >= 0 && !this.#closed) native.engineCancel(this.#handle, request.storageHandle, token);
	}

	get hasWork(): boolean {
		return !this.#queued.isEmpty;
	}

	get expects(): boolean {
		return this.#underWay.length > this.#freeTokens.length;
	}

	/** Whether nothing has ever been asked of it. */
	get #isUnused(): boolean {
		return this.#underWay.length === 0 && this.#queued.isEmpty;
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
			if (request.op === BlockOp.extents) this.#enclosures.takeAnswer(request, token);
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
		let request = this.#queued.first;
		this.#enclosures.beginBatch();
		for (let at = 0; request !== null && count < BATCH_OPERATIONS; at += OperationField.count) {
			if (request.ranges !== null && !this.#enclosures.hasRoomFor(request.ranges)) break;
			const token = this.#freeTokens.pop() ?? this.#underWay.length;
			this.#underWay[token] = request;
			this.#batch[count++] = request;
			operations[at + OperationField.kind] = request.op | flagsOf(request);
			operations[at + OperationField.file] = request.storageHandle;
			operations[at + OperationField.offset] = request.offsetBytes;
			operations[at + OperationField.length] = request.lengthBytes;
			operations[at + OperationField.address] = request.memory.address + request.memoryOffset;
			operations[at + OperationField.park] = request.isLent ? request.room.address + request.roomOffset : 0;
			operations[at + OperationField.token] = token;
			if (request.ranges !== null) this.#enclosures.addList(operations, at, request.ranges);
			if (request.op === BlockOp.extents) this.#enclosures.addAnswer(operations, at, request, token);
			this.#queued.shift();
			request = this.#queued.first;
		}
		return count;
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
			if (request.op === BlockOp.extents) this.#enclosures.takeAnswer(request, token);
			finish(request, this.#completions[at + 1]!, this.#completions, at + 2);
		}
		this.#pump.run();
	}

	/** Ends the workers, waiting a moment for what they do. Files must have been closed before. */
	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		clearInterval(this.#look);
		this.openings.close();
		this.#sizes.close();
		this.#pump.remove(this);
		native.engineClose(this.#handle);
	}
}

function flagsOf(request: BlockRequest): number {
	if (request.op === BlockOp.read) return request.mayBorrow ? OPERATION_MAY_BORROW : 0;
	return (
		(request.fua ? OPERATION_FUA : 0) |
		(request.maySync ? OPERATION_SYNC_TOO : 0) |
		(request.op === BlockOp.writeZeroes && request.mayUnmap ? OPERATION_MAY_UNMAP : 0)
	);
}
