/**
 * A set of regions of a mirror, one bit each: those that are being written (`intents.ts`), or those that a member lacks. Knows which
 * sectors of its bitmap are no longer as they were stored. Kept by `ledger.ts`.
 */

import { decodeMapSector, MAP_SECTOR_BYTES, MAP_SECTOR_WORDS, MAP_SECTORS } from "./format.js";

/** Regions in a sector of the bitmap. */
const SECTOR_REGIONS = MAP_SECTOR_WORDS * 32;

export class Regions {
	readonly words: Uint32Array;
	/** By sector of the bitmap: 1 if it has changed since `stored`. */
	readonly changed = new Uint8Array(MAP_SECTORS);
	#size = 0;
	#anyChanged = false;

	/** For regions from 0 to before `count`. */
	constructor(readonly count: number) {
		this.words = new Uint32Array(Math.ceil(count / 32));
	}

	/** How many there are in the set. */
	get size(): number {
		return this.#size;
	}

	/** A sector has changed since it was last stored. */
	get anyChanged(): boolean {
		return this.#anyChanged;
	}

	/** All sectors are being stored as they are now. */
	stored(): void {
		this.changed.fill(0);
		this.#anyChanged = false;
	}

	has(region: number): boolean {
		return (this.words[region >>> 5]! & (1 << (region & 31))) !== 0;
	}

	add(region: number): void {
		if (this.has(region)) return;
		this.words[region >>> 5]! |= 1 << (region & 31);
		this.#size++;
		this.#touch(region);
	}

	delete(region: number): void {
		if (!this.has(region)) return;
		this.words[region >>> 5]! &= ~(1 << (region & 31));
		this.#size--;
		this.#touch(region);
	}

	#touch(region: number): void {
		this.changed[Math.floor(region / SECTOR_REGIONS)] = 1;
		this.#anyChanged = true;
	}

	addAll(): void {
		for (let region = 0; region < this.count; region++) this.add(region);
	}

	clear(): void {
		for (let region = this.next(0); region >= 0; region = this.next(region + 1)) this.delete(region);
	}

	/** Adds those of another set. Costs a step for each word, and one for each region that is new. */
	unite(other: Regions): void {
		for (let word = 0; word < this.words.length; word++) {
			let bits = other.words[word]! & ~this.words[word]!;
			for (; bits !== 0; bits &= bits - 1) this.add(word * 32 + 31 - Math.clz32(bits & -bits));
		}
	}

	/** The first from `from` on that is in the set, or -1. */
	next(from: number): number {
		for (let word = from >>> 5; word < this.words.length; word++) {
			let bits = this.words[word]!;
			if (word === from >>> 5) bits &= -1 << (from & 31);
			if (bits !== 0) return word * 32 + 31 - Math.clz32(bits & -bits);
		}
		return -1;
	}

	/** Becomes what a bitmap says that was stored. */
	read(map: number, bytes: Uint8Array, at: number): void {
		for (let sector = 0; sector * MAP_SECTOR_WORDS < this.words.length; sector++)
			decodeMapSector(this.words, map, sector, bytes, at + sector * MAP_SECTOR_BYTES);
		// What is behind the last region is nobody's.
		const last = this.count & 31;
		if (last !== 0) this.words[this.words.length - 1]! &= (1 << last) - 1;
		this.#size = 0;
		for (const word of this.words) for (let bits = word; bits !== 0; bits &= bits - 1) this.#size++;
	}
}
