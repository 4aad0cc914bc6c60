/**
 * A volume as a `BlockDevice`. What changes it is over when it has a place in a record: reads see it from then on; when that record is
 * written or stable is asked further up (`commit-layer.ts`), and that overlapping changes keep their order is seen to by
 * `lib/block/ordering.ts`, which stands between (`volume-stack.ts`). Made by `pool.ts`.
 */

import { constants } from "node:os";
import { type CloseEnd, endWithin } from "../block/close.js";
import { type BlockDevice, type DeviceInfo, deviceInfo, refuse } from "../block/device.js";
import { addExtent, ExtentFlag } from "../block/extents.js";
import { type Degradation, type DeviceListener, Listeners } from "../block/listeners.js";
import type { Memo } from "../block/memo.js";
import { BlockOp, type BlockRequest } from "../block/request.js";
import { UnderWay } from "../block/under-way.js";
import { StorageStatus, unreachable } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import type { Volume } from "./catalog.js";
import { Progress } from "./change-progress.js";
import { BLOCK_BYTES, RECORD_DATA_BYTES, RECORD_ENTRIES } from "./format.js";
import { type PageStore, Where } from "./page-store.js";
import type { Quota } from "./quota.js";
import type { RoomWaiter } from "./room-waiters.js";
import { type ChangeOwner, VolumeChange } from "./volume-change.js";
import { type ReadsOwner, VolumeReads } from "./volume-reads.js";

/** Pages that one request for extents looks at: for what is behind them one has to ask again. */
const LOOKED_AT_MAX = 4096;

export class VolumeDevice implements BlockDevice, RoomWaiter, ChangeOwner, ReadsOwner, DeviceListener {
	/** Where requests come in that have a place among all others. */
	entry: BlockDevice = this;
	/** Has requests for extents done in another way than telling those: true if it has taken one. */
	aside: ((request: BlockRequest) => boolean) | null = null;
	/** Of the volume as it is, if it can be changed. */
	memo: Memo | undefined;
	#volume: Volume;
	readonly #store: PageStore;
	readonly #allocate: (byteLength: number) => Memory;
	readonly #reads: VolumeReads;
	readonly #listeners = new Listeners();
	readonly #forget: () => void;
	readonly #whenClosed: () => Promise<void>;
	readonly #readOnly: boolean;
	readonly #quota: Quota;
	#info: DeviceInfo;
	#unused: VolumeChange | null = null;
	/** Those that wait for room, in order of arrival. */
	#firstWaiting: VolumeChange | null = null;
	#lastWaiting: VolumeChange | null = null;
	readonly #underWay = new UnderWay();
	#closing: Promise<CloseEnd> | null = null;

	constructor(
		volume: Volume,
		store: PageStore,
		allocate: (byteLength: number) => Memory,
		readOnly: boolean,
		whenClosed: () => Promise<void>,
		quota: Quota,
	) {
		this.#volume = volume;
		this.#quota = quota;
		this.#store = store;
		this.#allocate = allocate;
		this.#reads = new VolumeReads(store, volume.line, volume.pageBytes, allocate, this);
		this.#readOnly = readOnly;
		this.#info = infoOf(volume, readOnly, store.reads.copies);
		this.#forget = store.log.listeners.add(this);
		this.#whenClosed = whenClosed;
	}

	get info(): DeviceInfo {
		return this.#info;
	}

	/** The same volume, with another size or quota. */
	change(volume: Volume): void {
		const isResized = volume.sizeBytes !== this.#volume.sizeBytes;
		this.#volume = volume;
		this.#quota.change(volume);
		if (!isResized) return;
		this.#info = infoOf(volume, this.#readOnly, this.#store.reads.copies);
		this.#listeners.changed();
	}

	submit(request: BlockRequest): void {
		const refused = this.#closing !== null ? StorageStatus.closed : refuse(this.#info, request);
		if (refused !== undefined) {
			request.complete(refused);
			return;
		}
		switch (request.op) {
			case BlockOp.read:
				this.#underWay.begun();
				if (!this.#reads.read(request, this)) this.readOver();
				break;
			case BlockOp.write:
			case BlockOp.trim:
			case BlockOp.writeZeroes:
				this.#change(request);
				break;
			case BlockOp.extents:
				if (this.aside?.(request) === true) break;
				this.#underWay.begun();
				this.#findExtents(request);
				break;
			case BlockOp.flush:
				// What was gathered is asked for by the layer above.
				request.complete(StorageStatus.ok);
				break;
			default:
				unreachable(request.op);
		}
	}

	readOver(): void {
		this.#underWay.ended();
	}

	#change(request: BlockRequest): void {
		const { line, pageBytes } = this.#volume;
		const change =
			this.#unused ?? new VolumeChange(this.#store, line, pageBytes, this.#allocate, this, this.#quota);
		this.#unused = change.next;
		change.next = null;
		change.begin(request);
		this.#underWay.begun();
		if (this.#firstWaiting !== null) this.#wait(change);
		else this.#goOn(change);
	}

	/** False if it waits for room. */
	#goOn(change: VolumeChange, isWaiting = false): boolean {
		const progress = change.goOn();
		if (progress === Progress.done) this.#over(change);
		else if (progress === Progress.needsRoom && !isWaiting) this.#wait(change);
		return progress !== Progress.needsRoom;
	}

	#wait(change: VolumeChange): void {
		change.request!.park();
		if (this.#lastWaiting === null) this.#firstWaiting = change;
		else this.#lastWaiting.next = change;
		this.#lastWaiting = change;
		this.#store.log.waitForRoom(this);
	}

	roomAgain(): boolean {
		for (let change = this.#firstWaiting; change !== null; change = this.#firstWaiting) {
			const { next } = change;
			// (It may be over, and used for another request, when this returns; and others may wait by then.)
			this.#firstWaiting = next;
			if (next === null) this.#lastWaiting = null;
			change.next = null;
			if (!this.#goOn(change, true)) {
				change.next = this.#firstWaiting;
				this.#firstWaiting = change;
				if (change.next === null) this.#lastWaiting = change;
				return false;
			}
		}
		return true;
	}

	changeGoesOn(change: VolumeChange): void {
		if (this.#firstWaiting !== null && change.status === StorageStatus.ok) this.#wait(change);
		else this.#goOn(change);
	}

	#over(change: VolumeChange): void {
		const { status, errno } = change;
		const request = change.request!;
		change.request = null;
		change.next = this.#unused;
		this.#unused = change;
		this.readOver();
		request.complete(status, errno);
	}

	/** A request that has waited for the map goes on. */
	again(request: BlockRequest): void {
		if (request.op === BlockOp.extents) this.#findExtents(request);
		else if (!this.#reads.read(request, this)) this.readOver();
	}

	#findExtents(request: BlockRequest): void {
		const { pageBytes } = this.#volume;
		const { offsetBytes, lengthBytes } = request;
		const end = offsetBytes + lengthBytes;
		let at = offsetBytes;
		for (let looked = 0; at < end && looked < LOOKED_AT_MAX; looked++) {
			const page = Math.floor(at / pageBytes);
			const next = Math.min(end, (page + 1) * pageBytes);
			const where = this.#reads.find(page);
			if (where === Where.loading && looked === 0 && this.#reads.wait(request)) return;
			// What is not known yet is asked for once more.
			if (where === Where.loading) break;
			if (!addExtent(request, next - at, where === Where.hole ? ExtentFlag.zero : 0)) break;
			at = next;
		}
		this.readOver();
		if (at === offsetBytes && end > at) request.complete(StorageStatus.mediumError, constants.errno.EIO);
		else request.complete(StorageStatus.ok);
	}

	/** What is complete may be lost until a flush; how that is dealt with is said above. */
	setWriteCache(enabled: boolean): boolean {
		return enabled;
	}

	cancel(request: BlockRequest): void {
		let before: VolumeChange | null = null;
		for (let change = this.#firstWaiting; change !== null; before = change, change = change.next) {
			if (change.request !== request) continue;
			if (!change.isUntouched) return;
			if (before === null) this.#firstWaiting = change.next;
			else before.next = change.next;
			if (this.#lastWaiting === change) this.#lastWaiting = before;
			change.status = StorageStatus.cancelled;
			this.#over(change);
			return;
		}
	}

	listen(listener: DeviceListener): () => void {
		return this.#listeners.add(listener);
	}

	degraded(degradation: Degradation): void {
		this.#listeners.degraded(degradation);
	}

	close(limitMs = Infinity): Promise<CloseEnd> {
		this.#closing ??= this.#closeInOrder();
		return endWithin(this.#closing, limitMs);
	}

	async #closeInOrder(): Promise<CloseEnd> {
		if (this.#underWay.count > 0) await this.#underWay.none();
		this.#forget();
		await this.#whenClosed();
		return "closed";
	}
}

function infoOf({ sizeBytes, pageBytes }: Volume, readOnly: boolean, copies: number): DeviceInfo {
	return deviceInfo({
		sizeBytes,
		copies,
		physicalBlockBytes: Math.min(pageBytes, BLOCK_BYTES),
		readOnly,
		canTrim: true,
		trimGranularityBytes: pageBytes,
		fastZeroes: true,
		knowsExtents: true,
		writeCache: true,
		bestTransferBytes: pageBytes,
		longestTransferBytes: RECORD_DATA_BYTES,
		// (One record: see `VolumeChange`.)
		atomicBytes: Math.min(RECORD_DATA_BYTES, RECORD_ENTRIES * pageBytes),
		atomicUnitBytes: pageBytes,
	});
}
