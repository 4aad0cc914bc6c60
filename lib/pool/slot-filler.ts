/**
 * Makes the next slot ready while the one before is being filled: its file is made if there is none, and on file systems where that
 * helps it is written with zeros, unless that was done before (`file-filler.ts`, `preallocate.ts`), about as fast as the log goes on, so that nobody
 * waits for it and no sync has much of it to write. Used by `next-slot.ts`.
 */

import type { BlockDevice } from "../block/device.js";
import { BlockOp, BlockRequest, type RequestOwner } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { FILE_SLOTS, SEGMENT_BYTES } from "./format.js";
import type { Segments } from "./segments.js";
import { NO_SLOT } from "./space/slots.js";

const PIECE_BYTES = 128 * 1024;
/** So much faster than the log. */
const LEAD = 1.5;

export class SlotFiller implements RequestOwner {
	readonly #segments: Segments;
	readonly #request = new BlockRequest(this);
	#slot = NO_SLOT;
	#device: BlockDevice | null = null;
	#filledBytes = 0;
	#allowedBytes = 0;
	#isWriting = false;
	#failure: StorageStatus = StorageStatus.ok;
	#whenOver: (() => void) | null = null;

	/** `zeros`: of at least a piece. */
	constructor(segments: Segments, allocate: (byteLength: number) => Memory) {
		this.#segments = segments;
		this.#request.op = BlockOp.write;
		if (segments.folder.fillsAhead) this.#request.memory = allocate(PIECE_BYTES);
	}

	get isReady(): boolean {
		return this.#device !== null && this.#filledBytes >= SEGMENT_BYTES;
	}

	/** Begins with a slot. `isFresh`: it has never been used. */
	fill(slot: number, isFresh: boolean): void {
		this.#slot = slot;
		this.#device = null;
		this.#allowedBytes = 0;
		this.#filledBytes = isFresh && !this.#segments.known.isFilled(slot) ? 0 : SEGMENT_BYTES;
		this.#begin();
	}

	#begin(): void {
		this.#failure = StorageStatus.ok;
		this.#segments.fileOf(this.#slot).then(
			(device) => {
				this.#device = device;
				this.#goOn();
			},
			() => this.#fail(StorageStatus.noSpace),
		);
	}

	/** The log has gone on by so much. */
	advance(bytes: number): void {
		if (this.isReady) return;
		this.#allowedBytes += LEAD * bytes;
		this.#goOn();
	}

	/**
	 * The slot is wanted now. `over` is called, once, when it is ready, or can't be: with what came of it. What has failed before is tried
	 * again.
	 */
	hurry(over: (status: StorageStatus) => void): void {
		this.#allowedBytes = SEGMENT_BYTES;
		this.#whenOver = () => over(this.#failure);
		if (this.#slot === NO_SLOT) this.#over();
		else if (this.#failure === StorageStatus.ok) this.#goOn();
		else this.#begin();
	}

	#goOn(): void {
		if (this.isReady) {
			this.#over();
			return;
		}
		if (this.#device === null || this.#isWriting || this.#filledBytes >= this.#allowedBytes) return;
		this.#isWriting = true;
		const request = this.#request;
		request.offsetBytes = (this.#slot % FILE_SLOTS) * SEGMENT_BYTES + this.#filledBytes;
		request.lengthBytes = PIECE_BYTES;
		this.#device.submit(request.begin());
	}

	finished({ status }: BlockRequest): void {
		this.#isWriting = false;
		if (status !== StorageStatus.ok) {
			this.#fail(status);
			return;
		}
		this.#filledBytes += PIECE_BYTES;
		this.#goOn();
	}

	/** There is none. */
	none(): void {
		this.#slot = NO_SLOT;
		this.#failure = StorageStatus.noSpace;
	}

	#fail(status: StorageStatus): void {
		this.#failure = status;
		this.#over();
	}

	#over(): void {
		const whenOver = this.#whenOver;
		this.#whenOver = null;
		whenOver?.();
	}
}
