/**
 * Frames that go out for many blades at once: the answers to broadcasts, and advertisements. One broadcast may mean thousands
 * of replies, more than the link has rooms; here they wait their turn, a batch per turn of the event loop, so that none is
 * lost and reads and writes still find rooms in between. Used by `AoeTarget` and
 * its `Advertiser`.
 */

import type { Clock } from "../clock.js";
import { turn } from "../turn.js";

/** Most frames in one turn of the event loop, and most things looked at to find whom to send one for. */
const BATCH_FRAMES = 64;
const BATCH_LOOKS = 8192;
/** What a frame costs, in looks. */
const STEPS_PER_FRAME = 64;
/** Most rows that may wait; an initiator asks again if its broadcast is dropped. */
const ROWS_MAX = 1024;
/** How long to wait for a room when there is none. */
const RETRY_MS = 2;

type Stepped = "sent" | "passed" | "noRoom" | "done";

/** Things to send a frame for, one after the other; undefined is none. */
class Row<T> {
	#waiting: IteratorResult<T | undefined> | undefined;

	constructor(
		readonly items: Iterator<T | undefined>,
		readonly send: (item: T) => boolean,
	) {}

	/** Sends for the next item, if it is one: "sent", "noRoom" if it has to be tried again, "done" if there was none. */
	step(): Stepped {
		const next = this.#waiting ?? this.items.next();
		if (next.done === true) return "done";
		if (next.value === undefined) return "passed";
		const sent = this.send(next.value);
		this.#waiting = sent ? undefined : next;
		return sent ? "sent" : "noRoom";
	}
}

export class SpreadSender {
	readonly #clock: Clock;
	readonly #rows: { step(): Stepped }[] = [];
	#cancel: (() => void) | null = null;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/**
	 * Calls `send` for each of `items`, now or behind what waits already; again, a little later, where it returns false for
	 * want of a room. Returns false if too much waits already: then nothing will be sent.
	 */
	add<T>(items: Iterator<T | undefined>, send: (item: T) => boolean): boolean {
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
		let looks = 0;
		let row = this.#rows[0];
		for (; row !== undefined && frames < BATCH_FRAMES && looks < BATCH_LOOKS; row = this.#rows[0]) {
			looks += 1;
			const stepped = row.step();
			if (stepped === "noRoom") break;
			if (stepped === "sent") frames += 1;
			if (stepped === "done") this.#rows.shift();
		}
		turn.spend(looks + frames * STEPS_PER_FRAME);
		if (row !== undefined) this.#runAfter(frames < BATCH_FRAMES && looks < BATCH_LOOKS ? RETRY_MS : 0);
	}

	#runAfter(delayMs: number): void {
		this.#cancel = this.#clock.after(delayMs, () => this.#run());
	}
}
