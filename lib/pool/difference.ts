/**
 * What differs between two trees of pages: told from where pages are, without reading any. Asked by `pool.ts` for whoever compares and
 * sends.
 */

import { Entry, Found, PAGES_MAX } from "./map/entry.js";
import { answerOf, type NextTurn } from "./map/merging.js";
import { Ranges } from "./map/ranges.js";
import type { Root } from "./map/ref.js";
import type { Tree } from "./map/tree.js";

/** Pages side by side that are of one kind. */
export interface PageRange {
	readonly page: number;
	readonly count: number;
	/** They were written anew, or trimmed; what they hold may be what they held before. */
	readonly mayBeSame: boolean;
}

/** A range has no more of them: whoever goes through it learns how far it is. */
const RANGE_PAGES_MAX = 2 ** 16;
/** Pages that are looked at in one turn; a look at what does not differ is as much as so many. */
export const TURN_PAGES = 1024;
export const SAME_PAGES = 64;

/** From page `first` on, in order. Throws the fault of a node that can't be had. */
export async function* differences(
	{ tree, before, after }: Compared,
	first: number,
	nextTurn: NextTurn,
): AsyncGenerator<PageRange> {
	const ranges = new Ranges(tree);
	const sides = [new Side(tree, before), new Side(tree, after)] as const;
	let found: PageRange | undefined;
	let looks = 0;
	for (let from = first; from < PAGES_MAX; ) {
		// (All that is asked may be in memory, and then nothing else lets others have a turn.)
		if (looks >= TURN_PAGES) {
			looks = 0;
			await nextTurn();
		}
		const start = from;
		const answer = await answerOf(
			(waiter) => ranges.nextDiffering(before, after, start, PAGES_MAX, waiter),
			(each) => each === Found.loading,
			Found.failed,
		);
		if (answer === Found.failed) throw tree.fault;
		const { page } = ranges;
		from = page;
		looks += answer === Found.mapped ? 1 : SAME_PAGES;
		if (answer !== Found.mapped) continue;
		from = page + 1;
		const mayBeSame = !(await areOther(sides[0], sides[1], page));
		const joins = found !== undefined && page === found.page + found.count && mayBeSame === found.mayBeSame;
		if (found !== undefined && joins && found.count < RANGE_PAGES_MAX)
			found = { ...found, count: found.count + 1 };
		else {
			if (found !== undefined) yield found;
			found = { page, count: 1, mayBeSame };
		}
	}
	if (found !== undefined) yield found;
}

/** Two trees of one pool: none of their nodes goes until `release` is called. */
export interface Compared {
	readonly tree: Tree;
	readonly before: Root;
	readonly after: Root;
	readonly release: () => void;
}

class Side {
	readonly entry = new Entry();

	constructor(
		readonly tree: Tree,
		readonly root: Root,
	) {}

	/** Whether the page is mapped: then `entry` says more. */
	async look(page: number): Promise<boolean> {
		const found = await answerOf(
			(waiter) => this.tree.lookUp(this.root, page, this.entry, waiter),
			(answer) => answer === Found.loading,
			Found.failed,
		);
		if (found === Found.failed) throw this.tree.fault;
		return found === Found.mapped;
	}
}

/** Whether the page surely holds something else: one that reads as zeros may be mapped or not, and zeros at its end kept or not. */
async function areOther(one: Side, other: Side, page: number): Promise<boolean> {
	if (!(await one.look(page)) || !(await other.look(page))) return false;
	return one.entry.sectors === other.entry.sectors && one.entry.crc !== other.entry.crc;
}
