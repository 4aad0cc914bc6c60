/**
 * All that a pool has written and its store has not, as it was at one instant: taken apart to objects, and read from the files here, while what is written
 * over what was not read yet is kept first. Zeros are no blocks of an object. Made by `publisher.ts`, one at a time.
 */

import { BlockOp } from "../../block/request.js";
import type { Memory } from "../../wire/memory.js";
import { isZero } from "../bytes.js";
import { run } from "../run.js";
import type { ImageRange } from "./image.js";
import { FILE_BLOCKS, IMAGE_BLOCK_BYTES, OBJECT_BLOCKS, OBJECT_RANGES } from "./layout.js";
import type { LocalFile, Span } from "./local-file.js";
import type { ObjectRange } from "./object-form.js";

/** What will be one object. */
export interface Plan {
	/** What reads as zeros from now on. */
	readonly dropped: readonly ImageRange[];
	readonly spans: readonly { readonly file: LocalFile; readonly span: Span }[];
}

/** What has been read for one. */
export interface Taken {
	readonly ranges: readonly ObjectRange[];
	/** The blocks of the ranges that are no zeros, one behind the other: in the memory that was given. */
	readonly blocks: Buffer;
}

/** Split so that there is always one more range for zeros on both sides. */
const SPANS_MAX = 512;

export class Cut {
	readonly #files: readonly LocalFile[];
	/** What the pool had given back by then, and what of that is in no object yet. */
	readonly dropped: readonly ImageRange[];
	#dropped: readonly ImageRange[];
	/** What was written over before it was read, by block. */
	readonly #rescued = new Map<number, Buffer>();
	#file = 0;
	#block = 0;
	/** Of all files, when it was made. */
	readonly blocks: number;
	/** Blocks that were not read yet. */
	#left: number;
	/** Nothing more of it is read. */
	#isGivenUp = false;
	/** By file that is in flight: the number of the last object that has something of it. */
	readonly #lastObject = new Map<LocalFile, number>();

	/** `files`: those with dirty blocks. */
	constructor(
		files: readonly LocalFile[],
		dropped: readonly ImageRange[],
		/** The pool's head, as it was then. */
		readonly head: Buffer,
		/** When the first of it was written, in milliseconds of whoever counts. */
		readonly sinceMs: number,
		/** Whether the store has anything of what was given back: else no object has to say that it was. */
		isStored: (range: ImageRange) => boolean = () => true,
	) {
		this.#files = files;
		this.dropped = dropped;
		this.#dropped = dropped.filter(isStored);
		this.blocks = files.reduce((sum, file) => sum + file.dirtyBlocks, 0);
		this.#left = this.blocks;
		for (const file of files) file.cut();
	}

	/** Blocks that are still to be read. */
	get left(): number {
		return this.#left;
	}

	get isGivenUp(): boolean {
		return this.#isGivenUp;
	}

	/** Blocks that are kept in memory. */
	get rescuedBlocks(): number {
		return this.#rescued.size;
	}

	/** What was not read is of no cut any more: how many more blocks are dirty, and what of that which was given back is in no object. */
	giveUp(): { readonly dirtyBlocks: number; readonly dropped: readonly ImageRange[] } {
		this.#isGivenUp = true;
		this.#rescued.clear();
		this.#left = 0;
		const dirtyBlocks = this.#files.reduce((sum, file) => sum + file.uncut(), 0);
		return { dirtyBlocks, dropped: this.#dropped };
	}

	/** The next object, of so many blocks at most; null: there are no more. */
	next(most = OBJECT_BLOCKS): Plan | null {
		if (this.#isGivenUp) return null;
		const dropped = this.#dropped.slice(0, OBJECT_RANGES - 2 * SPANS_MAX);
		this.#dropped = this.#dropped.slice(dropped.length);
		const spans: { file: LocalFile; span: Span }[] = [];
		let left = this.#dropped.length > 0 ? 0 : most;
		while (left > 0 && spans.length < SPANS_MAX && this.#file < this.#files.length) {
			const file = this.#files[this.#file]!;
			const span = this.#block < FILE_BLOCKS ? file.nextCut(this.#block, left) : null;
			if (span === null) {
				this.#file++;
				this.#block = 0;
				continue;
			}
			// (Nothing of it is read before that: it is found again as it is.)
			spans.push({ file, span });
			this.#block = span.to;
			left -= span.to - span.from;
		}
		return dropped.length + spans.length === 0 ? null : { dropped, spans };
	}

	/** Keeps what is still to be read of these blocks. Throws an OperatorError. */
	async rescue(file: LocalFile, { from, to }: Span, allocate: (byteLength: number) => Memory): Promise<void> {
		for (let block = from; block < to; block++) {
			const key = keyOf(file, block);
			if (!file.inCut(block) || this.#rescued.has(key)) continue;
			const memory = allocate(IMAGE_BLOCK_BYTES);
			await run(file.device, BlockOp.read, block * IMAGE_BLOCK_BYTES, IMAGE_BLOCK_BYTES, memory, file.name);
			// (It may have been read meanwhile, or kept for somebody else, who has written over it since.)
			if (file.inCut(block) && !this.#rescued.has(key))
				this.#rescued.set(key, Buffer.from(memory.bytes.subarray(0, IMAGE_BLOCK_BYTES)));
		}
	}

	/** Reads what is planned into `memory`, which has room for an object. Throws an OperatorError. */
	async take({ dropped, spans }: Plan, memory: Memory): Promise<Taken> {
		const ranges: ObjectRange[] = dropped.map((range) => ({ ...range, isZeros: true }));
		let blocks = 0;
		for (const { file, span } of spans) {
			const { from, to } = span;
			const at = blocks * IMAGE_BLOCK_BYTES;
			const length = (to - from) * IMAGE_BLOCK_BYTES;
			await run(file.device, BlockOp.read, from * IMAGE_BLOCK_BYTES, length, memory, file.name, at);
			for (let block = from; block < to; block++) {
				const kept = this.#rescued.get(keyOf(file, block));
				if (kept !== undefined) memory.bytes.set(kept, at + (block - from) * IMAGE_BLOCK_BYTES);
			}
			blocks = squeeze(file.number, span, memory, blocks, ranges);
		}
		return {
			ranges,
			blocks: Buffer.from(memory.bytes.buffer, memory.bytes.byteOffset, blocks * IMAGE_BLOCK_BYTES),
		};
	}

	/** All of it is under the superblock. */
	published(): void {
		for (const file of this.#files) file.isInFlight = false;
	}

	/** All objects with lower numbers are in the superblock, as what is to be an image: files of which all is in those are in flight no more. */
	staged(number: number): void {
		for (const [file, last] of this.#lastObject) {
			if (last >= number || file.cutBlocks > 0) continue;
			file.isInFlight = false;
			this.#lastObject.delete(file);
		}
	}

	/** It was read, and will be the object of that number: nothing of it has to be kept any more. */
	done({ spans }: Plan, number: number): void {
		for (const { file, span } of spans) {
			file.taken(span);
			this.#left -= span.to - span.from;
			this.#lastObject.set(file, Math.max(number, this.#lastObject.get(file) ?? 0));
			for (let block = span.from; block < span.to; block++) this.#rescued.delete(keyOf(file, block));
		}
	}
}

function keyOf({ number }: LocalFile, block: number): number {
	return number * FILE_BLOCKS + block;
}

/** Blocks that lie in memory behind `blocks` others become ranges; zeros are left out there. How many blocks there are then. */
function squeeze(
	file: number,
	{ from, to }: Span,
	memory: Memory,
	blocks: number,
	ranges: ObjectRange[],
): number {
	let kept = blocks;
	for (let block = from; block < to; block++) {
		const at = (blocks + block - from) * IMAGE_BLOCK_BYTES;
		const isZeros = isZero(memory, at, IMAGE_BLOCK_BYTES);
		const last = ranges.at(-1);
		if (block > from && last?.isZeros === isZeros)
			ranges[ranges.length - 1] = { ...last, blocks: last.blocks + 1 };
		else ranges.push({ file, first: block, blocks: 1, isZeros });
		if (isZeros) continue;
		if (kept * IMAGE_BLOCK_BYTES !== at)
			memory.bytes.copyWithin(kept * IMAGE_BLOCK_BYTES, at, at + IMAGE_BLOCK_BYTES);
		kept++;
	}
	return kept;
}
