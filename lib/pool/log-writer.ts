/**
 * Puts one record after the other on storage, and syncs. It knows which files have something that was not synced; a sync takes them in
 * the order of the log, so that nothing is stable behind a hole. One that nobody waits for goes on beside further records, which are
 * for the next one. Used by `log.ts`.
 */

import type { BlockDevice } from "../block/device.js";
import { BlockOp, BlockRequest, type RequestOwner } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import type { Refusal } from "./log-room.js";

export interface WriterOwner {
	/** `synced`: and so is all that was written before. */
	written(status: StorageStatus, errno: number, synced: boolean): void;
	/** All up to that record is on stable storage, or nobody knows what is. */
	synced(status: StorageStatus, errno: number, sequence: number): void;
}

/** So much may be unsynced while nobody waits for syncs: opening must read what comes after the last one. */
export const UNSYNCED_BYTES_MAX = 256 * 1024 * 1024;
/** While somebody does, whose sync has to wait for all of it, that others have written. */
export const UNSYNCED_BYTES_AWAITED = 8 * 1024 * 1024;
/** A sync that nobody waits for begins with so much, or with half of what may be unsynced: the other half is written meanwhile. */
export const SYNC_BYTES = 32 * 1024 * 1024;

export class LogWriter implements RequestOwner {
	/** There is a sync under way, of all up to that record. */
	#isSyncing = false;
	#sequence = 0;
	/** What is on storage is unknown: nothing more is told. */
	#hasFailed = false;
	/** Written since the last sync began, and what that is for. */
	#unsyncedBytes = 0;
	#syncingBytes = 0;
	/** So much may be unsynced: twice as much after each sync that nobody waited for. */
	#mostBytes = UNSYNCED_BYTES_AWAITED;
	/** Nobody has waited since the sync under way began. */
	#isForNobody = false;
	/** What is to be written has found no space, and waits: nothing of that was told. */
	isStuck = false;
	#isEnding = false;
	readonly #owner: WriterOwner;
	readonly #refusal: Refusal;
	readonly #write = new BlockRequest(this);
	readonly #sync = new BlockRequest(this);
	/** Those with something unsynced that the sync under way is for, and those with something that it is not for; in the order of the log. */
	#syncing: BlockDevice[] = [];
	#unsynced: BlockDevice[] = [];

	constructor(owner: WriterOwner, refusal: Refusal) {
		this.#owner = owner;
		this.#refusal = refusal;
		this.#write.op = BlockOp.write;
		this.#sync.op = BlockOp.flush;
	}

	/** It is time for a sync, even if nobody waits for one. */
	get isSyncDue(): boolean {
		return !this.#isSyncing && this.#unsyncedBytes >= Math.min(SYNC_BYTES, this.#mostBytes / 2);
	}

	/** Nothing more is to be written before the sync under way is over. */
	get hasMuchUnsynced(): boolean {
		return this.#isSyncing && this.#unsyncedBytes + this.#syncingBytes >= this.#mostBytes;
	}

	/** As one request: it is there as a whole, or the log ends before it. */
	write(
		device: BlockDevice,
		offsetBytes: number,
		memory: Memory,
		lengthBytes: number,
		maySync: boolean,
	): void {
		const request = this.#write;
		if (this.#unsynced.at(-1) !== device) this.#unsynced.push(device);
		request.offsetBytes = offsetBytes;
		request.lengthBytes = lengthBytes;
		request.memory = memory;
		// It would be no sync of what another file still has.
		request.maySync = maySync && !this.#isSyncing && this.#unsynced.length === 1;
		if (maySync) this.#isAwaited();
		device.submit(request.begin());
	}

	/** What found no space, once more, but not too often: what there is of it in its place by now is the same. */
	retry(): void {
		if (!this.isStuck || this.#hasFailed || this.#write.inFlight || !this.#refusal.mayRetry) return;
		this.#unsynced.at(-1)!.submit(this.#write.begin());
	}

	/** Nobody waits for space any more: what has none has failed. */
	end(): void {
		this.#isEnding = true;
		if (this.isStuck && !this.#write.inFlight) this.finished(this.#write);
	}

	/** Of all that is written, up to the record of that number. One that is under way goes first, and is told of. */
	sync(sequence: number, isAwaited: boolean): void {
		if (isAwaited) this.#isAwaited();
		if (this.#isSyncing) return;
		this.#isSyncing = true;
		this.#isForNobody = !isAwaited;
		this.#sequence = sequence;
		this.#syncingBytes = this.#unsyncedBytes;
		this.#unsyncedBytes = 0;
		[this.#syncing, this.#unsynced] = [this.#unsynced, this.#syncing];
		this.#goOn();
	}

	#isAwaited(): void {
		this.#mostBytes = UNSYNCED_BYTES_AWAITED;
		this.#isForNobody = false;
	}

	#goOn(): void {
		const [first] = this.#syncing;
		if (first !== undefined) {
			first.submit(this.#sync.begin());
			return;
		}
		this.#isSyncing = false;
		this.#syncingBytes = 0;
		if (this.#isForNobody) this.#mostBytes = Math.min(UNSYNCED_BYTES_MAX, 2 * this.#mostBytes);
		this.#owner.synced(StorageStatus.ok, 0, this.#sequence);
	}

	finished(request: BlockRequest): void {
		const { status, errno } = request;
		const isSync = request === this.#sync;
		if (this.#hasFailed) return;
		if (!isSync && status === StorageStatus.noSpace && !this.#isEnding) {
			this.isStuck = true;
			this.#refusal.begin(status, errno);
			return;
		}
		this.#hasFailed = status !== StorageStatus.ok;
		if (!isSync) this.#isWritten(request);
		else if (this.#hasFailed) this.#owner.synced(status, errno, this.#sequence);
		else {
			this.#syncing.shift();
			this.#goOn();
		}
	}

	#isWritten({ status, errno, synced: isSynced, lengthBytes }: BlockRequest): void {
		if (this.isStuck && !this.#hasFailed) {
			this.isStuck = false;
			this.#refusal.status = StorageStatus.ok;
		}
		// (What the sync under way is for is not, whatever is said of what came later.)
		const synced = isSynced && !this.#hasFailed && !this.#isSyncing;
		if (synced) {
			this.#unsynced.length = 0;
			this.#unsyncedBytes = 0;
		} else this.#unsyncedBytes += lengthBytes;
		this.#owner.written(status, errno, synced);
	}
}
