/**
 * Watches over the contract of `lib/block/device.ts` between two layers, and changes nothing. What goes down is a request of
 * its own (`passage.ts`), so that who is below can be held to what it does with it, even afterwards: then its fields are traps.
 * A test tool: put between every two layers (`layersOn` takes a wrapper) and on top. The first breach is thrown, unless somebody
 * wants to be told.
 */

import type { CloseEnd } from "../block/close.js";
import { type BlockDevice, type DeviceInfo, refuseRange } from "../block/device.js";
import { type Degradation, type DeviceListener, Listeners, type Stall } from "../block/listeners.js";
import type { Memo } from "../block/memo.js";
import type { BlockRequest } from "../block/request.js";
import { InvariantError, StorageStatus } from "../errors.js";
import { Passage } from "./passage.js";

export interface StrictOptions {
	/** Nobody of ours is above: requests that come after `close` are no breach, they end with `closed`. */
	readonly isTop?: boolean;
	/** What to do about a breach. Thrown, unless said. */
	readonly onBreach?: (breach: string) => void;
}

export class StrictLayer implements BlockDevice, DeviceListener {
	readonly #device: BlockDevice;
	readonly #options: StrictOptions;
	readonly #underWay = new Map<BlockRequest, Passage>();
	readonly #listeners = new Listeners();
	/** As it was when anybody was last told. */
	#info: DeviceInfo;
	#isClosed = false;

	constructor(device: BlockDevice, options: StrictOptions = {}) {
		this.#device = device;
		this.#options = options;
		this.#info = device.info;
		device.listen(this);
	}

	get info(): DeviceInfo {
		const { info } = this.#device;
		if (!isSame(info, this.#info)) this.#breach("info has changed and nobody was told");
		return info;
	}

	get memo(): Memo | undefined {
		return this.#device.memo;
	}

	submit(request: BlockRequest): void {
		if (!request.inFlight) this.#breach("a request is submitted that has not begun");
		if (this.#underWay.has(request)) this.#breach("a request is submitted twice");
		if (this.#isClosed && this.#options.isTop !== true)
			this.#breach("a request is submitted to a device that was closed");
		const refused = this.#isClosed ? StorageStatus.closed : refuseRange(this.info, request);
		const passage = new Passage(request, refused, {
			breach: (breach) => this.#breach(breach),
			over: (over) => this.#over(over),
		});
		this.#underWay.set(request, passage);
		this.#device.submit(passage.start());
	}

	#over(passage: Passage): void {
		this.#underWay.delete(passage.above);
		void this.info;
		passage.handUp();
	}

	cancel(request: BlockRequest): void {
		const passage = this.#underWay.get(request);
		// It may be over here, and still be held above.
		if (passage === undefined) return;
		passage.mayBeCancelled = true;
		this.#device.cancel(passage.below);
	}

	setWriteCache(enabled: boolean): boolean {
		const done = this.#device.setWriteCache(enabled);
		this.#info = this.#device.info;
		return done;
	}

	listen(listener: DeviceListener): () => void {
		return this.#listeners.add(listener);
	}

	changed(): void {
		this.#info = this.#device.info;
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

	async close(limitMs?: number): Promise<CloseEnd> {
		this.#isClosed = true;
		const end = await this.#device.close(limitMs);
		if (end === "closed" && this.#underWay.size > 0)
			this.#breach(`closed with ${this.#underWay.size} requests under way`);
		return end;
	}

	#breach(breach: string): void {
		const { onBreach } = this.#options;
		if (onBreach === undefined) throw new InvariantError(`${this.#device.constructor.name}: ${breach}`);
		onBreach(breach);
	}
}

/** For `between` of a stack's options. */
export function strictly(device: BlockDevice): BlockDevice {
	return new StrictLayer(device);
}

function isSame(one: DeviceInfo, other: DeviceInfo): boolean {
	return one === other || JSON.stringify(one) === JSON.stringify(other);
}
