/**
 * The image of a pool's files in an object store: which object has each block, and how much of each object is still wanted. What no object
 * has reads as zeros. Read from the store when a pool is opened (`manifest.ts`), changed when a cut is under the superblock (`publisher.ts`),
 * asked by whoever fetches what is not here (`fetcher.ts`).
 */

import { invariant } from "../../errors.js";
import { CRC_BYTES, IMAGE_BLOCK_BYTES, SUMMED_BLOCKS } from "./layout.js";

/** Blocks of a file of the log. */
export interface ImageRange {
	readonly file: number;
	readonly first: number;
	readonly blocks: number;
}

export interface StoredRun {
	/** The first block, and how many. */
	readonly first: number;
	readonly blocks: number;
	readonly object: number;
	/** The how-manieth block of the object the first one is. */
	readonly at: number;
}

export interface StoredObject {
	readonly number: number;
	/** Whose it is: a part of its name. */
	readonly epoch: number;
	/** Bytes before its blocks, and how many blocks it has. */
	readonly tableBytes: number;
	readonly blocks: number;
	/** Blocks that somebody may still read. */
	live: number;
}

export class Image {
	/** By file: its runs in order, apart from each other. */
	readonly #files = new Map<number, StoredRun[]>();
	readonly #objects = new Map<number, StoredObject>();
	/** Those of which nothing is wanted any more. */
	readonly #dead = new Map<number, StoredObject>();
	#storedBytes = 0;

	get objects(): ReadonlyMap<number, StoredObject> {
		return this.#objects;
	}

	get dead(): ReadonlyMap<number, StoredObject> {
		return this.#dead;
	}

	/** What its objects have in all, those included of which nothing is wanted any more. */
	get storedBytes(): number {
		return this.#storedBytes;
	}

	/** Numbers of files of which something is stored. */
	get files(): readonly number[] {
		return [...this.#files.keys()];
	}

	object(number: number): StoredObject {
		const found = this.#objects.get(number);
		invariant(found !== undefined, "the image names an object that there is not");
		return found;
	}

	/** There is one more, of which nothing is in the image yet. */
	add(object: Omit<StoredObject, "live">): void {
		const added = { ...object, live: 0 };
		this.#objects.set(object.number, added);
		this.#dead.set(object.number, added);
		this.#storedBytes += bytesOf(object);
	}

	/** Blocks that objects have, and of those the ones that are wanted. */
	get sums(): { readonly stored: number; readonly live: number } {
		let [stored, live] = [0, 0];
		for (const object of this.#objects.values()) {
			stored += object.blocks;
			live += object.live;
		}
		return { stored, live };
	}

	/** It was deleted. */
	forget(number: number): void {
		invariant(this.#dead.delete(number), "an object is forgotten of which something is wanted");
		this.#storedBytes -= bytesOf(this.object(number));
		this.#objects.delete(number);
	}

	/** These blocks are in an object now. */
	put({ file, first, blocks }: ImageRange, object: number, at: number): void {
		this.clear({ file, first, blocks });
		const runs = this.#runsOf(file);
		const index = indexOf(runs, first);
		const before = runs[index - 1];
		const joins =
			before !== undefined &&
			before.object === object &&
			before.first + before.blocks === first &&
			before.at + before.blocks === at;
		if (joins) runs[index - 1] = { ...before, blocks: before.blocks + blocks };
		else runs.splice(index, 0, { first, blocks, object, at });
		this.#live(object, blocks);
	}

	/** These blocks read as zeros now. */
	clear({ file, first, blocks }: ImageRange): void {
		const runs = this.#files.get(file);
		if (runs === undefined) return;
		const end = first + blocks;
		let from = indexOf(runs, first);
		if (from > 0 && endOf(runs[from - 1]!) > first) from--;
		let to = from;
		const left: StoredRun[] = [];
		for (; to < runs.length && runs[to]!.first < end; to++) {
			const run = runs[to]!;
			const [begin, stop] = [Math.max(first, run.first), Math.min(end, endOf(run))];
			this.#live(run.object, begin - stop);
			if (run.first < begin) left.push({ ...run, blocks: begin - run.first });
			if (endOf(run) > stop)
				left.push({ ...run, first: stop, blocks: endOf(run) - stop, at: run.at + stop - run.first });
		}
		if (to > from) runs.splice(from, to - from, ...left);
		if (runs.length === 0) this.#files.delete(file);
	}

	/** What objects have of a range, in order. */
	find({ file, first, blocks }: ImageRange): StoredRun[] {
		const runs = this.#files.get(file) ?? [];
		const end = first + blocks;
		const found: StoredRun[] = [];
		let index = indexOf(runs, first);
		if (index > 0 && endOf(runs[index - 1]!) > first) index--;
		for (; index < runs.length && runs[index]!.first < end; index++) {
			const run = runs[index]!;
			const [begin, stop] = [Math.max(first, run.first), Math.min(end, endOf(run))];
			found.push({ first: begin, blocks: stop - begin, object: run.object, at: run.at + begin - run.first });
		}
		return found;
	}

	has(range: ImageRange): boolean {
		return this.find(range).length > 0;
	}

	/** All runs of a file. */
	runs(file: number): readonly StoredRun[] {
		return this.#files.get(file) ?? [];
	}

	#runsOf(file: number): StoredRun[] {
		const runs = this.#files.get(file) ?? [];
		this.#files.set(file, runs);
		return runs;
	}

	/** So many more blocks of an object are wanted, or, if less than 0, fewer. */
	#live(number: number, blocks: number): void {
		const object = this.object(number);
		object.live += blocks;
		invariant(object.live >= 0 && object.live <= object.blocks, "blocks of an object are counted wrong");
		if (object.live === 0) this.#dead.set(number, object);
		else this.#dead.delete(number);
	}
}

function endOf({ first, blocks }: StoredRun): number {
	return first + blocks;
}

/** The index of the first run that begins at a block or behind it. */
function indexOf(runs: readonly StoredRun[], block: number): number {
	let [low, high] = [0, runs.length];
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (runs[middle]!.first < block) low = middle + 1;
		else high = middle;
	}
	return low;
}

/** As it is in the store: its table, its blocks, and their sums. */
function bytesOf({ tableBytes, blocks }: Pick<StoredObject, "tableBytes" | "blocks">): number {
	return tableBytes + blocks * IMAGE_BLOCK_BYTES + Math.ceil(blocks / SUMMED_BLOCKS) * CRC_BYTES;
}
