/**
 * Puts one record after the other on storage, and syncs: one thing at a time. It knows which files have something that was not
 * synced; a sync takes them in the order of the log, so that nothing is stable behind a hole. Used by `log.ts`.
 */

import type { BlockDevice } from "../block/device.js";
import { BlockOp, BlockRequest, type RequestOwner } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import type { Memory } from "../wire/memory.js";

export interface WriterOwner {
	/** `synced`: and so is all that was written before. */
	written(status: StorageStatus, errno: number, synced: boolean): void;
	/** All that was written is on stable storage, or nobody knows what is. */
	synced(status: StorageStatus, errno: number): void;
}

/** So much may be unsynced while nobody waits for syncs: opening must read what comes after the last one. */
export const UNSYNCED_BYTES_MAX = 256 * 1024 * 1024;
/** While somebody does, whose sync has to wait for all of it, that others have written. */
export const UNSYNCED_BYTES_AWAITED = 8 * 1024 * 1024;

export class LogWriter implements RequestOwner {
	/** Written since the last sync, and so much is written before one that nobody waits for: twice as much after each. */
	#unsyncedBytes = 0;
	#mostBytes = UNSYNCED_BYTES_AWAITED;
	readonly #owner: WriterOwner;
	readonly #write = new BlockRequest(this);
	readonly #sync = new BlockRequest(this);
	/** Those with something unsynced, in the order of the log. */
	readonly #unsynced: BlockDevice[] = [];

	constructor(owner: WriterOwner) {
		this.#owner = owner;
		this.#write.op = BlockOp.write;
		this.#sync.op = BlockOp.flush;
	}

	/** It is time for a sync, even if nobody waits for one. */
	get hasMuchUnsynced(): boolean {
		return this.#unsyncedBytes >= this.#mostBytes;
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
		request.maySync = maySync && this.#unsynced.length === 1;
		if (maySync) this.#mostBytes = UNSYNCED_BYTES_AWAITED;
		device.submit(request.begin());
	}

	sync(isAwaited: boolean): void {
		this.#mostBytes = isAwaited ? UNSYNCED_BYTES_AWAITED : Math.min(UNSYNCED_BYTES_MAX, 2 * this.#mostBytes);
		this.#goOn();
	}

	#goOn(): void {
		const [first] = this.#unsynced;
		if (first === undefined) this.#owner.synced(StorageStatus.ok, 0);
		else first.submit(this.#sync.begin());
	}

	finished(request: BlockRequest): void {
		const { status, errno } = request;
		if (request === this.#write) {
			const synced = status === StorageStatus.ok && request.synced;
			if (synced) this.#isSynced();
			else this.#unsyncedBytes += request.lengthBytes;
			this.#owner.written(status, errno, synced);
			return;
		}
		if (status === StorageStatus.ok) {
			this.#unsynced.shift();
			if (this.#unsynced.length > 0) {
				this.#goOn();
				return;
			}
			this.#isSynced();
		}
		this.#owner.synced(status, errno);
	}

	#isSynced(): void {
		this.#unsynced.length = 0;
		this.#unsyncedBytes = 0;
	}
}
