/** What `contents.ts` tells of whatever takes up space in a pool, and of whoever wants it. */

import type { NextTurn } from "./map/merging.js";
import type { Origin } from "./notes.js";

/** Its nodes are before a place, and it has so many sectors, if that is known. */
export interface StoredImage {
	readonly place: number;
	readonly sectors: number | undefined;
}

/** The pool (`living.ts`); of a moment nobody. */
export interface Life {
	/** A page was written. */
	born(position: number, sectors: number): void;
	/** A line begins, as nothing or as a snapshot is. */
	begins(line: number, origin?: Origin): void;
	/** All that was taken in so far is to be merged: it was frozen. */
	merges(): void;
	/**
	 * A line is kept as it is, its pages before `end`; if that is merged, it is known what is `stored` of it; that was merged, so many sectors, and
	 * its nodes are before what is returned; one less wants that.
	 */
	keeps(origin: Origin, end: number, stored?: StoredImage): void;
	merged(origin: Origin, sectors: number | undefined): number;
	givesUp(origin: Origin): void;
	/** One less wants each of these: that takes effect before `settle` resolves, and nothing is kept before. */
	givesUpAll(origins: readonly Origin[]): void;
	readonly isSettled: boolean;
	settle(nextTurn: NextTurn): Promise<void>;
	/** A line goes on no more, but its moments are offered until it lapses. */
	lingers(line: number): void;
	lapses(line: number): void;
	/** A segment is somewhere else. False if it can't be. */
	moves(move: string): boolean;
}
