/**
 * A disk with a volatile write cache whose power can be cut: `crash` gives the disk as it is found
 * afterwards. What was complete when a flush was submitted is there; of later writes and trims any selection
 * of sectors is, as with a real disk. A test tool: it shows whether what was acknowledged would have
 * survived. Every request is complete when `submit` returns.
 *
 * A flush can be made to fail. Then it is as with Linux's page cache: reads go on to see what was written,
 * and no later flush will save it.
 */

import { constants } from "node:os";
import type { CloseEnd } from "../block/close.js";
import { type BlockDevice, type DeviceInfo, deviceInfo, refuse } from "../block/device.js";
import { addExtent, ExtentFlag } from "../block/extents.js";
import type { DeviceListener } from "../block/listeners.js";
import { pairsOf } from "../block/ranges.js";
import { BlockOp, type BlockRequest } from "../block/request.js";
import { invariant, StorageStatus, unreachable } from "../errors.js";
import type { Random } from "../random.js";
import { SECTOR_BYTES } from "../wire/sector.js";

/** What sectors contain, by number. Zeros, if they are missing. */
export type Sectors = Map<number, Uint8Array>;

/** A sector that was written, or trimmed if `bytes` is undefined, and not yet flushed. */
interface Unflushed {
	readonly sector: number;
	readonly bytes: Uint8Array | undefined;
}

export class CrashDevice implements BlockDevice {
	readonly info: DeviceInfo;
	/** What reads see. */
	readonly #current: Sectors;
	/** What is certain to survive. */
	readonly #stable: Sectors;
	/** What leads from `#stable` to `#current`, in order; but for what a flush has failed to save. */
	#unflushed: Unflushed[] = [];
	/** So many of the next flushes fail. */
	flushFailures = 0;
	#closed = false;

	/** `sizeBytes`, like all ranges of requests, is a multiple of 512. */
	constructor(sizeBytes: number, contents: Sectors = new Map()) {
		invariant(sizeBytes > 0 && sizeBytes % SECTOR_BYTES === 0, "the device is not of whole sectors");
		this.#current = new Map(contents);
		this.#stable = new Map(contents);
		this.info = deviceInfo({ sizeBytes, canTrim: true, writeCache: true, knowsExtents: true });
	}

	/**
	 * Cuts the power: this device is closed. Returns the one that is there afterwards; each sector written
	 * since the last flush has survived with probability `survival` (0: none has; 1: all have).
	 */
	crash(random: Random, survival: number): CrashDevice {
		this.#closed = true;
		for (const change of this.#unflushed) if (random.chance(survival)) apply(this.#stable, change);
		return new CrashDevice(this.info.sizeBytes, this.#stable);
	}

	submit(request: BlockRequest): void {
		const status = this.#closed
			? StorageStatus.closed
			: (refuse(this.info, request) ?? this.#carryOut(request));
		request.complete(status, status === StorageStatus.mediumError ? constants.errno.EIO : 0);
	}

	/** What a sector holds at present; undefined if zeros. */
	sector(number: number): Uint8Array | undefined {
		return this.#current.get(number);
	}

	#carryOut(request: BlockRequest): StorageStatus {
		const { offsetBytes, lengthBytes } = request;
		const isWhole = offsetBytes % SECTOR_BYTES === 0 && lengthBytes % SECTOR_BYTES === 0;
		invariant(request.op === BlockOp.flush || isWhole, "the request is not of whole sectors");
		switch (request.op) {
			case BlockOp.flush:
				return this.#flush();
			case BlockOp.trim:
			case BlockOp.writeZeroes:
				this.#trim(request);
				break;
			case BlockOp.extents:
				this.#findExtents(request);
				break;
			case BlockOp.read:
			case BlockOp.write:
				for (let done = 0; done < lengthBytes; done += SECTOR_BYTES) this.#sector(request, done);
				break;
			default:
				unreachable(request.op);
		}
		return StorageStatus.ok;
	}

	#flush(): StorageStatus {
		const fails = this.flushFailures > 0;
		if (fails) this.flushFailures--;
		else for (const change of this.#unflushed) apply(this.#stable, change);
		this.#unflushed = [];
		return fails ? StorageStatus.mediumError : StorageStatus.ok;
	}

	#trim({ ranges, offsetBytes, lengthBytes }: BlockRequest): void {
		for (const [offset, length] of pairsOf(ranges ?? [offsetBytes, lengthBytes]))
			for (let at = offset; at < offset + length; at += SECTOR_BYTES)
				this.#change({ sector: at / SECTOR_BYTES, bytes: undefined });
	}

	#findExtents(request: BlockRequest): void {
		const end = (request.offsetBytes + request.lengthBytes) / SECTOR_BYTES;
		for (let sector = request.offsetBytes / SECTOR_BYTES; sector < end; sector++)
			if (!addExtent(request, SECTOR_BYTES, this.#current.has(sector) ? 0 : ExtentFlag.zero)) return;
	}

	#change(change: Unflushed): void {
		apply(this.#current, change);
		this.#unflushed.push(change);
	}

	/** Carries out the part of a read or write that begins `done` bytes into it. */
	#sector(request: BlockRequest, done: number): void {
		const sector = (request.offsetBytes + done) / SECTOR_BYTES;
		const at = request.memoryOffset + done;
		const memory = request.memory.bytes;
		if (request.op === BlockOp.read) {
			const bytes = this.#current.get(sector);
			if (bytes === undefined) memory.fill(0, at, at + SECTOR_BYTES);
			else memory.set(bytes, at);
			return;
		}
		this.#change({ sector, bytes: memory.slice(at, at + SECTOR_BYTES) });
	}

	/** The cache is always on. */
	setWriteCache(enabled: boolean): boolean {
		return enabled;
	}

	/** Nothing is ever under way. */
	cancel(_request: BlockRequest): void {}

	/** It has nothing to tell. */
	listen(_listener: DeviceListener): () => void {
		return () => {};
	}

	async close(): Promise<CloseEnd> {
		this.#closed = true;
		return "closed";
	}
}

function apply(sectors: Sectors, change: Unflushed): void {
	if (change.bytes === undefined) sectors.delete(change.sector);
	else sectors.set(change.sector, change.bytes);
}
