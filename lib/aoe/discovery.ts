/**
 * Frames that go out for many blades at once: the answers to broadcasts, and advertisements. One broadcast may mean thousands
 * of replies, more than the link has slots; here they wait their turn, a batch per turn of the event loop, so that none is
 * lost and reads and writes still find slots in between. Used by `AoeTarget`.
 */

import type { Clock } from "../clock.js";

/** Most frames in one turn of the event loop. */
const BATCH_FRAMES = 64;
/** Most rows that may wait; an initiator asks again if its broadcast is dropped. */
const ROWS_MAX = 1024;
/** How long to wait for a slot when there is none. */
const RETRY_MS = 2;

/** Things to send a frame for, one after the other. */
class Row<T> {
	#waiting: IteratorResult<T> | undefined;

	constructor(
		readonly items: Iterator<T>,
		readonly send: (item: T) => boolean,
	) {}

	/** Sends for the next item: "sent", "noSlot" if it has to be tried again, "done" if there was none. */
	step(): "sent" | "noSlot" | "done" {
		const next = this.#waiting ?? this.items.next();
		if (next.done === true) return "done";
		const sent = this.send(next.value);
		this.#waiting = sent ? undefined : next;
		return sent ? "sent" : "noSlot";
	}
}

export class Discovery {
	readonly #clock: Clock;
	readonly #rows: { step(): "sent" | "noSlot" | "done" }[] = [];
	#cancel: (() => void) | null = null;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/**
	 * Calls `send` for each of `items`, now or behind what waits already; again, a little later, where it returns false for
	 * want of a slot. Returns false if too much waits already: then nothing will be sent.
	 */
	add<T>(items: Iterator<T>, send: (item: T) => boolean): boolean {
		if (this.#rows.length >= ROWS_MAX) return false;
		this.#rows.push(new Row(items, send));
		if (this.#cancel === null) this.#run();
		return true;
	}

	/** Forgets all that waits. */
	stop(): void {
		this.#cancel?.();
		this.#cancel = null;
		this.#rows.length = 0;
	}

	#run(): void {
		this.#cancel = null;
		let frames = 0;
		while (frames < BATCH_FRAMES) {
			const row = this.#rows[0];
			if (row === undefined) return;
			switch (row.step()) {
				case "sent":
					frames += 1;
					break;
				case "noSlot":
					this.#runAfter(RETRY_MS);
					return;
				case "done":
					this.#rows.shift();
			}
		}
		this.#runAfter(0);
	}

	#runAfter(delayMs: number): void {
		this.#cancel = this.#clock.after(delayMs, () => this.#run());
	}
}
