/**
 * Ranges that were trimmed since the last checkpoint, of all volumes, in order and without overlaps. A range takes one row however long
 * it is, so a trim of a whole disk is as cheap as one of a page. `lib/pool/map/overlay.ts` asks it what its entries are hidden
 * by; a merge goes through it in order.
 *
 * A row has two positions. What is older than `last` is hidden. What is older than `first` died there: a range that was trimmed, then kept
 * in a snapshot, then trimmed again has been dead to that snapshot, too. `cut` is the last snapshot's position: trims after it need
 * not be told apart, so neighbours become one row.
 */

/** Rows above which a checkpoint is due. A trim can double them, and there is room for that. */
const TRIMS_MAX = 4_096;
const ROOM = 2 * TRIMS_MAX + 2;

class Rows {
	readonly volume = new Float64Array(ROOM);
	readonly from = new Float64Array(ROOM);
	/** The first page that is not of the range. */
	readonly to = new Float64Array(ROOM);
	readonly first = new Float64Array(ROOM);
	readonly last = new Float64Array(ROOM);
	/** Whether pages have been written here since. */
	readonly touched = new Uint8Array(ROOM);

	copy(row: number, from: Rows, fromRow: number): void {
		this.volume[row] = from.volume[fromRow]!;
		this.from[row] = from.from[fromRow]!;
		this.to[row] = from.to[fromRow]!;
		this.first[row] = from.first[fromRow]!;
		this.last[row] = from.last[fromRow]!;
		this.touched[row] = from.touched[fromRow]!;
	}
}

export class Trims {
	count = 0;
	/** The position of the newest: pages that are newer than it are not hidden by any. */
	newest = -0;
	/** The position of the newest snapshot. */
	cut = -0;
	readonly #rows = new Rows();
	/** What becomes of the rows that a new range touches. */
	readonly #made = new Rows();
	#madeCount = 0;

	get isFull(): boolean {
		return this.count >= TRIMS_MAX;
	}

	clear(): void {
		this.count = 0;
		this.newest = 0;
	}

	/** Pages `from` to before `to` are trimmed at `position`, which is none of an older page or trim. Not while full. */
	add(volume: number, from: number, to: number, position: number): void {
		const rows = this.#rows;
		const start = this.#startOf(volume, from);
		let end = start;
		let done = from;
		this.#madeCount = 0;
		for (; end < this.count && rows.volume[end] === volume && rows.from[end]! <= to; end++) {
			const rowFrom = rows.from[end]!;
			const rowTo = rows.to[end]!;
			if (rowFrom < from) this.#keep(end, rowFrom, Math.min(rowTo, from));
			const upTo = Math.min(rowTo, to);
			if (Math.max(rowFrom, from) < upTo) {
				if (done < rowFrom) this.#make(volume, done, rowFrom, position, position);
				const first = rows.first[end]!;
				const isTold = first < this.cut;
				this.#make(volume, Math.max(rowFrom, from), upTo, isTold ? first : position, position);
				done = upTo;
			}
			if (rowTo <= to) continue;
			if (done < to) this.#make(volume, done, to, position, position);
			done = to;
			this.#keep(end, Math.max(rowFrom, to), rowTo);
		}
		if (done < to) this.#make(volume, done, to, position, position);
		this.#replace(start, end);
		this.newest = position;
	}

	/** The row that has this page, or -1. */
	find(volume: number, page: number): number {
		const row = this.#before(volume, page + 1) - 1;
		return row >= 0 && this.#rows.volume[row] === volume && page < this.#rows.to[row]! ? row : -1;
	}

	/** The first row of this volume that ends behind `page`, or -1. */
	next(volume: number, page: number): number {
		let row = this.#before(volume, page + 1);
		if (row > 0 && this.#rows.volume[row - 1] === volume && page < this.#rows.to[row - 1]!) row--;
		return row < this.count && this.#rows.volume[row] === volume ? row : -1;
	}

	/** A page of this row has been written. */
	touch(row: number): void {
		this.#rows.touched[row] = 1;
	}

	volume(row: number): number {
		return this.#rows.volume[row]!;
	}

	from(row: number): number {
		return this.#rows.from[row]!;
	}

	to(row: number): number {
		return this.#rows.to[row]!;
	}

	/** Where what is older than this overlay died. */
	first(row: number): number {
		return this.#rows.first[row]!;
	}

	/** Whether a page of this row, born at `birth`, is hidden. */
	hides(row: number, birth: number): boolean {
		return this.#rows.last[row]! > birth;
	}

	/** Where it died, then. */
	death(row: number, birth: number): number {
		const first = this.#rows.first[row]!;
		return first > birth ? first : this.#rows.last[row]!;
	}

	/** How many rows begin before `page` of `volume`. */
	#before(volume: number, page: number): number {
		const { volume: volumes, from } = this.#rows;
		let low = 0;
		let high = this.count;
		while (low < high) {
			const middle = (low + high) >>> 1;
			const its = volumes[middle]!;
			if (its < volume || (its === volume && from[middle]! < page)) low = middle + 1;
			else high = middle;
		}
		return low;
	}

	/** The first row that overlaps or touches what begins at `from`; if there is none, where it belongs. */
	#startOf(volume: number, from: number): number {
		const row = this.#before(volume, from);
		const isTouched = row > 0 && this.#rows.volume[row - 1] === volume && this.#rows.to[row - 1]! >= from;
		return isTouched ? row - 1 : row;
	}

	/** Part of a row stays as it is. */
	#keep(row: number, from: number, to: number): void {
		const { volume, first, last, touched } = this.#rows;
		this.#make(volume[row]!, from, to, first[row]!, last[row]!, touched[row]!);
	}

	/** A row more, or more of the one before it, if nothing tells them apart. */
	#make(volume: number, from: number, to: number, first: number, last: number, touched = 0): void {
		const made = this.#made;
		const before = this.#madeCount - 1;
		if (before >= 0 && made.to[before] === from && this.#isOneWith(before, first, last, touched)) {
			made.to[before] = to;
			const hasBoth = made.last[before] === last ? made.touched[before]! | touched : undefined;
			made.touched[before] = hasBoth ?? (made.last[before]! > last ? made.touched[before]! : touched);
			made.first[before] = Math.max(made.first[before]!, first);
			made.last[before] = Math.max(made.last[before]!, last);
			return;
		}
		const row = this.#madeCount++;
		made.volume[row] = volume;
		made.from[row] = from;
		made.to[row] = to;
		made.first[row] = first;
		made.last[row] = last;
		made.touched[row] = touched;
	}

	/** The older of two may pass for the newer if no page was written there since, and no snapshot is between their deaths. */
	#isOneWith(before: number, first: number, last: number, touched: number): boolean {
		const made = this.#made;
		const beforeFirst = made.first[before]!;
		if (beforeFirst !== first && Math.min(beforeFirst, first) < this.cut) return false;
		const beforeLast = made.last[before]!;
		return beforeLast === last || (beforeLast < last ? made.touched[before] : touched) === 0;
	}

	/** What was made stands where rows `start` to before `end` were. */
	#replace(start: number, end: number): void {
		const rows = this.#rows;
		const behind = start + this.#madeCount;
		for (const column of [rows.volume, rows.from, rows.to, rows.first, rows.last, rows.touched])
			column.copyWithin(behind, end, this.count);
		for (let row = 0; row < this.#madeCount; row++) rows.copy(start + row, this.#made, row);
		this.count += behind - end;
	}
}
