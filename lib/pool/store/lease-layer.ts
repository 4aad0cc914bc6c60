/**
 * A volume of a pool in an object store, of which nothing is answered while its owner's lease is over: not even what no file is asked for, as a flush when
 * there is nothing to sync, nor a read, since somebody else may have written there. Answers wait until the lease runs again, and end `closed` once somebody
 * else has the pool. That what is acknowledged is promised is seen to below (`gate-layer.ts`). The top of such a volume (`volume-stack.ts`).
 */

import type { CloseEnd } from "../../block/close.js";
import type { BlockDevice, Tenure } from "../../block/device.js";
import { DeviceLayer } from "../../block/layer.js";
import type { BlockRequest } from "../../block/request.js";
import { RequestList } from "../../block/request-list.js";
import { StorageStatus } from "../../errors.js";

export interface AnswerLease extends Tenure {
	/** It never will be so again. */
	readonly hasEnded: boolean;
	/** Calls back once, maybe at once, when one of the two is so. */
	whenMay(waiter: () => void): void;
}

const TOKEN = 0;

export class LeaseLayer extends DeviceLayer {
	readonly #lease: AnswerLease;
	/** Done below, and not answered. */
	readonly #held = new RequestList();
	#isWaiting = false;
	#isClosing = false;

	constructor(device: BlockDevice, lease: AnswerLease) {
		super(device);
		this.#lease = lease;
	}

	override get tenure(): Tenure {
		return this.#lease;
	}

	protected handle(request: BlockRequest): void {
		this.started();
		this.#ask(request);
	}

	#ask(request: BlockRequest): void {
		request.push(this, TOKEN);
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		if (this.#lease.mayAnswer) {
			this.ended();
			request.resume();
			return;
		}
		this.#held.add(request);
		this.#wait();
	}

	#wait(): void {
		if (this.#isClosing || this.#lease.hasEnded) this.#answer();
		if (this.#held.isEmpty || this.#isWaiting) return;
		this.#isWaiting = true;
		this.#lease.whenMay(() => {
			this.#isWaiting = false;
			this.#answer();
			if (!this.#held.isEmpty) this.#wait();
		});
	}

	#answer(): void {
		const isOver = this.#isClosing || this.#lease.hasEnded;
		if (!isOver && !this.#lease.mayAnswer) return;
		for (let request = this.#held.takeAll(); request !== null; ) {
			const { next } = request;
			request.next = null;
			this.#let(request, isOver);
			request = next;
		}
	}

	#let(request: BlockRequest, isOver: boolean): void {
		if (!isOver && request.borrowedAddress !== 0) {
			// What was lent did not hold that long.
			request.borrowedAddress = 0;
			this.#ask(request);
			return;
		}
		this.ended();
		if (!isOver) request.resume();
		else {
			request.borrowedAddress = 0;
			request.complete(StorageStatus.closed);
		}
	}

	/** Nobody waits for an answer any more. */
	override close(limitMs = Infinity): Promise<CloseEnd> {
		this.#isClosing = true;
		this.#answer();
		return super.close(limitMs);
	}
}
