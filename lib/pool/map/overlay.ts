/**
 * All that is newer than the last checkpoint: for each page that was written since, its entry; and the ranges that were trimmed. Writes go
 * here and nowhere else, so none waits for a node of the map. The pool has two, one that is written and one, frozen, that a checkpoint
 * merges into the trees (`lib/pool/map/merge.ts`), and asks them in that order, then the tree. A moment has one of its own.
 *
 * Entries lie one behind the other, seven words each: the three of `entry.ts`, volume, page, and `first`, the position at which what
 * this overlay hides of this page died, whatever happened to it afterwards. An index of open addressing, at most half full, leads to
 * them; a word of it has the entry's number and twelve bits of the hash, so that others are rarely looked at. All of it is there from the
 * beginning and takes memory when it is touched: 36 bytes an entry, 36 MiB for a million.
 */

import { invariant } from "../../errors.js";
import { zeroedWords } from "../../native.js";
import { Dead, type DeadSink } from "./dead.js";
import { ENTRY_WORDS, Entry, FLAG_ZERO, Found, putEntry, readEntry } from "./entry.js";
import { Trims } from "./trims.js";

/** Entries at most, of any overlay. */
export const OVERLAY_MAX = 2 ** 20;

const NUMBER_BITS = 20;
const NUMBER = 2 ** NUMBER_BITS - 1;
const WORDS = 7;
const VOLUME = ENTRY_WORDS;
const PAGE = VOLUME + 1;
/** The page's high 14 bits, then the high 18 of `first`. */
const HIGHS = PAGE + 1;
const FIRST = HIGHS + 1;
const PAGE_HIGH_BITS = 14;
const PAGE_HIGH = 2 ** PAGE_HIGH_BITS - 1;
const WORD = 2 ** 32;

/** Words of the index that a step of `recycle` clears: as long as other steps take. */
const CLEARED_PER_STEP = 64;

const DEAF: DeadSink = { died() {} };

const scratch = new Entry();

export class Overlay {
	size = 0;
	readonly trims = new Trims();
	readonly #words: Int32Array;
	/** 0, or an entry's number below, and bits of its hash, one of them set, above. */
	readonly #index: Int32Array;
	readonly #mask: number;
	readonly #dead = new Dead();
	#cleared = 0;

	/** `seed` is chosen by chance, so that nobody outside can choose pages that meet. `sink` hears of pages that die in here. */
	constructor(
		readonly capacity: number,
		readonly seed: number,
		readonly sink: DeadSink = DEAF,
	) {
		invariant(capacity > 0 && capacity <= OVERLAY_MAX, "an overlay has at most a million entries");
		const slots = 2 ** Math.ceil(Math.log2(2 * capacity));
		this.#mask = slots - 1;
		this.#index = zeroedWords(slots);
		this.#words = zeroedWords(capacity * WORDS);
	}

	/** Nothing may be inserted or trimmed: a checkpoint is due. */
	get isFull(): boolean {
		return this.size >= this.capacity || this.trims.isFull;
	}

	/** What is the case for this page, unless what is older knows (`none`). `into` is filled if it is mapped. */
	lookUp(volume: number, page: number, into: Entry): Found {
		if (this.size === 0 && this.trims.count === 0) return Found.none;
		const slot = this.#slotOf(volume, page);
		if (slot < 0)
			return this.trims.count > 0 && this.trims.find(volume, page) >= 0 ? Found.unmapped : Found.none;
		readEntry(this.#words, (this.#index[slot]! & NUMBER) * WORDS, into);
		if (into.flags & FLAG_ZERO) return Found.unmapped;
		if (this.trims.newest <= into.position) return Found.mapped;
		const row = this.trims.find(volume, page);
		return row >= 0 && this.trims.hides(row, into.position) ? Found.unmapped : Found.mapped;
	}

	/** A page was written: its entry is newer than all that is known of it. Not while full. */
	insert(volume: number, page: number, entry: Entry): void {
		const { trims } = this;
		const slot = this.#slotOf(volume, page);
		const row = trims.count > 0 ? trims.find(volume, page) : -1;
		if (row >= 0) trims.touch(row);
		if (slot >= 0) {
			const number = this.#index[slot]! & NUMBER;
			this.#superseded(number, row, entry);
			putEntry(this.#words, number * WORDS, entry);
			return;
		}
		invariant(this.size < this.capacity, "an overlay is not written when it is full");
		const number = this.size++;
		this.#index[~slot] = this.#tagOf(this.#hash(volume, page)) | number;
		const at = number * WORDS;
		putEntry(this.#words, at, entry);
		const first = row >= 0 ? trims.first(row) : entry.position;
		this.#words[at + VOLUME] = volume;
		this.#words[at + PAGE] = page;
		this.#words[at + HIGHS] = (page / WORD) | ((first / WORD) << PAGE_HIGH_BITS);
		this.#words[at + FIRST] = first;
	}

	/**
	 * Pages `from` to before `to` were trimmed at `position`: that which the next page to be written will have, so that pages of the
	 * same record that were written before it are older, and those written after it are not. Not while full.
	 */
	trim(volume: number, from: number, to: number, position: number): void {
		this.trims.add(volume, from, to, position);
	}

	/** A snapshot was made: what dies from here on is told apart from what died before. */
	cut(position: number): void {
		this.trims.cut = position;
	}

	/** Forgets an entry, so that what is older shows again. Says whether there was one. */
	delete(volume: number, page: number): boolean {
		const slot = this.#slotOf(volume, page);
		if (slot < 0) return false;
		const number = this.#index[slot]! & NUMBER;
		this.#free(slot);
		const last = --this.size;
		if (number === last) return true;
		const moved = this.#slotOf(this.volumeOf(last), this.pageOf(last));
		this.#index[moved] = (this.#index[moved]! & ~NUMBER) | number;
		this.#words.copyWithin(number * WORDS, last * WORDS, (last + 1) * WORDS);
		return true;
	}

	/** Empties it, `steps` at a time; true when it can be written again. */
	recycle(steps: number): boolean {
		const { size } = this;
		const index = this.#index;
		const from = this.#cleared;
		// (Of few entries it is less to look for each than to go through all of the index, of which most was never used.)
		const isSparse = size * CLEARED_PER_STEP < index.length;
		const all = isSparse ? size : index.length;
		const end = Math.min(all, from + (isSparse ? steps : steps * CLEARED_PER_STEP));
		if (isSparse) for (let number = from; number < end; number++) this.#clearFrom(number);
		else index.fill(0, from, end);
		this.#cleared = end;
		if (end < all) return false;
		this.#cleared = 0;
		this.size = 0;
		this.trims.clear();
		return true;
	}

	/** Empties the index from where an entry would be up to the first slot that is empty: between them it is, unless it is gone already. */
	#clearFrom(number: number): void {
		const index = this.#index;
		const home = this.#hash(this.volumeOf(number), this.pageOf(number)) & this.#mask;
		for (let slot = home; index[slot] !== 0; slot = (slot + 1) & this.#mask) index[slot] = 0;
	}

	/** Of entry `number`, below `size`, in no order: `lib/pool/map/order.ts` has one. */
	volumeOf(number: number): number {
		return this.#words[number * WORDS + VOLUME]! >>> 0;
	}

	pageOf(number: number): number {
		return this.pageLow(number) + this.pageHigh(number) * WORD;
	}

	pageLow(number: number): number {
		return this.#words[number * WORDS + PAGE]! >>> 0;
	}

	pageHigh(number: number): number {
		return this.#words[number * WORDS + HIGHS]! & PAGE_HIGH;
	}

	/** Where what is older than this overlay died, of this entry's page. */
	firstOf(number: number): number {
		const at = number * WORDS;
		return (this.#words[at + FIRST]! >>> 0) + (this.#words[at + HIGHS]! >>> PAGE_HIGH_BITS) * WORD;
	}

	read(number: number, into: Entry): void {
		readEntry(this.#words, number * WORDS, into);
	}

	/** The page that entry `number` has so far is dead, by a trim of `row` or else by what is written now. */
	#superseded(number: number, row: number, { position }: Entry): void {
		const dead = this.#dead;
		const at = number * WORDS;
		readEntry(this.#words, at, scratch);
		if (scratch.flags & FLAG_ZERO) return;
		dead.volume = this.volumeOf(number);
		dead.birth = scratch.position;
		dead.sectors = scratch.sectors;
		const isHidden = row >= 0 && this.trims.hides(row, dead.birth);
		dead.death = isHidden ? this.trims.death(row, dead.birth) : position;
		this.sink.died(dead);
	}

	#hash(volume: number, page: number): number {
		// Murmur's finalizer over three words, the seed first.
		let hash = Math.imul(this.seed ^ volume, 0x85ebca6b);
		hash = Math.imul(hash ^ (hash >>> 13) ^ page, 0xc2b2ae35);
		hash = Math.imul(hash ^ (hash >>> 15) ^ (page / WORD), 0x85ebca6b);
		return hash ^ (hash >>> 16);
	}

	#tagOf(hash: number): number {
		return (hash | (1 << 31)) & ~NUMBER;
	}

	/** Where the index has this page, or the complement of where it would have it. */
	#slotOf(volume: number, page: number): number {
		const index = this.#index;
		const words = this.#words;
		const hash = this.#hash(volume, page);
		const tag = this.#tagOf(hash);
		const high = (page / WORD) | 0;
		for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
			const value = index[slot]!;
			if (value === 0) return ~slot;
			if ((value & ~NUMBER) !== tag) continue;
			const at = (value & NUMBER) * WORDS;
			if (words[at + PAGE] !== (page | 0) || words[at + VOLUME] !== (volume | 0)) continue;
			if ((words[at + HIGHS]! & PAGE_HIGH) === high) return slot;
		}
	}

	/** Empties a slot, and moves up those behind it that would not be found any more. */
	#free(slot: number): void {
		const index = this.#index;
		const mask = this.#mask;
		let hole = slot;
		for (let next = (hole + 1) & mask; index[next] !== 0; next = (next + 1) & mask) {
			const number = index[next]! & NUMBER;
			const home = this.#hash(this.volumeOf(number), this.pageOf(number)) & mask;
			if (((next - home) & mask) < ((next - hole) & mask)) continue;
			index[hole] = index[next]!;
			hole = next;
		}
		index[hole] = 0;
	}
}
