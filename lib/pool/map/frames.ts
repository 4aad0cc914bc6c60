/**
 * Nodes of one kind in memory: frames in one slab, found by the node's place, replaced by a clock's hand that passes over what was used
 * since it last came by. Whoever finds that a node is not here leaves a waiter, and is told when it is; a node that is asked for again
 * meanwhile is read once. Nothing is checked but what comes from storage: its checksum, then its form. Used by `lib/pool/map/tree.ts`
 * and what walks trees; frames may be replaced whenever a node is asked for, so nobody keeps a frame's number.
 */

import { zeroedWords } from "../../native.js";
import type { Memory } from "../../wire/memory.js";
import type { NodeKind } from "./kind.js";
import { crcOf, placeOf, REF_WORDS } from "./ref.js";
import { type Checksum, NodeFault, type NodeReceiver, type NodeStore, type NodeWaiter } from "./store.js";

/** Instead of a frame's number. */
export const LOADING = -1;
export const FAILED = -2;

/** Frames at least, of each kind: more than are ever being loaded at once. */
export const FRAMES_MIN = 256;

/** Frames that the hand passes over at most for one node. */
const SWEEP = 64;

const State = { empty: 0, loading: 1, ready: 2 } as const;

const NO_FRAME = -1;
const PLACE_HIGH = 2 ** 21 - 1;

export class Frames implements NodeReceiver {
	/** Nodes as `kind` has them in memory, one behind the other. */
	readonly words: Int32Array;
	/** Of each frame, how often it was given to another node: as long as that is the same, so is what is in it. */
	readonly turns: Int32Array;
	/** Why the last node that could not be had at once could not. */
	fault: NodeFault | null = null;
	/** Hears of each node that could not be had. */
	whenFailed: (fault: NodeFault) => void = () => {};
	/** For figures, and for tests that count. */
	readonly loads = { begun: 0, failed: 0 };
	readonly #refs: Int32Array;
	readonly #levels: Uint8Array;
	readonly #states: Uint8Array;
	readonly #used: Uint8Array;
	readonly #waiters: (NodeWaiter | null)[];
	/** Who found all frames being loaded. */
	#starved: NodeWaiter | null = null;
	/** 0, or a frame's number plus one, its sign the other while it is being read. */
	readonly #index: Int32Array;
	readonly #mask: number;
	#hand = 0;

	constructor(
		readonly kind: NodeKind,
		readonly count: number,
		readonly store: NodeStore,
		readonly checksum: Checksum,
	) {
		this.words = zeroedWords(count * kind.words);
		this.turns = zeroedWords(count);
		this.#refs = zeroedWords(count * REF_WORDS);
		this.#levels = new Uint8Array(count);
		this.#states = new Uint8Array(count);
		this.#used = new Uint8Array(count);
		this.#waiters = new Array<NodeWaiter | null>(count).fill(null);
		const slots = 2 ** Math.ceil(Math.log2(2 * count));
		this.#index = zeroedWords(slots);
		this.#mask = slots - 1;
	}

	/** The frame that has the node that a child at `refs[at]` is, if it is here; less than 0 if not. */
	find(refs: Int32Array, at: number): number {
		const index = this.#index;
		const known = this.#refs;
		for (let slot = this.#hash(refs, at); ; slot = (slot + 1) & this.#mask) {
			const frame = index[slot]! - 1;
			// None; or one that is being read, whose sign is another.
			if (frame < 0) return NO_FRAME;
			const its = frame * REF_WORDS;
			if (known[its] === refs[at] && ((known[its + 1]! ^ refs[at + 1]!) & PLACE_HIGH) === 0) return frame;
		}
	}

	/**
	 * The same, of a node of `level` that is asked for if it is not here. `LOADING`: `waiter`, if there is one, will be told to ask again.
	 * `FAILED`: `fault` says why.
	 */
	get(refs: Int32Array, at: number, level: number, waiter: NodeWaiter | null): number {
		const frame = this.find(refs, at);
		return frame >= 0 ? frame : this.#ask(refs, at, level, waiter);
	}

	#ask(refs: Int32Array, at: number, level: number, waiter: NodeWaiter | null): number {
		let frame = frameIn(this.#index[this.#slotOf(refs, at)]!);
		if (frame >= 0 && this.#states[frame] === State.ready) return frame;
		if (frame < 0) {
			frame = this.#claim(refs, at, level);
			if (frame < 0) {
				if (waiter !== null) this.#starved = linked(waiter, this.#starved);
				return LOADING;
			}
			this.loads.begun++;
			this.store.load(placeOf(refs, at), this.kind.storedBytesMax, this, frame);
			if (this.#states[frame] === State.ready) return frame;
			if (this.#states[frame] === State.empty) return FAILED;
		}
		if (waiter !== null) this.#waiters[frame] = linked(waiter, this.#waiters[frame]!);
		return LOADING;
	}

	/** What is in this frame is wanted again: the hand passes over it once. */
	use(frame: number): void {
		if (this.#used[frame] === 0) this.#used[frame] = 1;
	}

	/** A node that was just stored; it lies at `words[from]`. */
	put(refs: Int32Array, at: number, level: number, words: Int32Array, from: number): void {
		const frame = this.#claim(refs, at, level);
		if (frame < 0) return;
		const to = frame * this.kind.words;
		for (let i = 0; i < this.kind.words; i++) this.words[to + i] = words[from + i]!;
		this.#states[frame] = State.ready;
	}

	/** What is here is read again when it is wanted again. */
	drop(): void {
		for (let frame = 0; frame < this.count; frame++) {
			if (this.#states[frame] !== State.ready) continue;
			this.turns[frame]!++;
			this.#forget(frame);
		}
	}

	loaded(frame: number, memory: Memory, start: number, available: number): number | string {
		const { bytes, view } = memory;
		const level = this.#levels[frame]!;
		const length = this.kind.storedBytes(view, start, available, level);
		if (length === 0) return "it is none, or not of this level";
		if ((this.checksum(bytes, start, start + length) | 0) !== crcOf(this.#refs, frame * REF_WORDS))
			return "it does not have the checksum that it was written with";
		const wrong = this.kind.decode(view, start, this.words, frame * this.kind.words, level);
		if (wrong !== undefined) return wrong;
		this.#ready(frame);
		this.#tell(frame, null);
		return length;
	}

	failed(frame: number, why: string): void {
		this.loads.failed++;
		const place = placeOf(this.#refs, frame * REF_WORDS);
		const fault = new NodeFault(this.store.nameOf(place), why);
		this.fault = fault;
		this.whenFailed(fault);
		this.#forget(frame);
		this.#tell(frame, fault);
	}

	/** Those who wait for this frame, and then those who wait for any: they ask again. */
	#tell(frame: number, fault: NodeFault | null): void {
		const waiters = this.#waiters[frame]!;
		const starved = this.#starved;
		this.#waiters[frame] = null;
		this.#starved = null;
		tellAll(waiters, fault);
		tellAll(starved, null);
	}

	/** A frame for this node, which is not here: one that nobody has used for longest, about; `NO_FRAME` if all are being loaded. */
	#claim(refs: Int32Array, at: number, level: number): number {
		const frame = this.#victim();
		if (frame < 0) return NO_FRAME;
		if (this.#states[frame] === State.ready) this.#forget(frame);
		for (let i = 0; i < REF_WORDS; i++) this.#refs[frame * REF_WORDS + i] = refs[at + i]!;
		this.turns[frame]!++;
		this.#levels[frame] = level;
		this.#states[frame] = State.loading;
		this.#used[frame] = 0;
		this.#index[this.#slotOf(refs, at)] = -(frame + 1);
		return frame;
	}

	#ready(frame: number): void {
		this.#states[frame] = State.ready;
		this.#index[this.#slotOf(this.#refs, frame * REF_WORDS)] = frame + 1;
	}

	#victim(): number {
		let passed = 0;
		for (let i = 0; i < this.count; i++) {
			const frame = this.#hand;
			this.#hand = frame + 1 === this.count ? 0 : frame + 1;
			if (this.#states[frame] === State.loading) continue;
			if (this.#used[frame] === 0 || ++passed > SWEEP) return frame;
			this.#used[frame] = 0;
		}
		// All that are not being loaded had been used: the next is as good as any.
		return passed > 0 ? this.#victim() : NO_FRAME;
	}

	#hash(refs: Int32Array, at: number): number {
		const high = refs[at + 1]! & PLACE_HIGH;
		const hash = Math.imul(refs[at]! ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1);
		return (hash ^ (hash >>> 15)) & this.#mask;
	}

	/** Where the index has this node, being read or not, or would have it. */
	#slotOf(refs: Int32Array, at: number): number {
		const known = this.#refs;
		for (let slot = this.#hash(refs, at); ; slot = (slot + 1) & this.#mask) {
			const frame = frameIn(this.#index[slot]!);
			if (frame < 0) return slot;
			const its = frame * REF_WORDS;
			if (known[its] === refs[at] && ((known[its + 1]! ^ refs[at + 1]!) & PLACE_HIGH) === 0) return slot;
		}
	}

	/** The frame is empty, and not found any more. */
	#forget(frame: number): void {
		const index = this.#index;
		const mask = this.#mask;
		let hole = this.#slotOf(this.#refs, frame * REF_WORDS);
		for (let next = (hole + 1) & mask; index[next] !== 0; next = (next + 1) & mask) {
			const home = this.#hash(this.#refs, frameIn(index[next]!) * REF_WORDS);
			if (((next - home) & mask) < ((next - hole) & mask)) continue;
			index[hole] = index[next]!;
			hole = next;
		}
		index[hole] = 0;
		this.#states[frame] = State.empty;
	}
}

/** Which frame a word of the index is for, or `NO_FRAME`. */
function frameIn(word: number): number {
	return Math.abs(word) - 1;
}

function linked(waiter: NodeWaiter, others: NodeWaiter | null): NodeWaiter {
	waiter.nextWaiter = others;
	return waiter;
}

function tellAll(first: NodeWaiter | null, fault: NodeFault | null): void {
	for (let waiter = first; waiter !== null; ) {
		const next: NodeWaiter | null = waiter.nextWaiter;
		waiter.nextWaiter = null;
		waiter.nodeReady(fault);
		waiter = next;
	}
}
