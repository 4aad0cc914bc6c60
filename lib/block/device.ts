/**
 * The one interface between protocols and storage. Above it nobody knows file descriptors; below it nobody knows AoE, ATA
 * or any later protocol. A device takes requests (`request.ts`), each of which completes exactly once, now or later, in any
 * order. Devices: `file.ts`, `memory.ts`, volumes of `lib/pool/`, remote disks of `lib/nbd/remote/`. Layers (ordering, durability, slice) are devices that hand on to another device.
 * Every one of them passes the conformance suite in `lib/testing/block-conformance.ts`.
 */

import { StorageStatus } from "../errors.js";
import type { Holds } from "../holds.js";
import type { StorageTraits } from "../native-types.js";
import type { CloseEnd } from "./close.js";
import type { DeviceListener } from "./listeners.js";
import type { Memo } from "./memo.js";
import { BlockRequest, OP_TRAITS, type RequestOwner } from "./request.js";

export interface DeviceInfo extends StorageTraits {
	readonly readOnly: boolean;
	/** True if a completed write may still be lost until a flush: the volatile write cache of the ATA standard is on. */
	readonly writeCache: boolean;
	/**
	 * A write of at most so many bytes is there whole or not at all, whenever the power goes, if it begins and ends at multiples of `atomicUnitBytes`.
	 * 0: none is sure to be.
	 */
	readonly atomicBytes: number;
	readonly atomicUnitBytes: number;
	/** A read can ask for one of so many: `anotherCopy`. */
	readonly copies: number;
	readonly guarded: Guarded;
}

/**
 * Who carries out a write with a guard (`BlockRequest.guard`), which nothing that overlaps it may come between: the ordering layer above, by which
 * alone the device is written; the device, which others write as well; nobody, since others write elsewhere what it stores: then it is refused.
 */
export type Guarded = "above" | "below" | "nobody";

/** The kernel's own limit for one read or write. */
const TRANSFER_MAX = 0x7ffff000;

/** What there is to know of a device; what is not said is as it is with a plain one. */
export function deviceInfo(known: Pick<DeviceInfo, "sizeBytes"> & Partial<DeviceInfo>): DeviceInfo {
	const { physicalBlockBytes = 512 } = known;
	return {
		sizeBytes: known.sizeBytes,
		logicalBlockBytes: known.logicalBlockBytes ?? 512,
		physicalBlockBytes,
		readOnly: known.readOnly ?? false,
		canTrim: known.canTrim ?? false,
		trimGranularityBytes: known.trimGranularityBytes ?? physicalBlockBytes,
		trimAlignmentBytes: known.trimAlignmentBytes ?? 0,
		fastZeroes: known.fastZeroes ?? false,
		knowsExtents: known.knowsExtents ?? false,
		writeCache: known.writeCache ?? false,
		copies: known.copies ?? 1,
		guarded: known.guarded ?? "above",
		atomicBytes: known.atomicBytes ?? 0,
		atomicUnitBytes: known.atomicUnitBytes ?? physicalBlockBytes,
		nonRotational: known.nonRotational ?? true,
		bestTransferBytes: known.bestTransferBytes ?? physicalBlockBytes,
		longestTransferBytes: known.longestTransferBytes ?? TRANSFER_MAX,
	};
}

/** Of what one host at a time has, of several. */
export interface Tenure {
	/** False: another host may have it by now, so nobody is to be answered. To be asked in the very turn in which somebody is. */
	readonly mayAnswer: boolean;
	/** Another number for each who has it, higher than those before: nothing that any of them is still asked for changes it any more. */
	readonly epoch: number;
	/** Another host has had it until just now, and has served it where it is served here. */
	readonly isNew: boolean;
	/** Whoever had it until now has handed it over, and has told nobody that anything is over. Left out: not so. */
	readonly isHandedOver?: boolean | undefined;
	/** The other host that serves it at the same time. Left out: there is none. */
	readonly partner?: Partner | undefined;
}

export interface Partner {
	/** What it is called; null: that is not known. */
	readonly name: string | null;
	/** It has what is stored, and is asked for all of it from here. */
	readonly hasIt: boolean;
	/**
	 * To be called each time that somebody wants what only its host can do: then it comes here. Resolves to whether it has, within some seconds. Null: it did not
	 * come of late. Left out: it can't be asked for.
	 */
	readonly bring?: (() => Promise<boolean> | null) | undefined;
	/** Of what is here: what has been asked by way of other hosts is not carried out any more when it resolves; they ask again. */
	readonly settle?: (() => Promise<void>) | undefined;
}

export interface BlockDevice {
	/** If another host may come to have what it stores, and change it. Left out: it is this host's alone. */
	readonly tenure?: Tenure | undefined;
	/** What may be kept with what it stores. Left out: nothing can be, or not for now. */
	readonly memo?: Memo | undefined;
	/** Left out: whoever serves it has his own. */
	readonly holds?: Holds | undefined;
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
	/**
	 * Ends a request that was submitted here with `cancelled`, if nothing of it has begun: at once, or soon. One that has begun
	 * goes on; one that is not here is left alone.
	 */
	cancel(request: BlockRequest): void;
	/** From now on `listener` is told what the device has to tell, until what is returned is called. */
	listen(listener: DeviceListener): () => void;
	/**
	 * Waits for what is under way, then gives everything back. Later requests end with `closed`. Waits for at most `limitMs`,
	 * by default for as long as suits the device; who asks once more waits for the same, within a limit of his own.
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
	// (Which an ordering layer above would have taken.)
	if (request.guard !== null) return StorageStatus.unsupported;
	return refuseRange(info, request);
}

/** The same for layers. */
export function refuseRange(info: DeviceInfo, request: BlockRequest): StorageStatus | undefined {
	const traits = OP_TRAITS[request.op];
	if (!traits.hasRange) return undefined;
	if (traits.changes && info.readOnly) return StorageStatus.readOnly;
	const { offsetBytes, lengthBytes } = request;
	if (!(offsetBytes >= 0 && lengthBytes >= 0 && offsetBytes + lengthBytes <= info.sizeBytes))
		return StorageStatus.outOfRange;
	if (traits.needs !== null && !info[traits.needs]) return StorageStatus.unsupported;
	return undefined;
}
