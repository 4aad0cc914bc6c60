/**
 * Many things that have to be moved on now and then, each when it is due, by one timer: some at a time, so that thousands that
 * are due at once neither hold the loop nor fill the network. Used by `rounds.ts` for claims.
 */

import type { Clock } from "../clock.js";

/** Most steps in one turn of the loop, and how long until the next turn. */
export const STEPS_PER_TURN = 64;
const TURN_MS = 10;
/** There is a turn at least so often while anything is due at some time, to see that time has not passed without us. */
const BEAT_MS = 1000;
/** A turn that is late by more: this process was stopped, or its machine. Another server needs less to see nobody here. */
const AWAY_MS = 1000;

export interface Due {
	/** When there is something to do next; Infinity while nothing is. */
	dueMs: number;
}

export class Turns<T extends Due> {
	readonly #clock: Clock;
	readonly #queue = new Queue<T>();
	readonly #step: (item: T, nowMs: number) => void;
	readonly #wasAway: (nowMs: number, lateMs: number) => void;
	#cancel: (() => void) | null = null;
	#wakeMs = Infinity;

	/**
	 * @param step moves on one that is due, and says by its `dueMs` when it is again
	 * @param wasAway called before the steps when so much time has passed without us
	 */
	constructor(
		clock: Clock,
		step: (item: T, nowMs: number) => void,
		wasAway: (nowMs: number, lateMs: number) => void,
	) {
		this.#clock = clock;
		this.#step = step;
		this.#wasAway = wasAway;
	}

	/** From outside a step: `item` is due at `dueMs`. Without this it may only become due never. */
	set(item: T, dueMs: number): void {
		if (item.dueMs !== dueMs) {
			item.dueMs = dueMs;
			this.#queue.put(item);
		}
		this.#wake(dueMs);
	}

	stop(): void {
		this.#cancel?.();
		this.#cancel = null;
		this.#wakeMs = Infinity;
	}

	#turn(): void {
		const now = this.#clock.now();
		const lateMs = now - this.#wakeMs;
		this.#cancel = null;
		this.#wakeMs = Infinity;
		if (lateMs > AWAY_MS) this.#wasAway(now, lateMs);
		const moved: T[] = [];
		while (moved.length < STEPS_PER_TURN) {
			const item = this.#queue.takeDue(now);
			if (item === undefined) break;
			this.#step(item, now);
			moved.push(item);
		}
		const isMore = this.#queue.firstMs <= now;
		for (const item of moved) this.#queue.put(item);
		this.#wake(isMore ? now + TURN_MS : this.#queue.firstMs);
	}

	/** Sees to it that there is a turn at `dueMs`, or before. */
	#wake(dueMs: number): void {
		if (dueMs >= this.#wakeMs) return;
		this.#cancel?.();
		const now = this.#clock.now();
		// What was due long ago has not been waited for until now.
		this.#wakeMs = Math.min(Math.max(dueMs, now), now + BEAT_MS);
		this.#cancel = this.#clock.after(this.#wakeMs - now, () => this.#turn());
	}
}

interface Entry<T> {
	readonly dueMs: number;
	/** Of two that are due at one time, the one that was put first comes first. */
	readonly order: number;
	readonly item: T;
}

/**
 * What is due first, without a look at the others, of which there are thousands: a heap. An entry whose item is due at another time
 * by now counts for nothing.
 */
class Queue<T extends Due> {
	readonly #entries: Entry<T>[] = [];
	#order = 0;

	/** When there may be something to take. */
	get firstMs(): number {
		return this.#entries[0]?.dueMs ?? Infinity;
	}

	put(item: T): void {
		const { dueMs } = item;
		if (dueMs === Infinity) return;
		const entry = { dueMs, order: this.#order++, item };
		const entries = this.#entries;
		let at = entries.length;
		for (let above = (at - 1) >> 1; at > 0 && isBefore(entry, entries[above]!); above = (at - 1) >> 1) {
			entries[at] = entries[above]!;
			at = above;
		}
		entries[at] = entry;
	}

	/** One that is due at `nowMs`, or was before. Undefined if there is none. */
	takeDue(nowMs: number): T | undefined {
		while (this.firstMs <= nowMs) {
			const { item, dueMs } = this.#takeFirst();
			if (item.dueMs === dueMs) return item;
		}
		return undefined;
	}

	#takeFirst(): Entry<T> {
		const entries = this.#entries;
		const first = entries[0]!;
		const last = entries.pop()!;
		if (last === first) return first;
		let at = 0;
		for (;;) {
			let below = 2 * at + 1;
			if (below + 1 < entries.length && isBefore(entries[below + 1]!, entries[below]!)) below += 1;
			if (below >= entries.length || !isBefore(entries[below]!, last)) break;
			entries[at] = entries[below]!;
			at = below;
		}
		entries[at] = last;
		return first;
	}
}

function isBefore<T>(one: Entry<T>, other: Entry<T>): boolean {
	return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
}
