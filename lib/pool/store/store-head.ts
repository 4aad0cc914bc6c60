/**
 * The head of a pool in an object store, as the pool sees it: 8 KiB in a file of this host, of which each cut has a copy. Made by `store-folder.ts`,
 * which is closed with it.
 */

import { type CloseEnd, endWithin } from "../../block/close.js";
import { type BlockDevice, type DeviceInfo, deviceInfo, refuse } from "../../block/device.js";
import { type DeviceListener, Listeners } from "../../block/listeners.js";
import { BlockOp, type BlockRequest } from "../../block/request.js";
import { OperatorError, StorageStatus, unreachable } from "../../errors.js";
import { InTurn } from "../../in-turn.js";
import type { Memory } from "../../wire/memory.js";
import { HEAD_FILE_BYTES } from "../head.js";
import { run } from "../run.js";

const INFO = deviceInfo({ sizeBytes: HEAD_FILE_BYTES, writeCache: true });

export interface StoreHeadOf {
	readonly device: BlockDevice;
	readonly name: string;
	readonly content: Memory;
	readonly changed: () => void;
	/** Resolves when the store has what was written, if that is what a flush is for. Throws an OperatorError. */
	readonly flushed: () => Promise<void>;
	readonly close: () => Promise<void>;
}

export class StoreHead implements BlockDevice {
	readonly #of: StoreHeadOf;
	readonly #listeners = new Listeners();
	readonly #turns = new InTurn();
	#closing: Promise<CloseEnd> | null = null;

	constructor(of: StoreHeadOf) {
		this.#of = of;
	}

	get info(): DeviceInfo {
		return INFO;
	}

	submit(request: BlockRequest): void {
		const refused = this.#closing === null ? refuse(INFO, request) : StorageStatus.closed;
		if (refused !== undefined) {
			request.complete(refused);
			return;
		}
		request.park();
		void this.#turns.run(() => this.#carryOut(request));
	}

	async #carryOut(request: BlockRequest): Promise<void> {
		try {
			request.complete(await this.#do(request));
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			request.complete(request.op === BlockOp.flush ? StorageStatus.syncFailed : StorageStatus.mediumError);
		}
	}

	/** Throws an OperatorError. */
	async #do({ op, offsetBytes, lengthBytes, memory, memoryOffset }: BlockRequest): Promise<StorageStatus> {
		const { device, name, content, changed, flushed } = this.#of;
		switch (op) {
			case BlockOp.read:
				memory.bytes.set(content.bytes.subarray(offsetBytes, offsetBytes + lengthBytes), memoryOffset);
				return StorageStatus.ok;
			case BlockOp.write:
				await run(device, op, offsetBytes, lengthBytes, memory, name, memoryOffset);
				content.bytes.set(memory.bytes.subarray(memoryOffset, memoryOffset + lengthBytes), offsetBytes);
				changed();
				return StorageStatus.ok;
			case BlockOp.flush:
				await run(device, op, 0, 0, undefined, name);
				await flushed();
				return StorageStatus.ok;
			case BlockOp.trim:
			case BlockOp.writeZeroes:
			case BlockOp.extents:
				return StorageStatus.unsupported;
			default:
				return unreachable(op);
		}
	}

	setWriteCache(enabled: boolean): boolean {
		return enabled === INFO.writeCache;
	}

	/** What has begun goes on. */
	cancel(): void {}

	listen(listener: DeviceListener): () => void {
		return this.#listeners.add(listener);
	}

	close(limitMs = Infinity): Promise<CloseEnd> {
		this.#closing ??= this.#closeInOrder();
		return endWithin(this.#closing, limitMs);
	}

	async #closeInOrder(): Promise<CloseEnd> {
		await this.#turns.idle();
		await this.#of.close();
		return "closed";
	}
}
