/**
 * Which parts of what a volume was may be other than in a snapshot of it, asked range by range: for a protocol that tells that to whoever makes
 * backups. Told from where pages are, by `map/ranges.ts`, without reading any. Opened by `openings.ts`.
 */

import { type Compared, SAME_PAGES, TURN_PAGES } from "./difference.js";
import { Found } from "./map/entry.js";
import { answerOf, type NextTurn } from "./map/merging.js";
import { Ranges } from "./map/ranges.js";

/** One answer ends after so many turns: the rest is asked for once more. */
const TURNS_MAX = 64;

export interface ChangesOf {
	readonly compared: Compared;
	readonly pageBytes: number;
	/** Where what is asked about begins in the volume. */
	readonly offsetBytes: number;
	readonly nextTurn: NextTurn;
	/** Nothing is asked any more. */
	readonly whenReleased: () => void;
}

/** Pairs of a length in bytes and whether that may be other: 1, or 0. */
class Pairs {
	count = 0;
	readonly #words: Float64Array;

	constructor(words: Float64Array) {
		this.#words = words;
	}

	/** False if there is no room for it. */
	add(lengthBytes: number, isOther: 0 | 1): boolean {
		const at = 2 * this.count;
		if (this.count > 0 && this.#words[at - 1] === isOther) {
			this.#words[at - 2]! += lengthBytes;
			return true;
		}
		if (at >= this.#words.length) return false;
		this.#words[at] = lengthBytes;
		this.#words[at + 1] = isOther;
		this.count++;
		return true;
	}
}

export class Changes {
	readonly #of: ChangesOf;
	#underWay = 0;
	#isReleased = false;

	constructor(of: ChangesOf) {
		this.#of = of;
	}

	/**
	 * Fills `pairs` (a length in bytes, and 1 if that may be other, else 0), at least one of them, from `offsetBytes` on and for at most `lengthBytes`,
	 * which are not 0: may end before that. Resolves to how many pairs those are; -1: the map can't be read there.
	 */
	async extents(offsetBytes: number, lengthBytes: number, pairs: Float64Array): Promise<number> {
		this.#underWay++;
		try {
			return await this.#fill(this.#of.offsetBytes + offsetBytes, lengthBytes, new Pairs(pairs));
		} finally {
			this.#underWay--;
			this.#endIfOver();
		}
	}

	async #fill(begin: number, lengthBytes: number, pairs: Pairs): Promise<number> {
		const { compared, pageBytes, nextTurn } = this.#of;
		const { tree, before, after } = compared;
		const ranges = new Ranges(tree);
		const end = begin + lengthBytes;
		const last = Math.ceil(end / pageBytes);
		const bytesTo = (page: number): number => Math.min(end, Math.max(begin, page * pageBytes));
		let looks = 0;
		let turns = 0;
		for (let page = Math.floor(begin / pageBytes); page < last && turns < TURNS_MAX; ) {
			const start = page;
			const answer = await answerOf(
				(waiter) => ranges.nextDiffering(before, after, start, last, waiter),
				(each) => each === Found.loading,
				Found.failed,
			);
			if (answer === Found.failed) return -1;
			const found = ranges.page;
			const isOther = answer === Found.mapped;
			if (found > page && !pairs.add(bytesTo(found) - bytesTo(page), 0)) break;
			if (isOther && !pairs.add(bytesTo(found + 1) - bytesTo(found), 1)) break;
			page = isOther ? found + 1 : found;
			looks += isOther ? 1 : SAME_PAGES;
			if (looks < TURN_PAGES) continue;
			looks = 0;
			turns++;
			await nextTurn();
		}
		return pairs.count;
	}

	/** Nothing more is asked; what is under way is answered first. */
	release(): void {
		this.#isReleased = true;
		this.#endIfOver();
	}

	#endIfOver(): void {
		if (!this.#isReleased || this.#underWay > 0) return;
		this.#of.compared.release();
		this.#of.whenReleased();
	}
}
