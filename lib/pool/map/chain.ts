/**
 * Lists of dead pages: where each was born, how long it is, and where it died; in chunks, so that two lists are joined without a look at
 * either. Used by `lib/pool/map/lineage.ts`, which keeps millions of pages so.
 */

import { invariant } from "../../errors.js";

/** Pages of a chunk: of a list's first, and of its largest. */
const CHUNK_MIN = 8;
const CHUNK_MAX = 512;

/** Birth's low word; its high 18 bits and sectors less one; death's two words. */
export const CHAIN_PAGE_WORDS = 4;
const WORDS = CHAIN_PAGE_WORDS;
const WORD = 2 ** 32;
const HIGH = 2 ** 18 - 1;
const SECTORS_AT = 18;

interface Chunk {
	readonly words: Int32Array;
	count: number;
	next: Chunk | null;
}

export class Chain {
	/** Pages, and their sectors in all. */
	count = 0;
	sectorsInAll = -0;
	/** The page that was shown last. */
	birth = -0;
	sectors = 0;
	death = -0;
	#first: Chunk | null = null;
	#last: Chunk | null = null;
	/** How many of the first chunk are gone. */
	#gone = 0;

	add(birth: number, sectors: number, death: number): void {
		const chunk = this.#withRoom();
		const { words } = chunk;
		const at = chunk.count++ * WORDS;
		words[at] = birth;
		words[at + 1] = (birth / WORD) | ((sectors - 1) << SECTORS_AT);
		words[at + 2] = death;
		words[at + 3] = death / WORD;
		this.count++;
		this.sectorsInAll += sectors;
	}

	/** Shows the first page; false if there is none. */
	show(): boolean {
		const chunk = this.#first;
		if (chunk === null || this.count === 0) return false;
		const { words } = chunk;
		const at = this.#gone * WORDS;
		this.birth = birthIn(words, at);
		this.sectors = sectorsIn(words, at);
		this.death = (words[at + 2]! >>> 0) + (words[at + 3]! >>> 0) * WORD;
		return true;
	}

	/** Takes the first page away, which was shown. */
	drop(): void {
		const chunk = this.#first!;
		this.count--;
		this.sectorsInAll -= this.sectors;
		if (++this.#gone < chunk.count) return;
		this.#first = chunk.next;
		if (chunk.next === null) this.#last = null;
		this.#gone = 0;
	}

	/** All pages of `other`, none of which were taken away, come behind these; `other` is empty then. */
	take(other: Chain): void {
		invariant(other.#gone === 0, "a list that is joined is whole");
		if (other.count === 0) return;
		if (this.#last === null) this.#first = other.#first;
		else this.#last.next = other.#first;
		this.#last = other.#last;
		this.count += other.count;
		this.sectorsInAll += other.sectorsInAll;
		other.#first = null;
		other.#last = null;
		other.count = 0;
		other.sectorsInAll = 0;
	}

	/** All pages as words, in order. */
	*pieces(): Generator<Int32Array> {
		let gone = this.#gone;
		for (let chunk = this.#first; chunk !== null; chunk = chunk.next) {
			yield chunk.words.subarray(gone * WORDS, chunk.count * WORDS);
			gone = 0;
		}
	}

	/** Whether all pages are as they should be. */
	everyPage(isGood: (birth: number, sectors: number) => boolean): boolean {
		for (const words of this.pieces())
			for (let at = 0; at < words.length; at += WORDS)
				if (!isGood(birthIn(words, at), sectorsIn(words, at))) return false;
		return true;
	}

	/** Pages as `pieces` gives them, to an empty list. */
	addWords(words: Int32Array): void {
		const count = words.length / WORDS;
		if (count === 0) return;
		this.#first = { words, count, next: null };
		this.#last = this.#first;
		this.count = count;
		for (let at = 0; at < words.length; at += WORDS) this.sectorsInAll += sectorsIn(words, at);
	}

	#withRoom(): Chunk {
		const last = this.#last;
		const room = last === null ? 0 : last.words.length / WORDS;
		if (last !== null && last.count < room) return last;
		const size = Math.max(CHUNK_MIN, Math.min(CHUNK_MAX, room * 2));
		const chunk = { words: new Int32Array(size * WORDS), count: 0, next: null };
		if (last === null) this.#first = chunk;
		else last.next = chunk;
		this.#last = chunk;
		return chunk;
	}
}

function birthIn(words: Int32Array, at: number): number {
	return (words[at]! >>> 0) + (words[at + 1]! & HIGH) * WORD;
}

function sectorsIn(words: Int32Array, at: number): number {
	return (words[at + 1]! >>> SECTORS_AT) + 1;
}
