/** The slot that the log goes on in: taken when a segment begins, made ready while that is filled. Kept by `log.ts`. */

import type { StorageStatus } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import type { LogCursor } from "./log-cursor.js";
import type { WriteRoom } from "./log-room.js";
import type { Segments } from "./segments.js";
import { SlotFiller } from "./slot-filler.js";
import { NO_SLOT } from "./space/slots.js";

export class NextSlot {
	readonly #segments: Segments;
	readonly #cursor: LogCursor;
	readonly #room: WriteRoom;
	readonly #filler: SlotFiller;

	constructor(
		segments: Segments,
		cursor: LogCursor,
		room: WriteRoom,
		allocate: (byteLength: number) => Memory,
	) {
		this.#segments = segments;
		this.#cursor = cursor;
		this.#room = room;
		this.#filler = new SlotFiller(segments, allocate);
		if (cursor.nextSlot !== NO_SLOT) this.#filler.fill(cursor.nextSlot, true);
	}

	/** For the segment behind the one that begins. */
	take(): void {
		const slot = this.#segments.takeSlot();
		this.#cursor.nextSlot = slot;
		if (slot === NO_SLOT) this.#filler.none();
		else this.#filler.fill(slot, this.#segments.slots.wasFresh);
		this.#room.wanted();
	}

	/** The log has gone on by so much. */
	advance(bytes: number): void {
		this.#filler.advance(bytes);
		this.#room.advanced(bytes);
	}

	/** It is wanted now: `over` is called when it is ready, or can't be, with what came of it. */
	hurry(over: (status: StorageStatus) => void): void {
		if (this.#cursor.nextSlot === NO_SLOT) this.take();
		this.#filler.hurry(over);
	}
}
