/**
 * A layer that takes its time and keeps no order: each request is held for a random while, either before the
 * device below sees it or before its completion is handed up. So requests take effect, and complete, in an
 * order of chance; the same seed and the same clock give the same order again. A test tool, and a way to see
 * how an initiator takes a slow disk.
 */

import type { BlockDevice } from "../block/device.js";
import { DeviceLayer } from "../block/layer.js";
import type { BlockRequest } from "../block/request.js";
import type { Clock } from "../clock.js";
import { StorageStatus } from "../errors.js";
import { Random } from "../random.js";

export interface DelayOptions {
	readonly clock: Clock;
	/** Each request is held at least, and less than, so many milliseconds. */
	readonly minMs: number;
	readonly maxMs: number;
	/** See `Random`. */
	readonly seed?: number;
}

/** Tokens: what is left to do when the request is complete below. */
const RESUME = 0;
const HOLD_THEN_RESUME = 1;

export class DelayLayer extends DeviceLayer {
	readonly #options: DelayOptions;
	readonly #random: Random;
	/** Requests that the device below has not seen, and what keeps it so. */
	readonly #waiting = new Map<BlockRequest, () => void>();

	constructor(device: BlockDevice, options: DelayOptions) {
		super(device);
		this.#options = options;
		this.#random = new Random(options.seed);
	}

	protected handle(request: BlockRequest): void {
		this.started();
		if (this.#random.chance(0.5)) {
			request.push(this, HOLD_THEN_RESUME);
			this.device.submit(request);
			return;
		}
		request.park();
		request.push(this, RESUME);
		const stop = this.#hold(() => {
			this.#waiting.delete(request);
			this.device.submit(request);
		});
		this.#waiting.set(request, stop);
	}

	override cancel(request: BlockRequest): void {
		const stop = this.#waiting.get(request);
		if (stop === undefined) {
			super.cancel(request);
			return;
		}
		stop();
		this.#waiting.delete(request);
		request.complete(StorageStatus.cancelled);
	}

	below(request: BlockRequest, token: number): void {
		// A borrowed address would not hold that long.
		if (token === RESUME || request.borrowedAddress !== 0) this.#resume(request);
		else this.#hold(() => this.#resume(request));
	}

	#resume(request: BlockRequest): void {
		this.ended();
		request.resume();
	}

	#hold(callback: () => void): () => void {
		const { clock, minMs, maxMs } = this.#options;
		return clock.after(minMs + this.#random.next() * (maxMs - minMs), callback);
	}
}
