/**
 * What differs between two moments of a volume, in bytes: for commands and workers, which copy from one and look at it. Over what
 * `difference.ts` finds, which counts pages.
 */

import { volumeIn } from "./past.js";
import type { Pool } from "./pool.js";

export interface ChangedRange {
	readonly offsetBytes: number;
	readonly lengthBytes: number;
	/** Not known, without a look at the bytes. */
	readonly mayBeSame: boolean;
}

/** Of the volume that `name` is of, with or without a snapshot or a moment. Throws an OperatorError if there is none. */
export function pageBytesOf(pool: Pool, name: string): number {
	return pool.administration.volume(volumeIn(name)).pageBytes;
}

/** What `after` may have otherwise than `before` had, in order, from the page on that has byte `begin`. */
export async function* changedRanges(
	pool: Pool,
	before: string,
	after: string,
	begin: number,
): AsyncGenerator<ChangedRange> {
	const pageBytes = pageBytesOf(pool, after);
	for await (const { page, count, mayBeSame } of pool.readings.changes(
		before,
		after,
		Math.floor(begin / pageBytes),
	))
		yield { offsetBytes: page * pageBytes, lengthBytes: count * pageBytes, mayBeSame };
}
