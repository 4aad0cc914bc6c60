/**
 * Bitmaps of one size by number, in slabs, since a pool has hundreds of thousands of them and a typed array of its own would cost each more
 * than its bits; and what is done with the bits of one. Used by `table.ts`.
 */

const SLAB_BITMAPS = 256;
const BITS = 32;

export class Bitmaps {
	readonly #slabs: Int32Array[] = [];
	readonly #free: number[] = [];
	#next = 0;

	constructor(readonly words: number) {}

	/** The number of one that is all zeros. */
	take(): number {
		const number = this.#free.pop() ?? this.#next++;
		if (number >= this.#slabs.length * SLAB_BITMAPS)
			this.#slabs.push(new Int32Array(SLAB_BITMAPS * this.words));
		return number;
	}

	give(number: number): void {
		this.slabOf(number).fill(0, this.at(number), this.at(number) + this.words);
		this.#free.push(number);
	}

	/** The words of a bitmap are in this slab, from `at` on. */
	slabOf(number: number): Int32Array {
		return this.#slabs[Math.floor(number / SLAB_BITMAPS)]!;
	}

	at(number: number): number {
		return (number % SLAB_BITMAPS) * this.words;
	}
}

/** Bits of a word. */
export function countOf(word: number): number {
	let bits = word - ((word >>> 1) & 0x55555555);
	bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
	return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Bits of so many words from `at` on. */
export function countIn(words: Int32Array, at: number, length: number): number {
	let count = 0;
	for (let i = at; i < at + length; i++) count += countOf(words[i]!);
	return count;
}

/** How many bits before `bit` are set. */
export function countBefore(words: Int32Array, at: number, bit: number): number {
	const word = bit >>> 5;
	return countIn(words, at, word) + countOf(words[at + word]! & maskOf(0, bit & 31));
}

export function hasBit(words: Int32Array, at: number, bit: number): boolean {
	return ((words[at + (bit >>> 5)]! >>> (bit & 31)) & 1) === 1;
}

/** Sets bits, or clears them; how many were not so before. */
export function putBits(words: Int32Array, at: number, from: number, count: number, isSet: boolean): number {
	let changed = 0;
	const to = from + count;
	for (let bit = from; bit < to; bit = (bit | 31) + 1) {
		const index = at + (bit >>> 5);
		const mask = maskOf(bit & 31, Math.min(BITS, (bit & 31) + to - bit));
		const before = words[index]!;
		words[index] = isSet ? before | mask : before & ~mask;
		changed += countOf(before ^ words[index]!);
	}
	return changed;
}

/** The first bit from `from` on that is set, or is not; `limit` if there is none before it. */
export function nextBit(words: Int32Array, at: number, from: number, limit: number, isSet: boolean): number {
	for (let bit = from; bit < limit; bit = (bit | 31) + 1) {
		const word = words[at + (bit >>> 5)]!;
		const wanted = (isSet ? word : ~word) & maskOf(bit & 31, BITS);
		if (wanted !== 0) return Math.min(limit, (bit & ~31) + 31 - Math.clz32(wanted & -wanted));
	}
	return limit;
}

/** The bit that has so many set bits before it, and is set; the end if there are no more. */
export function bitAtRank(maps: Bitmaps, number: number, rank: number): number {
	const [words, at] = [maps.slabOf(number), maps.at(number)];
	let word = 0;
	let left = rank;
	for (; word < maps.words; word++) {
		const count = countIn(words, at + word, 1);
		if (count > left) break;
		left -= count;
	}
	const limit = maps.words * 32;
	let bit = nextBit(words, at, word * 32, limit, true);
	for (; left > 0; left--) bit = nextBit(words, at, bit + 1, limit, true);
	return bit;
}

/** Bits `from` to before `to` of a word. */
function maskOf(from: number, to: number): number {
	return (to >= BITS ? -1 : (1 << to) - 1) & (-1 << from);
}
