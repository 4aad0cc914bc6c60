/**
 * The entries of a frozen overlay in order of volume and page, for a merge. A radix sort of their numbers by the words of their keys, the
 * least significant first, and of those by the bits alone in which entries differ; in as many slices as whoever calls likes.
 */

import { unreachable } from "../../errors.js";
import type { Overlay } from "./overlay.js";

/** Bits that one pass sorts by, at most. */
const DIGIT_BITS = 11;

/** The words of a key, the least significant first. */
const KEY = [
	(overlay: Overlay, number: number): number => overlay.pageLow(number),
	(overlay: Overlay, number: number): number => overlay.pageHigh(number),
	(overlay: Overlay, number: number): number => overlay.volumeOf(number),
] as const;

/** What a call of `step` goes on with. */
type Work =
	/** Looks in which bits of this word entries differ; plans passes by them. */
	| { readonly do: "look"; readonly word: (typeof KEY)[number] }
	/** Puts this word of each entry beside its number, where it now is. */
	| { readonly do: "take"; readonly word: (typeof KEY)[number] }
	/** Counts how often each digit is there; then moves entries to where they belong. */
	| { readonly do: "count" | "move"; readonly shift: number; readonly mask: number };

export class OverlayOrder {
	readonly #overlay: Overlay;
	readonly #size: number;
	readonly #work: Work[] = KEY.map((word) => ({ do: "look", word }));
	/** How far the first of them is. */
	#next = 0;
	#differing = 0;
	#numbers: Int32Array;
	/** One word of the key of each. */
	#words: Int32Array;
	#sortedNumbers: Int32Array;
	#sortedWords: Int32Array;
	/** Where the next entry with this digit goes. */
	readonly #places = new Int32Array(2 ** DIGIT_BITS);

	/** The overlay stays as it is until nobody reads this any more. */
	constructor(overlay: Overlay) {
		this.#overlay = overlay;
		this.#size = overlay.size;
		this.#numbers = new Int32Array(this.#size);
		this.#words = new Int32Array(this.#size);
		this.#sortedNumbers = new Int32Array(this.#size);
		this.#sortedWords = new Int32Array(this.#size);
	}

	get size(): number {
		return this.#size;
	}

	/** The number in the overlay of the entry at `place` of this order. */
	at(place: number): number {
		return this.#numbers[place]!;
	}

	/** The place of the first entry of `volume`, or of the one that would be behind it. */
	startOf(volume: number): number {
		let low = 0;
		let high = this.size;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (this.#overlay.volumeOf(this.at(middle)) < volume) low = middle + 1;
			else high = middle;
		}
		return low;
	}

	/** Whether there is an entry of `volume`. */
	has(volume: number): boolean {
		const place = this.startOf(volume);
		return place < this.size && this.#overlay.volumeOf(this.at(place)) === volume;
	}

	/** Goes on for about `steps` entries; true when `at` may be asked. */
	step(steps: number): boolean {
		const work = this.#work[0];
		if (work === undefined) return true;
		const from = this.#next;
		const end = Math.min(this.size, from + steps);
		switch (work.do) {
			case "look":
				this.#look(work.word, from, end);
				break;
			case "take":
				for (let place = from; place < end; place++)
					this.#words[place] = work.word(this.#overlay, this.#numbers[place]!);
				break;
			case "count":
				for (let place = from; place < end; place++)
					this.#places[(this.#words[place]! >>> work.shift) & work.mask]!++;
				break;
			case "move":
				this.#move(work.shift, work.mask, from, end);
				break;
			default:
				unreachable(work);
		}
		this.#next = end;
		if (end === this.size) this.#finish(work);
		return false;
	}

	#look(word: (typeof KEY)[number], from: number, end: number): void {
		const first = from < end ? word(this.#overlay, 0) : 0;
		for (let number = from; number < end; number++) {
			this.#numbers[number] = number;
			this.#differing |= word(this.#overlay, number) ^ first;
		}
	}

	#move(shift: number, mask: number, from: number, end: number): void {
		for (let place = from; place < end; place++) {
			const word = this.#words[place]!;
			const to = this.#places[(word >>> shift) & mask]!++;
			this.#sortedNumbers[to] = this.#numbers[place]!;
			this.#sortedWords[to] = word;
		}
	}

	#finish(work: Work): void {
		this.#next = 0;
		this.#work.shift();
		if (work.do === "look") {
			this.#work.push(...passesFor(work.word, this.#differing));
			this.#differing = 0;
		}
		if (work.do === "count") this.#addUp();
		if (work.do !== "move") return;
		[this.#numbers, this.#sortedNumbers] = [this.#sortedNumbers, this.#numbers];
		[this.#words, this.#sortedWords] = [this.#sortedWords, this.#words];
		this.#places.fill(0);
	}

	/** Counts become places. */
	#addUp(): void {
		let place = 0;
		for (let digit = 0; digit < this.#places.length; digit++) {
			const count = this.#places[digit]!;
			this.#places[digit] = place;
			place += count;
		}
	}
}

/** The fewest passes, of equal width, over the bits from the lowest to the highest that differ. */
function passesFor(word: (typeof KEY)[number], differing: number): Work[] {
	if (differing === 0) return [];
	const high = 32 - Math.clz32(differing);
	const low = 31 - Math.clz32(differing & -differing);
	const count = Math.ceil((high - low) / DIGIT_BITS);
	const bits = Math.ceil((high - low) / count);
	const passes = Array.from({ length: count }, (_, i) => ({ shift: low + i * bits, mask: 2 ** bits - 1 }));
	const sorting = passes.flatMap((pass): Work[] => [
		{ do: "count", ...pass },
		{ do: "move", ...pass },
	]);
	return [{ do: "take", word }, ...sorting];
}
