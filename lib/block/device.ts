/**
 * The one interface between protocols and storage. Above it nobody knows file descriptors; below it nobody knows AoE, ATA
 * or any later protocol. A device takes requests (`request.ts`), each of which completes exactly once, now or later, in any
 * order. Devices: `file.ts`, `memory.ts`. Layers (ordering, durability, slice) are devices that hand on to another device.
 * Every one of them passes the conformance suite in `lib/testing/block-conformance.ts`.
 */

import { StorageStatus } from "../errors.js";
import type { CloseEnd } from "./close.js";
import { BlockOp, BlockRequest, type RequestOwner } from "./request.js";

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
	/**
	 * Waits for what is under way, then gives everything back. Later requests end with `closed`. Waits for at most `limitMs`,
	 * by default for as long as suits the device; who asks once more gets the first one's answer.
	 */
	close(limitMs?: number): Promise<CloseEnd>;
}

/** A request, and somebody who just waits for it: for start-up, tests and everything that is rare. */
export class PromisedRequest implements RequestOwner {
	readonly request = new BlockRequest(this);
	#resolve: ((request: BlockRequest) => void) | null = null;

	/** Submits the request to `device` and resolves with it, never rejects, when it is over: look at its `status`. */
	run(device: BlockDevice): Promise<BlockRequest> {
		return new Promise((resolve) => {
			this.#resolve = resolve;
			device.submit(this.request.begin());
		});
	}

	finished(): void {
		const resolve = this.#resolve;
		this.#resolve = null;
		resolve?.(this.request);
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
