/**
 * When a change of a volume counts as done, as `lib/block/durability.ts` decides it for other storage: `ack`: when its record is on
 * stable storage; `flush`: when its record is written, so that a kill of the process loses nothing, and flushes wait until it is
 * stable; `none`: the same without flushes. The pool commits for all of its volumes together, so here is only said who waits for what.
 * The top of a volume's layers (`volume-stack.ts`).
 */

import type { BlockDevice } from "../block/device.js";
import { BlockOp, type BlockRequest, OP_TRAITS } from "../block/request.js";
import { type DurabilityMode, WriteCacheLayer } from "../block/write-cache.js";
import { StorageStatus } from "../errors.js";
import type { Log } from "./log.js";

/** In the token: it asked for forced unit access; it has a place in a record and waits for that. */
const FUA = 1;
const COMMITTED = 2;

export class CommitLayer extends WriteCacheLayer {
	readonly #log: Log;

	constructor(device: BlockDevice, log: Log, mode: DurabilityMode) {
		super(device, mode);
		this.#log = log;
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
		if (this.mode === "none") {
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
		const isForced = (token & FUA) !== 0 && request.op !== BlockOp.trim && this.mode !== "none";
		if (this.acksWhenStable || isForced) this.#log.whenStable(request);
		else this.#log.whenWritten(request);
	}

	/** A flush that waits can be taken back. What has a place in a record has happened. */
	override cancel(request: BlockRequest): void {
		if (request.op !== BlockOp.flush) super.cancel(request);
		else if (this.#log.forget(request)) request.complete(StorageStatus.cancelled);
	}
}
