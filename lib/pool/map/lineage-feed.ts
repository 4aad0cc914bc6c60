/**
 * Tells the lineage what the map and the log have to say, so that what a checkpoint keeps of it is of one moment: from the freeze on
 * what is said of later records waits, in order, until the checkpoint has been stored; what the merge of the frozen overlay finds goes
 * through. Then what has waited is told, a slice at a time.
 */

import { Dead, type DeadSink } from "./dead.js";
import type { Lineage } from "./lineage.js";

/** Pages of one piece of what waits, and numbers of each. */
const PIECE_PAGES = 4_096;
const NUMBERS = 4;

/** What waits: pages that have died, something else that was said, or much of that, which is as much as so many pages at each step. */
type Piece = { readonly numbers: Float64Array; count: number } | (() => void) | Iterator<number>;

export class LineageFeed implements DeadSink {
	readonly #lineage: Lineage;
	readonly #waiting: Piece[] = [];
	/** Of the first piece: pages that were told of. */
	#told = 0;
	#isFrozen = false;
	readonly #dead = new Dead();

	/** What a merge finds is told to `lineage` itself. */
	constructor(lineage: Lineage) {
		this.#lineage = lineage;
	}

	/** Nothing waits, and nothing will. */
	get isIdle(): boolean {
		return !this.#isFrozen && this.#waiting.length === 0;
	}

	/** What waits, waits for a checkpoint. */
	get isFrozen(): boolean {
		return this.#isFrozen;
	}

	/** A checkpoint begins: what is said from now on is not in it. When `isIdle`. */
	freeze(): void {
		this.#isFrozen = true;
	}

	/** It is stored, or given up: `step` goes on. */
	thaw(): void {
		this.#isFrozen = false;
	}

	/** A line or a point begins, or ends. */
	say(what: () => void): void {
		if (this.isIdle) what();
		else this.#waiting.push(what);
	}

	/** The same of what is too much for one turn: it is told by `step`, and all that is said from now on comes after it. */
	sayLater(what: Iterator<number>): void {
		this.#waiting.push(what);
	}

	/** A page was written over before it was merged. */
	died(dead: Dead): void {
		if (this.isIdle) {
			this.#lineage.died(dead);
			return;
		}
		let piece = this.#waiting.at(-1);
		if (piece === undefined || !("numbers" in piece) || piece.count === PIECE_PAGES) {
			piece = { numbers: new Float64Array(PIECE_PAGES * NUMBERS), count: 0 };
			this.#waiting.push(piece);
		}
		const at = piece.count++ * NUMBERS;
		piece.numbers[at] = dead.volume;
		piece.numbers[at + 1] = dead.birth;
		piece.numbers[at + 2] = dead.sectors;
		piece.numbers[at + 3] = dead.death;
	}

	/** Tells of what has waited, about so many pages; true when nothing waits any more. */
	step(steps: number): boolean {
		if (this.#isFrozen) return false;
		for (let left = steps; left > 0; left--) {
			const [piece] = this.#waiting;
			if (piece === undefined) return true;
			if (typeof piece === "function") piece();
			else if ("next" in piece) {
				const { done, value } = piece.next();
				left -= value;
				if (done !== true) continue;
			} else if (this.#told < piece.count) {
				this.#tell(piece.numbers, this.#told++ * NUMBERS);
				continue;
			}
			this.#waiting.shift();
			this.#told = 0;
		}
		return this.#waiting.length === 0;
	}

	#tell(numbers: Float64Array, at: number): void {
		const dead = this.#dead;
		dead.volume = numbers[at]!;
		dead.birth = numbers[at + 1]!;
		dead.sectors = numbers[at + 2]!;
		dead.death = numbers[at + 3]!;
		this.#lineage.died(dead);
	}
}
