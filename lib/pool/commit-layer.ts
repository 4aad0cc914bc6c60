/**
 * When a change of a volume counts as done, as `lib/block/durability.ts` decides it for other storage: `ack`: when its record is on
 * stable storage; `flush`: when its record is written, so that a kill of the process loses nothing, and flushes wait until it is
 * stable; `none`: the same without flushes. The pool commits for all of its volumes together, so here is only said who waits for what.
 * The top of a volume's layers (`volume-stack.ts`).
 */

import { type BlockDevice, type DeviceInfo, deviceInfo } from "../block/device.js";
import type { DurabilityMode } from "../block/durability.js";
import { DeviceLayer } from "../block/layer.js";
import { BlockOp, type BlockRequest, OP_TRAITS } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import type { Log } from "./log.js";

/** In the token: it asked for forced unit access; it has a place in a record and waits for that. */
const FUA = 1;
const COMMITTED = 2;

export class CommitLayer extends DeviceLayer {
	readonly #log: Log;
	readonly #mode: DurabilityMode;
	/** Mode `flush`: the initiator has not switched the write cache off. */
	#cacheEnabled = true;
	#infoBelow: DeviceInfo;
	#info: DeviceInfo;

	constructor(device: BlockDevice, log: Log, mode: DurabilityMode) {
		super(device);
		this.#log = log;
		this.#mode = mode;
		this.#infoBelow = device.info;
		this.#info = this.#makeInfo();
	}

	override get info(): DeviceInfo {
		if (this.device.info !== this.#infoBelow) {
			this.#infoBelow = this.device.info;
			this.#info = this.#makeInfo();
		}
		return this.#info;
	}

	#makeInfo(): DeviceInfo {
		return deviceInfo({ ...this.#infoBelow, writeCache: !this.#acksWhenStable });
	}

	get #acksWhenStable(): boolean {
		return this.#mode === "ack" || (this.#mode === "flush" && !this.#cacheEnabled);
	}

	/** `flush` obeys; `ack` never has a write cache; with `none` it can't be switched off. */
	override setWriteCache(enabled: boolean): boolean {
		if (this.#mode === "flush") {
			this.#cacheEnabled = enabled;
			this.#infoBelow = this.device.info;
			this.#info = this.#makeInfo();
		}
		return this.info.writeCache === enabled;
	}

	protected handle(request: BlockRequest): void {
		if (request.op === BlockOp.flush) this.#flush(request);
		else if (!OP_TRAITS[request.op].changes) this.device.submit(request);
		else {
			this.started();
			request.push(this, request.fua ? FUA : 0);
			this.device.submit(request);
		}
	}

	#flush(request: BlockRequest): void {
		if (this.#mode === "none") {
			request.complete(StorageStatus.ok);
			return;
		}
		this.started();
		request.push(this, COMMITTED);
		this.#log.whenStable(request);
	}

	below(request: BlockRequest, token: number): void {
		if ((token & COMMITTED) !== 0 || request.status !== StorageStatus.ok) {
			this.ended();
			request.resume();
			return;
		}
		request.push(this, COMMITTED);
		const isForced = (token & FUA) !== 0 && request.op !== BlockOp.trim && this.#mode !== "none";
		if (this.#acksWhenStable || isForced) this.#log.whenStable(request);
		else this.#log.whenWritten(request);
	}

	/** A flush that waits can be taken back. What has a place in a record has happened. */
	override cancel(request: BlockRequest): void {
		if (request.op !== BlockOp.flush) super.cancel(request);
		else if (this.#log.forget(request)) request.complete(StorageStatus.cancelled);
	}
}
