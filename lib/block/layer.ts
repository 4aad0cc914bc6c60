/**
 * What all layers have in common: a device that hands on to another device. It passes on `info` and changes
 * of it, turns requests away once it is closed, and on closing waits for the requests it counts as under way
 * before it closes the device below. Derived from by `slice.ts`, `ordering.ts`, `durability.ts` and the test
 * tools `delay-layer.ts` and `faulty-layer.ts` in `lib/testing/`.
 */

import { StorageStatus } from "../errors.js";
import type { Holds } from "../holds.js";
import { type CloseEnd, endWithin } from "./close.js";
import { type BlockDevice, type DeviceInfo, refuseRange, type Tenure } from "./device.js";
import { type Degradation, type DeviceListener, Listeners, type Stall } from "./listeners.js";
import type { Memo } from "./memo.js";
import { BlockOp, type BlockRequest, type RequestLayer } from "./request.js";
import { UnderWay } from "./under-way.js";

export abstract class DeviceLayer implements BlockDevice, DeviceListener, RequestLayer {
	readonly #listeners = new Listeners();
	#closing: Promise<CloseEnd> | null = null;
	readonly #underWay = new UnderWay();

	constructor(protected readonly device: BlockDevice) {
		device.listen(this);
	}

	get info(): DeviceInfo {
		return this.device.info;
	}

	get tenure(): Tenure | undefined {
		return this.device.tenure;
	}

	get memo(): Memo | undefined {
		return this.device.memo;
	}

	get holds(): Holds | undefined {
		return this.device.holds;
	}

	submit(request: BlockRequest): void {
		if (this.#closing !== null) request.complete(StorageStatus.closed);
		else this.handle(request);
	}

	/**
	 * For layers that care about ranges: lets a flush, which has none, go on downwards, and ends a request that the device would
	 * refuse. True if that was all there is to do.
	 */
	protected dealtWith(request: BlockRequest): boolean {
		if (request.op === BlockOp.flush) {
			this.device.submit(request);
			return true;
		}
		const refused = refuseRange(this.info, request);
		if (refused === undefined) return false;
		request.complete(refused);
		return true;
	}

	/** A request for an open device. The layer's `submit`. */
	protected abstract handle(request: BlockRequest): void;

	abstract below(request: BlockRequest, token: number): void;

	setWriteCache(enabled: boolean): boolean {
		return this.device.setWriteCache(enabled);
	}

	/** Of a request that the layer does not hold itself. */
	cancel(request: BlockRequest): void {
		this.device.cancel(request);
	}

	listen(listener: DeviceListener): () => void {
		return this.#listeners.add(listener);
	}

	/** What the device below tells is told on. */
	changed(): void {
		this.#listeners.changed();
	}

	stalled(stall: Stall): void {
		this.#listeners.stalled(stall);
	}

	resumed(waitedMs: number, requestCount: number): void {
		this.#listeners.resumed(waitedMs, requestCount);
	}

	degraded(degradation: Degradation): void {
		this.#listeners.degraded(degradation);
	}

	replaced(): void {
		this.#listeners.replaced();
	}

	answers(): void {
		this.#listeners.answers();
	}

	moved(): void {
		this.#listeners.moved();
	}

	/**
	 * This layer is answerable for one more request: `close` will wait for the `ended` that belongs to it.
	 */
	protected started(): void {
		this.#underWay.begun();
	}

	/** Requests that `started` and have not `ended`. */
	protected get underWay(): number {
		return this.#underWay.count;
	}

	/** Called when nothing is left to do for a request but `resume` or `complete`. */
	protected ended(): void {
		this.#underWay.ended();
	}

	close(limitMs = Infinity): Promise<CloseEnd> {
		this.#closing ??= this.#closeInOrder();
		return endWithin(this.#closing, limitMs);
	}

	async #closeInOrder(): Promise<CloseEnd> {
		if (this.#underWay.count > 0) await this.#underWay.none();
		// However long it takes: the limit is that of whoever waits for us.
		const end = await this.device.close(Infinity);
		if (end === "closed") this.closedBelow();
		return end;
	}

	/** Everything is over and the device below is closed: time to give back what the layer itself has. */
	protected closedBelow(): void {}
}
