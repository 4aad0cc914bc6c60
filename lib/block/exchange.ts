/**
 * A device whose storage is exchanged for another that holds the same, while it is used: what comes meanwhile waits, and what the one before has not answered
 * is asked of the next one. So nobody above sees more than a pause. What was answered has to be there as well, whichever is asked: whoever exchanges sees to
 * that. Nothing of it knows what is exchanged, or why; made by `lib/daemon/shared-volume.ts`. Requests that overlap have to be in order already.
 */

import { type Clock, systemClock } from "../clock.js";
import { StorageStatus } from "../errors.js";
import { type CloseEnd, endWithin } from "./close.js";
import type { BlockDevice, DeviceInfo, Tenure } from "./device.js";
import { type DeviceListener, Listeners } from "./listeners.js";
import type { Memo } from "./memo.js";
import type { BlockRequest, RequestLayer } from "./request.js";
import { completeAll, RequestList } from "./request-list.js";
import { UnderWay } from "./under-way.js";

/** Who has the pool is known by then, or nobody soon will. */
export const WAIT_LIMIT_MS = 60_000;

export interface ExchangeOptions {
	readonly clock?: Clock;
	/** With no storage for so long, what waits ends `unreachable`, and so does what comes until there is some. */
	readonly limitMs?: number;
	/** Whether what has waited for a storage that answers may not be done any more, by what is known since that is there. */
	readonly refuses?: (request: BlockRequest) => boolean;
}

export class ExchangeDevice implements BlockDevice, RequestLayer {
	/** Of the storage that it has. */
	readonly tenure: Tenure;
	readonly #clock: Clock;
	readonly #limitMs: number;
	readonly #refuses: (request: BlockRequest) => boolean;
	readonly #listeners = new Listeners();
	/** What was handed on and came back, which is older, and what has come since. */
	readonly #returned = new RequestList();
	readonly #waiting = new RequestList();
	readonly #underWay = new UnderWay();
	/** What was cancelled while it was under way: who asked may ask the next storage himself, and write there again meanwhile. */
	readonly #unwanted = new WeakSet<BlockRequest>();
	/** What has come with a guard. */
	readonly #guarded = new WeakSet<BlockRequest>();
	#device: BlockDevice | null;
	#info: DeviceInfo;
	#unlisten: () => void;
	#isHeld = false;
	/** Whether initiators are to be answered by this device, of those who could ask others (AoE). */
	#answers: boolean;
	/** The token of what the present storage was handed. */
	#turn = 0;
	#isLate = false;
	#forgetLimit: () => void = () => {};
	#closing: Promise<CloseEnd> | null = null;

	constructor(device: BlockDevice, answers: boolean, { clock, limitMs, refuses }: ExchangeOptions = {}) {
		this.#device = device;
		this.#info = device.info;
		this.#answers = answers;
		this.#unlisten = device.listen(this.#listeners);
		this.#clock = clock ?? systemClock;
		this.#limitMs = limitMs ?? WAIT_LIMIT_MS;
		this.#refuses = refuses ?? (() => false);
		const storage = (): BlockDevice | null => this.#device;
		const now = (): BlockDevice | null => (this.#isHeld || !this.#answers ? null : this.#device);
		this.tenure = {
			get mayAnswer() {
				const there = now();
				return there !== null && there.tenure?.mayAnswer !== false;
			},
			get epoch() {
				return now()?.tenure?.epoch ?? 0;
			},
			get isNew() {
				return now()?.tenure?.isNew === true;
			},
			get isHandedOver() {
				return storage()?.tenure?.isHandedOver === true;
			},
		};
	}

	get info(): DeviceInfo {
		return this.#device?.info ?? this.#info;
	}

	get memo(): Memo | undefined {
		return this.#device?.memo;
	}

	/** Requests that were handed on and are not over. */
	get underWay(): number {
		return this.#underWay.count;
	}

	get isClosed(): boolean {
		return this.#closing !== null;
	}

	submit(request: BlockRequest): void {
		if (this.#closing !== null) request.complete(StorageStatus.closed);
		else if (this.#isLate) request.complete(StorageStatus.unreachable);
		else {
			// (It may have to be asked for once more, long after this.)
			request.park();
			if (this.#isHeld || this.#device === null) this.#waiting.add(request);
			else this.#hand(this.#device, request);
		}
	}

	#hand(device: BlockDevice, request: BlockRequest): void {
		// (It was possible when it was asked for. Who asks again finds that it is not now, and where it is.)
		if (request.guard !== null && device.info.guarded === "nobody") {
			request.complete(StorageStatus.closed);
			return;
		}
		this.#underWay.begun();
		// (It may have been over here when it was cancelled.)
		this.#unwanted.delete(request);
		if (request.guard !== null) this.#guarded.add(request);
		request.push(this, this.#turn);
		device.submit(request);
	}

	below(request: BlockRequest, token: number): void {
		const wasLeft = token !== this.#turn || this.#device === null;
		const isUnanswered = request.status === StorageStatus.closed && wasLeft && this.#closing === null;
		const isUnwanted = this.#unwanted.delete(request);
		// (What its guard has allowed would not be asked of it again.)
		const isDecided = this.#guarded.delete(request) && request.guard === null;
		if (isUnanswered) {
			request.borrowedAddress = 0;
			// (Part of it may have been done.)
			if (isUnwanted || isDecided || this.#isLate) request.complete(StorageStatus.unreachable);
			else this.#returned.add(request);
		}
		this.#underWay.ended();
		if (!isUnanswered) request.resume();
		else if (!this.#isHeld && this.#device !== null) this.#goOn(this.#device);
	}

	/** Nothing is handed on until `resume` or `enter`. */
	hold(): void {
		if (this.#isHeld) return;
		this.#isHeld = true;
		this.#forgetLimit = this.#clock.after(this.#limitMs, () => this.#late());
	}

	/** Resolves when what was handed on is over; false: not within the limit. */
	async drained(limitMs: number): Promise<boolean> {
		return (await endWithin(this.#underWay.none(), limitMs)) !== "abandoned";
	}

	/** It goes on with the storage that it has. */
	resume(): void {
		if (this.#device !== null) this.#goOn(this.#device);
	}

	/** Closes the storage, within the limit: what that has not answered waits for the next one. */
	async leave(limitMs: number): Promise<CloseEnd> {
		this.hold();
		const device = this.#device;
		if (device === null) return "closed";
		this.#info = device.info;
		this.#device = null;
		this.#unlisten();
		return device.close(limitMs);
	}

	/** Goes on with that one. `answers`: whether initiators are to be answered, of those who could ask others. */
	enter(device: BlockDevice, answers: boolean): void {
		const before = this.info;
		this.#turn++;
		this.#device = device;
		this.#answers = answers;
		this.#unlisten = device.listen(this.#listeners);
		// (Who is above may take back what waits, by what there is to know now.)
		if (device.info.sizeBytes !== before.sizeBytes) this.#listeners.changed();
		else if (answers) this.#listeners.answers();
		if (!answers) this.#listeners.moved();
		if (this.#device === device) this.#goOn(device, true);
	}

	/** `isNew`: what waits was let through by what was known of the one before. */
	#goOn(device: BlockDevice, isNew = false): void {
		this.#isHeld = false;
		this.#isLate = false;
		this.#forgetLimit();
		for (const list of [this.#returned, this.#waiting])
			for (let { first } = list; first !== null && !this.#isHeld; first = list.first) {
				list.shift();
				const isOfBefore = isNew || list === this.#returned;
				if (isOfBefore && this.#answers && this.#refuses(first)) first.complete(StorageStatus.writeProtected);
				else this.#hand(device, first);
			}
	}

	#late(): void {
		this.#isLate = true;
		completeAll(this.#returned, StorageStatus.unreachable, 0);
		completeAll(this.#waiting, StorageStatus.unreachable, 0);
	}

	cancel(request: BlockRequest): void {
		if (this.#waiting.remove(request) || this.#returned.remove(request))
			request.complete(StorageStatus.cancelled);
		else if (request.inFlight && !this.#isLate) {
			this.#unwanted.add(request);
			this.#device?.cancel(request);
		}
	}

	/** Whoever stands on it has to make his own. */
	setWriteCache(enabled: boolean): boolean {
		return enabled && this.info.writeCache;
	}

	listen(listener: DeviceListener): () => void {
		return this.#listeners.add(listener);
	}

	close(limitMs = Infinity): Promise<CloseEnd> {
		this.#closing ??= this.#close(limitMs);
		return endWithin(this.#closing, limitMs);
	}

	async #close(limitMs: number): Promise<CloseEnd> {
		this.#forgetLimit();
		completeAll(this.#returned, StorageStatus.closed, 0);
		completeAll(this.#waiting, StorageStatus.closed, 0);
		return this.#device?.close(limitMs) ?? "closed";
	}
}
