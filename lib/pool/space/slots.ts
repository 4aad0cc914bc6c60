/**
 * Which slots may be written to. A slot in which nothing lives any more is used again when that can't be undone by a crash: when what emptied
 * it is before the checkpoint of the older copy of the head, so that whichever copy opens the pool needs nothing of it; and when nobody reads
 * from it any more. One that is being read keeps itself alone. Told by `table.ts`; asked by the log, the nodes' log and the cleaner.
 */

import { invariant } from "../../errors.js";

/** None can be had. */
export const NO_SLOT = -1;

/** What `table.ts` tells. */
export interface SlotSink {
	/** Something lives in this slot, or will. */
	took(slot: number): void;
	/** Nothing lives in this slot, and nothing is written to it. */
	emptied(slot: number): void;
}

/** `absent`: there is no space for it yet, as far as is known; `held`: it is free, and somebody else still reads what it had. */
const State = { free: 0, used: 1, waiting: 2, lost: 3, absent: 4, held: 5 } as const;

/** Slots behind those that there are: a file that is missing is told as such. */
const MISSING_MAX = 8192;

export class Slots implements SlotSink {
	#states = new Uint8Array(64);
	/** Readers of each. */
	#holders = new Int32Array(64);
	/** Slots that wait, and how many checkpoints there had been when each was emptied. */
	readonly #emptied = new Map<number, number>();
	/** One more than the number of the last one. */
	#end = 0;
	#absent = 0;
	/** Whether the one that was taken last was never written to, as far as is known. */
	wasFresh = false;
	/** Slots from here on were never written to. */
	#freshFrom = 0;
	#free = 0;
	#held = 0;
	/** Checkpoints so far. */
	#checkpoints = 0;
	#settled = 0;
	/** Told of each slot that may be written to again. True: not until `release` is called. */
	whenFree: (slot: number, release: () => void) => boolean = () => false;

	/** Has all that are held back released: true. */
	endHolds: () => true = () => true;

	/** Slots that there are, free ones among them, and those that will be free. */
	get count(): number {
		return this.#end - this.#absent;
	}

	/** So many of them, the first ones, are there without a gap. */
	get whole(): number {
		return this.#absent === 0 ? this.#end : this.#states.indexOf(State.absent);
	}

	get free(): number {
		return this.#free;
	}

	/** A slot that storage names is below this, or it is none. */
	get limit(): number {
		return this.#end + MISSING_MAX;
	}

	/** Slots that are free and held back. */
	get held(): number {
		return this.#held;
	}

	get waiting(): number {
		return this.#emptied.size;
	}

	/** The first ones are there, so many. */
	grow(count: number): void {
		const end = this.#end;
		this.#reach(count);
		for (let slot = end; slot < count; slot++) this.add(slot);
	}

	/** This one is there now, if it was not. */
	add(slot: number): void {
		this.#reach(slot + 1);
		if (this.#states[slot] !== State.absent) return;
		this.#states[slot] = State.free;
		this.#absent--;
		this.#free++;
	}

	/** Of the first ones, so many, those that were never used are not there. */
	withdrawFresh(count: number): void {
		for (let slot = this.#freshFrom; slot < Math.min(count, this.#end); slot++) {
			if (this.#states[slot] !== State.free) continue;
			this.#states[slot] = State.absent;
			this.#absent++;
			this.#free--;
		}
	}

	/** There are numbers up to this one: of those that are new none is there yet. */
	#reach(end: number): void {
		if (end <= this.#end) return;
		while (end > this.#states.length) this.#enlarge();
		this.#states.fill(State.absent, this.#end, end);
		this.#absent += end - this.#end;
		this.#end = end;
	}

	/** One that is free, the lowest; `NO_SLOT` if none is. */
	take(): number {
		if (this.#free === 0 && this.#held > 0) this.endHolds();
		const slot = this.#states.subarray(0, this.#end).indexOf(State.free);
		this.wasFresh = slot >= this.#freshFrom;
		if (slot >= 0) this.took(slot);
		return slot;
	}

	/** What this slot has is gone, and nothing is written to it; nobody has taken it yet. */
	lose(slot: number): void {
		if (this.#states[slot] === State.free) this.#free--;
		if (this.#states[slot] === State.absent) this.#absent--;
		if (this.#states[slot] === State.held) this.#held--;
		this.#states[slot] = State.lost;
	}

	isLost(slot: number): boolean {
		return this.#states[slot] === State.lost;
	}

	/** This slot is used: the log or a checkpoint says so. */
	took(slot: number): void {
		this.#reach(slot + 1);
		const state = this.#states[slot];
		if (state === State.lost) return;
		if (state === State.free) this.#free--;
		if (state === State.absent) this.#absent--;
		if (state === State.held) this.#held--;
		if (state === State.waiting) this.#emptied.delete(slot);
		this.#states[slot] = State.used;
		this.#freshFrom = Math.max(this.#freshFrom, slot + 1);
	}

	emptied(slot: number): void {
		if (this.#states[slot] !== State.used) return;
		this.#states[slot] = State.waiting;
		this.#emptied.set(slot, this.#checkpoints);
	}

	/** A checkpoint has all that was emptied so far. Returns its number, for `settle`. */
	checkpoint(): number {
		return ++this.#checkpoints;
	}

	/** Slots that the next checkpoint will give back: they were emptied since the last one, and nobody reads from them. */
	get comingBack(): number {
		let count = 0;
		for (const [slot, after] of this.#emptied)
			if (after >= this.#checkpoints && this.#holders[slot] === 0) count++;
		return count;
	}

	/** Both copies of the head name this checkpoint, or a later one: the last one, or, for what was held then, any before. */
	settle(checkpoint = this.#settled): void {
		this.#settled = Math.max(this.#settled, checkpoint);
		for (const [slot, after] of this.#emptied) {
			if (after >= checkpoint || this.#holders[slot]! > 0) continue;
			this.#states[slot] = State.free;
			this.#emptied.delete(slot);
			this.#free++;
			this.#tellFree(slot);
		}
	}

	#tellFree(slot: number): void {
		if (!this.whenFree(slot, () => this.#release(slot))) return;
		this.#states[slot] = State.held;
		this.#free--;
		this.#held++;
	}

	#release(slot: number): void {
		if (this.#states[slot] !== State.held) return;
		this.#states[slot] = State.free;
		this.#free++;
		this.#held--;
	}

	/** Tells of all that may be written to. */
	tellFree(): void {
		for (let slot = 0; slot < this.#end; slot++) if (this.#states[slot] === State.free) this.#tellFree(slot);
	}

	/** Somebody reads from the slot until `letGo`. */
	hold(slot: number): void {
		this.#holders[slot]!++;
	}

	letGo(slot: number): void {
		invariant(this.#holders[slot]! > 0, "a slot is let go by nobody");
		this.#holders[slot]!--;
	}

	#enlarge(): void {
		const length = 2 * this.#states.length;
		const [states, holders] = [this.#states, this.#holders];
		this.#states = new Uint8Array(length);
		this.#states.set(states);
		this.#holders = new Int32Array(length);
		this.#holders.set(holders);
	}
}
