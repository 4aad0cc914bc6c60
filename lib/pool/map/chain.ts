/**
 * Lists of dead pages: where each was born, how long it is, and where it died. What was added last is in memory, in chunks; what was before
 * is stored, in parts (`part.ts`), of which the first is read when its turn comes; so lists of millions take little memory, and two are joined
 * without a look at either. Used by `lib/pool/map/lineage.ts`.
 */

import { invariant } from "../../errors.js";
import { areGood, birthIn, deathIn, type IsGood, putDead, sectorsIn, sectorsOf } from "./dead-words.js";
import { DEAD_WORDS, PART_PAGES, type Part, type PartStore, type StoredPart } from "./part.js";
import { SpareWords } from "./spare-words.js";

/** Pages of a chunk: of a list's first, and of its largest. */
const CHUNK_MIN = 8;
const CHUNK_MAX = 512;

const WORDS = DEAD_WORDS;

/** 2 MiB of the largest chunks, as much as stays in memory of all lists. */
export const spareChunks = new SpareWords(CHUNK_MAX * WORDS, 256);
/** For what was read of parts: of few lists at a time. */
export const spareParts = new SpareWords(PART_PAGES * WORDS, 8);
/** What is being stored, which whoever stores it copies. */
const stored = new Int32Array(PART_PAGES * WORDS);

/** Pages `from` to before `end` of it are there. */
interface Chunk {
	readonly words: Int32Array;
	from: number;
	end: number;
	next: Chunk | null;
}

export class Chain {
	/** Pages, and their sectors in all. */
	count = 0;
	sectorsInAll = -0;
	/** Of the pages, those that are in memory for want of more. */
	inMemory = 0;
	/** Parts that are stored. */
	partCount = 0;
	/** The page that was shown last. */
	birth = -0;
	sectors = 0;
	death = -0;
	/** The first part can't be read. */
	isStuck = false;
	#oldest: Part | null = null;
	#newest: Part | null = null;
	/** How many pages of the oldest part are gone, and their sectors. */
	#gone = 0;
	#goneSectors = 0;
	/** What that part has, if it was read; where the first page that is left died, or before. */
	#read: Int32Array | null = null;
	#awayDeath = -0;
	/** Behind all parts. */
	#first: Chunk | null = null;
	#last: Chunk | null = null;

	add(birth: number, sectors: number, death: number): void {
		const chunk = this.#withRoom();
		const { words } = chunk;
		const at = chunk.end++ * WORDS;
		putDead(words, at, birth, sectors, death);
		this.count++;
		this.inMemory++;
		this.sectorsInAll += sectors;
	}

	/** Shows the first page; false if there is none, or it is away. */
	show(): boolean {
		const words = this.#oldest === null ? this.#first?.words : this.#read;
		if (!words) return false;
		const at = (this.#oldest === null ? this.#first!.from : this.#gone) * WORDS;
		this.birth = birthIn(words, at);
		this.sectors = sectorsIn(words, at);
		this.death = deathIn(words, at);
		return true;
	}

	/** Takes the first page away, which was shown. Returns a part that is not needed any more. */
	drop(): Part | null {
		this.count--;
		this.sectorsInAll -= this.sectors;
		const part = this.#oldest;
		if (part === null) {
			this.inMemory--;
			this.#first!.from++;
			this.#passEmpty();
			return null;
		}
		this.#goneSectors += this.sectors;
		if (++this.#gone < part.count) return null;
		this.#gone = 0;
		this.#goneSectors = 0;
		this.#forgetRead();
		this.partCount--;
		this.#oldest = part.next;
		if (part.next === null) this.#newest = null;
		else this.#awayDeath = part.next.firstDeath;
		return part;
	}

	#passEmpty(): void {
		const chunk = this.#first!;
		if (chunk.from < chunk.end) return;
		spareChunks.give(chunk.words);
		this.#first = chunk.next;
		if (chunk.next === null) this.#last = null;
	}

	/** The part that has to be read before the first page can be shown. */
	get away(): Part | null {
		return this.#read === null ? this.#oldest : null;
	}

	/** Where the first page of that died, or before. */
	get awayDeath(): number {
		return this.#awayDeath;
	}

	#forgetRead(): void {
		if (this.#read !== null) spareParts.give(this.#read);
		this.#read = null;
	}

	/** What the part that was away has, of `spareParts` perhaps; it is given back when it was shown. False if that makes no sense. */
	fill(part: Part, words: Int32Array, isGood: IsGood): boolean {
		if (part !== this.away) return true;
		if (words.length !== part.count * WORDS || !areGood(words, isGood)) return false;
		this.#read = words;
		return true;
	}

	/** The first page is left for later. */
	rest(): void {
		if (this.#read === null) return;
		this.#awayDeath = deathIn(this.#read, this.#gone * WORDS);
		this.#forgetRead();
	}

	/** All pages of `other`, none of which were taken away, are among these; `other` is empty then. */
	take(other: Chain): void {
		invariant(other.#gone === 0, "a list that is joined is whole");
		if (other.#oldest !== null) this.#takeParts(other.#oldest, other.#newest!, other.partCount);
		if (other.#first !== null) {
			if (this.#last === null) this.#first = other.#first;
			else this.#last.next = other.#first;
			this.#last = other.#last;
		}
		this.count += other.count;
		this.inMemory += other.inMemory;
		this.sectorsInAll += other.sectorsInAll;
		other.#clear();
	}

	#clear(): void {
		this.#forgetRead();
		this.#oldest = null;
		this.#newest = null;
		this.#first = null;
		this.#last = null;
		this.count = 0;
		this.inMemory = 0;
		this.partCount = 0;
		this.sectorsInAll = 0;
	}

	/** Behind the parts that there are, and so before what is in memory. */
	#takeParts(first: Part, last: Part, count: number): void {
		this.partCount += count;
		if (this.#newest === null) {
			this.#oldest = first;
			this.#awayDeath = first.firstDeath;
		} else this.#newest.next = first;
		this.#newest = last;
	}

	/** Stores what is in memory: a whole part, or, if that is not less than `least`, what there is. False if there is not so much. */
	store(parts: PartStore, least = PART_PAGES): boolean {
		const count = Math.min(PART_PAGES, this.inMemory);
		if (count < Math.max(1, least)) return false;
		const words = stored.subarray(0, count * WORDS);
		for (let filled = 0; filled < count; this.#passEmpty()) {
			const chunk = this.#first!;
			const end = Math.min(chunk.end, chunk.from + count - filled);
			words.set(chunk.words.subarray(chunk.from * WORDS, end * WORDS), filled * WORDS);
			filled += end - chunk.from;
			chunk.from = end;
		}
		this.inMemory -= count;
		const part: Part = {
			...parts.append(new Uint8Array(words.buffer, 0, words.byteLength)),
			count,
			sectors: sectorsOf(words),
			firstDeath: deathIn(words, 0),
			next: null,
		};
		this.#takeParts(part, part, 1);
		return true;
	}

	/** How many pages of the first part are gone, and their sectors. */
	get gone(): readonly [pages: number, sectors: number] {
		return [this.#gone, this.#goneSectors];
	}

	/** What is stored of it first; the rest follows that. */
	get firstPart(): Readonly<Part> | null {
		return this.#oldest;
	}

	/** What is stored of it, in order. */
	*parts(): Generator<StoredPart> {
		for (let part = this.#oldest; part !== null; part = part.next) yield part;
	}

	/** What is in memory behind that, as words, in order: good until the list is changed. */
	*pieces(): Generator<Int32Array> {
		for (let chunk = this.#first; chunk !== null; chunk = chunk.next)
			yield chunk.words.subarray(chunk.from * WORDS, chunk.end * WORDS);
	}

	/** All pages that are in memory, in order. */
	visit(visitor: (birth: number, sectors: number, death: number) => void): void {
		for (const words of this.pieces())
			for (let at = 0; at < words.length; at += WORDS)
				visitor(birthIn(words, at), sectorsIn(words, at), deathIn(words, at));
	}

	/** A list as it was stored: parts, what of the first of them is `gone`, and pages as `pieces` gives them. */
	static of(parts: readonly StoredPart[], gone: Chain["gone"], words: Int32Array): Chain {
		const chain = new Chain();
		for (const each of parts) {
			const part = { ...each, next: null };
			chain.#takeParts(part, part, 1);
			chain.count += part.count;
			chain.sectorsInAll += part.sectors;
		}
		return chain.#complete(gone, words);
	}

	#complete([gone, goneSectors]: Chain["gone"], words: Int32Array): Chain {
		this.#gone = gone;
		this.#goneSectors = goneSectors;
		this.count -= gone;
		this.sectorsInAll -= goneSectors;
		if (gone > 0) this.#awayDeath = 0;
		const end = words.length / WORDS;
		if (end === 0) return this;
		this.#first = { words, from: 0, end, next: null };
		this.#last = this.#first;
		this.count += end;
		this.inMemory = end;
		this.sectorsInAll += sectorsOf(words);
		return this;
	}

	#withRoom(): Chunk {
		const last = this.#last;
		const room = last === null ? 0 : last.words.length / WORDS;
		if (last !== null && last.end < room) return last;
		const size = Math.max(CHUNK_MIN, Math.min(CHUNK_MAX, room * 2));
		const words = size === CHUNK_MAX ? spareChunks.take() : new Int32Array(size * WORDS);
		const chunk = { words, from: 0, end: 0, next: null };
		if (last === null) this.#first = chunk;
		else last.next = chunk;
		this.#last = chunk;
		return chunk;
	}
}
