/**
 * How far a replica of a pool in a store has what the pool's own image has. The superblock of the replica says so, not this host alone (`replica-table.ts`): so another host that
 * has taken the pool over goes on from there, and brings what one of the two has got since. That is more than was written since: what was brought to the replica
 * alone, and given up of the pool, is in there, too. Made by `replica.ts`.
 */

import { nextBit, putBits } from "../space/bitmaps.js";
import type { Image, StoredRun } from "./image.js";
import type { ImageKeeper } from "./keeper.js";
import { FILE_BLOCKS, PIECE_BLOCKS } from "./layout.js";
import type { Span } from "./local-file.js";
import type { OwnImage, OwnMoment } from "./own-image.js";
import type { ReplicaMark, StoredImage } from "./stored-image.js";

const ALL_BLOCKS: Span = { from: 0, to: FILE_BLOCKS };
const WORDS = FILE_BLOCKS / 32;

/** What will be a mark, once both stores have all that had been written by then. */
interface Coming extends OwnMoment {
	readonly pool: string;
	/** As `next`, of the replica. */
	readonly ours: number;
}

export class ReplicaMarks {
	readonly #own: () => OwnImage | undefined;
	#coming: Coming | null = null;
	#isNamed = false;
	/** The replica has all that had been written by then. */
	#isThere = false;

	/** `own`: undefined of a pool that is in no store. */
	constructor(own: () => OwnImage | undefined) {
		this.#own = own;
	}

	/** A cut is about to be taken: the replica is as that says. */
	begins({ next }: StoredImage): void {
		const own = this.#own();
		if (own !== undefined) this.#coming ??= { ...own.now(), pool: own.pool, ours: next };
	}

	/** What is named when a cut is whole, which was taken since: with the mark, if the pool's own store has come so far. */
	named(image: StoredImage): StoredImage {
		this.#isNamed = this.#coming?.isStored() === true;
		if (this.#coming === null || !this.#isNamed) return image;
		const { pool, next, ours } = this.#coming;
		return { ...image, mark: { pool, theirs: next, ours } };
	}

	/** That is under the superblock. */
	published(): void {
		if (this.#isNamed) this.forget();
		else this.#isThere = this.#coming !== null;
	}

	/** The pool's own store may have come so far since the last cut. To be called while none is under way. Throws an OperatorError. */
	async written(keeper: ImageKeeper): Promise<void> {
		if (!this.#isThere || this.#coming?.isStored() !== true) return;
		await keeper.write((now) => this.named(now));
		this.published();
	}

	/** The replica is somebody else's for some time. */
	forget(): void {
		this.#coming = null;
		this.#isNamed = false;
		this.#isThere = false;
	}

	/** What of a file may differ from the replica, of which nothing is known here but its image. */
	differing(file: number, image: Image, mark: ReplicaMark | undefined): readonly Span[] {
		const own = this.#own();
		if (own === undefined || mark === undefined || mark.pool !== own.pool) return [ALL_BLOCKS];
		const differs = new Int32Array(WORDS);
		const [here, there] = [new Int32Array(WORDS), new Int32Array(WORDS)];
		take(own.runs(file), mark.theirs, here, differs);
		take(image.runs(file), mark.ours, there, differs);
		for (let word = 0; word < WORDS; word++) differs[word]! |= here[word]! ^ there[word]!;
		for (const { from, to } of own.intended(file))
			putBits(differs, 0, from * PIECE_BLOCKS, (to - from) * PIECE_BLOCKS, true);
		return spansOf(differs);
	}
}

/** Which blocks are somewhere, and which of these have come since. */
function take(runs: readonly StoredRun[], next: number, has: Int32Array, isNew: Int32Array): void {
	for (const { first, blocks, object } of runs) {
		putBits(has, 0, first, blocks, true);
		if (object >= next) putBits(isNew, 0, first, blocks, true);
	}
}

function spansOf(bits: Int32Array): Span[] {
	const spans: Span[] = [];
	for (let from = nextBit(bits, 0, 0, FILE_BLOCKS, true); from < FILE_BLOCKS; ) {
		const to = nextBit(bits, 0, from, FILE_BLOCKS, false);
		spans.push({ from, to });
		from = nextBit(bits, 0, to, FILE_BLOCKS, true);
	}
	return spans;
}
