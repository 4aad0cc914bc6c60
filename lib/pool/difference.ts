/**
 * What differs between two maps of pages: told from where pages are, without reading any. Asked by `pool.ts` for whoever compares and
 * sends.
 */

import { CHUNK_PAGES, type LineMap } from "./page-map.js";

/** Pages side by side that are of one kind. */
export interface PageRange {
	readonly page: number;
	readonly count: number;
	/** They were written anew, or trimmed; what they hold may be what they held before. */
	readonly mayBeSame: boolean;
}

const SAME = 0;
const OTHER = 1;
const MAY_BE_SAME = 2;

/** From page `first` on, in order. */
export function* differences(before: LineMap, after: LineMap, first: number): Generator<PageRange> {
	const numbers = new Set([...before.numbers(), ...after.numbers()]);
	let begin = 0;
	let count = 0;
	let kind = SAME;
	for (const number of [...numbers].sort((a, b) => a - b)) {
		// What is shared is the same.
		if (before.get(number) === after.get(number)) continue;
		for (let at = 0; at < CHUNK_PAGES; at++) {
			const page = number * CHUNK_PAGES + at;
			const found = page < first ? SAME : compare(before, after, number, at);
			if (count > 0 && found === kind && page === begin + count) {
				count++;
				continue;
			}
			if (count > 0) yield { page: begin, count, mayBeSame: kind === MAY_BE_SAME };
			begin = page;
			count = found === SAME ? 0 : 1;
			kind = found;
		}
	}
	if (count > 0) yield { page: begin, count, mayBeSame: kind === MAY_BE_SAME };
}

function compare(before: LineMap, after: LineMap, number: number, at: number): number {
	const [one, other] = [before.get(number), after.get(number)];
	const [position = 0, otherPosition = 0] = [one?.positions[at], other?.positions[at]];
	if (position === otherPosition) return SAME;
	// A page that reads as zeros may be mapped or not, and zeros at its end may be kept or not.
	const isComparable = position !== 0 && otherPosition !== 0 && one?.sectors[at] === other?.sectors[at];
	return isComparable && one?.crcs[at] !== other?.crcs[at] ? OTHER : MAY_BE_SAME;
}
