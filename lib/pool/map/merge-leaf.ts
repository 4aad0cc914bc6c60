/**
 * What a merge does in one leaf: puts what was written of its pages into it, takes out what was trimmed, and tells what died. Called by `merge.ts`
 * when the way has come to the leaf, which it changes there.
 */

import { Dead, type LeftSink } from "./dead.js";
import { ENTRY_WORDS, Entry, FLAG_ZERO, putEntry, readEntry } from "./entry.js";
import { isUnmapped, LEAF_PAGES } from "./leaf.js";
import type { OverlayOrder } from "./order.js";
import type { Overlay } from "./overlay.js";
import type { Path } from "./path.js";

export class MergeLeaf {
	readonly #dead = new Dead();
	readonly #entry = new Entry();
	readonly #old = new Entry();
	/** Of the leaf, pages that have an entry: a bit each. */
	readonly #seen = new Int32Array(LEAF_PAGES / 32);

	constructor(
		readonly path: Path,
		readonly volume: number,
		readonly overlay: Overlay,
		readonly order: OverlayOrder,
		readonly sink: LeftSink,
	) {
		this.#dead.volume = volume;
	}

	/** Entries from place `next` on, before `to`, that are of the leaf; says which is the first that is not. */
	merge(next: number, to: number): number {
		const { path, overlay, order } = this;
		const { end } = path;
		const first = path.first[0]!;
		const { trims } = overlay;
		let at = next;
		this.#seen.fill(0);
		for (; at < to; at++) {
			const number = order.at(at);
			if (overlay.pageOf(number) >= end) break;
			this.#mergeEntry(number);
		}
		if (trims.count > 0)
			for (let row = trims.next(this.volume, first); row >= 0; ) {
				const from = Math.max(first, trims.from(row));
				const last = Math.min(end, trims.to(row));
				for (let page = from; page < last; page++) this.#trimPage(page, row);
				row = last < end ? trims.next(this.volume, last) : -1;
			}
		return at;
	}

	/** An entry whose leaf can't be had, of a volume that nobody will look at: it dies where it was born. */
	forget(number: number): void {
		const entry = this.#entry;
		this.overlay.read(number, entry);
		if ((entry.flags & FLAG_ZERO) === 0) this.#died(entry, entry.position + entry.sectors);
	}

	#mergeEntry(number: number): void {
		const { path, overlay } = this;
		const entry = this.#entry;
		const page = overlay.pageOf(number);
		const at = path.pageAt(page);
		overlay.read(number, entry);
		this.#seen[(page % LEAF_PAGES) >>> 5]! |= 1 << (page & 31);
		const isKnown = !isUnmapped(path.words, at);
		if (isKnown) {
			readEntry(path.words, at, this.#old);
			// What a moment's overlay has may be in the tree already.
			if (this.#old.position === entry.position) return;
			this.#died(this.#old, overlay.firstOf(number));
		}
		const isZero = (entry.flags & FLAG_ZERO) !== 0;
		const { trims } = overlay;
		const row = isZero || trims.newest <= entry.position ? -1 : trims.find(this.volume, page);
		const isHidden = row >= 0 && trims.hides(row, entry.position);
		if (isHidden) this.#died(entry, trims.death(row, entry.position));
		if (!isZero && !isHidden) putEntry(path.words, at, entry);
		else if (isKnown) path.words.fill(0, at, at + ENTRY_WORDS);
		else return;
		path.isChanged[0] = 1;
	}

	/** A page that was trimmed, and has no entry, is not mapped any more. */
	#trimPage(page: number, row: number): void {
		const { path } = this;
		const at = path.pageAt(page);
		if ((this.#seen[(page % LEAF_PAGES) >>> 5]! >>> (page & 31)) & 1 || isUnmapped(path.words, at)) return;
		readEntry(path.words, at, this.#old);
		this.#died(this.#old, this.overlay.trims.first(row));
		path.words.fill(0, at, at + ENTRY_WORDS);
		path.isChanged[0] = 1;
	}

	#died({ position, sectors }: Entry, death: number): void {
		this.#dead.birth = position;
		this.#dead.sectors = sectors;
		this.#dead.death = death;
		this.sink.died(this.#dead);
	}
}
