/**
 * What is on this host of one file of a pool's log: which pieces are here, which may have what the store has not, which blocks have, and which of those
 * are in the cut that is being uploaded. Bits alone, no requests. Kept by `store-file.ts`, asked by `publisher.ts` and `fetcher.ts`.
 */

import type { BlockDevice } from "../../block/device.js";
import { BlockOp } from "../../block/request.js";
import { FILE_SLOTS } from "../format.js";
import { run } from "../run.js";
import { countIn, hasBit, nextBit, putBits } from "../space/bitmaps.js";
import {
	FILE_BLOCKS,
	FILE_PIECES,
	IMAGE_BLOCK_BYTES,
	PIECE_BLOCKS,
	PIECE_BYTES,
	SLOT_PIECES,
} from "./layout.js";
import type { LocalRow } from "./local-table.js";

/** From one on to before another. */
export interface Span {
	readonly from: number;
	readonly to: number;
}

export function piecesOf(offsetBytes: number, lengthBytes: number): Span {
	return spanOf(offsetBytes, lengthBytes, PIECE_BYTES);
}

export function blocksOf(offsetBytes: number, lengthBytes: number): Span {
	return spanOf(offsetBytes, lengthBytes, IMAGE_BLOCK_BYTES);
}

function spanOf(offsetBytes: number, lengthBytes: number, unit: number): Span {
	return { from: Math.floor(offsetBytes / unit), to: Math.ceil((offsetBytes + lengthBytes) / unit) };
}

function piecesIn(slot: number): Span {
	return { from: slot * SLOT_PIECES, to: (slot + 1) * SLOT_PIECES };
}

export class LocalFile {
	readonly row: LocalRow = {
		present: new Int32Array(FILE_PIECES / 32),
		intent: new Int32Array(FILE_PIECES / 32),
	};
	/** What is here; in the row, what is known to be stable here. */
	readonly #present = new Int32Array(FILE_PIECES / 32);
	#presentPieces = 0;
	readonly #ready = new Int32Array(FILE_PIECES / 32);
	/** Null: none is. */
	#dirty: Int32Array | null = null;
	#dirtyBlocks = 0;
	/** Those of the cut that were not read yet. */
	#cut: Int32Array | null = null;
	#cutBlocks = 0;
	/** It has something in a cut that is not under the superblock. */
	isInFlight = false;
	/** By slot: requests that are under way in what is here, and whether something was read or written lately. */
	readonly users = new Uint32Array(FILE_SLOTS);
	readonly #isUsed = new Uint8Array(FILE_SLOTS);
	/** Something was written, or has come, that the table does not know. */
	#isNews = false;
	/** Ages without a write. */
	#restedFor = 0;
	/** What is being given up, until it is: who wants it waits for that. */
	leaving: Promise<void> | null = null;

	constructor(
		readonly number: number,
		/** The file itself. */
		readonly device: BlockDevice,
		readonly name: string,
	) {}

	get dirtyBlocks(): number {
		return this.#dirtyBlocks;
	}

	/** Blocks of the cut that are still to be read. */
	get cutBlocks(): number {
		return this.#cutBlocks;
	}

	/** Something of it is on this host. */
	get isHere(): boolean {
		return this.#present.some((word) => word !== 0);
	}

	isPresent({ from, to }: Span): boolean {
		return nextBit(this.#present, 0, from, to, false) === to;
	}

	/** The first that is not, or is, at or behind `from`; `to` if there is none before that. */
	nextPresent(from: number, to: number, isPresent: boolean): number {
		return nextBit(this.#present, 0, from, to, isPresent);
	}

	/** That something may be written there is known and stable. */
	isReady({ from, to }: Span): boolean {
		return nextBit(this.#ready, 0, from, to, false) === to;
	}

	/** Pieces that are here. */
	get presentPieces(): number {
		return this.#presentPieces;
	}

	/** A request is under way in some slots, or it is not any more. */
	use({ from, to }: Span, isOver: boolean): void {
		for (let slot = Math.floor(from / SLOT_PIECES); slot * SLOT_PIECES < to; slot++) {
			this.#isUsed[slot] = 1;
			this.users[slot]! += isOver ? -1 : 1;
		}
	}

	/** Nothing of these pieces' slots is given up meanwhile. */
	async pinned(pieces: Span, act: () => Promise<void>): Promise<void> {
		while (this.leaving !== null) await this.leaving;
		this.use(pieces, false);
		try {
			await act();
		} finally {
			this.use(pieces, true);
		}
	}

	/** Whether a slot can be given up: the store has all of it, and nobody has used it since this was asked last. */
	isIdle(slot: number): boolean {
		const wasUsed = this.#isUsed[slot] === 1;
		this.#isUsed[slot] = 0;
		return !wasUsed && this.isFree(slot);
	}

	/** Whether the store has all of a slot, and no request is under way in it. */
	isFree(slot: number): boolean {
		const pieces = piecesIn(slot);
		const blocks = { from: pieces.from * PIECE_BLOCKS, to: pieces.to * PIECE_BLOCKS };
		return this.users[slot] === 0 && !this.mayDiffer(pieces) && !this.holds(blocks);
	}

	/** What is here of a slot is given up, or will be: how many pieces that were. */
	leave(slot: number): number {
		const { from, to } = piecesIn(slot);
		putBits(this.row.present, 0, from, to - from, false);
		const left = putBits(this.#present, 0, from, to - from, false);
		this.#presentPieces -= left;
		return left;
	}

	/** Whether the store has all of it, and nothing was written for some ages: to be asked at each. */
	age(ages: number): boolean {
		// (What is being written is dirty when it has been.)
		const isClean = this.#dirtyBlocks === 0 && !this.isInFlight && this.users.every((count) => count === 0);
		return ++this.#restedFor > ages && isClean && this.row.intent.some((word) => word !== 0);
	}

	/** Whether the table knows less than there is. */
	get isNews(): boolean {
		return this.#isNews;
	}

	arrived({ from, to }: Span): void {
		this.#isNews = true;
		this.#presentPieces += putBits(this.#present, 0, from, to - from, true);
	}

	intend({ from, to }: Span): void {
		putBits(this.row.intent, 0, from, to - from, true);
	}

	/** What was intended then is stable. */
	ready({ from, to }: Span): void {
		putBits(this.#ready, 0, from, to - from, true);
	}

	/** Has what is here put on stable storage; from then on the row says that it is here. Throws an OperatorError. */
	async sync(): Promise<void> {
		const present = this.#present.slice();
		this.#isNews = false;
		await run(this.device, BlockOp.flush, 0, 0, undefined, this.name);
		this.row.present.set(present);
	}

	/** What was here when the process ended, or the power. */
	restore({ present, intent }: LocalRow): void {
		this.row.present.set(present);
		this.#present.set(present);
		this.#presentPieces = countIn(present, 0, present.length);
		this.row.intent.set(intent);
		for (const pieces of this.intended()) {
			this.arrived(pieces);
			this.ready(pieces);
		}
	}

	/** The same of one of which all is here in any case. */
	restoreIntent({ intent }: LocalRow): void {
		this.row.intent.set(intent);
		for (const pieces of this.intended()) this.ready(pieces);
	}

	/** The store has all of it. */
	settle(): void {
		this.row.intent.fill(0);
		this.#ready.fill(0);
	}

	/** Whether something was written there that is not known to be settled. */
	mayDiffer({ from, to }: Span): boolean {
		return nextBit(this.row.intent, 0, from, to, true) < to;
	}

	/** Blocks have something that the store has not; how many more these are. */
	dirty({ from, to }: Span): number {
		this.#restedFor = 0;
		this.#dirty ??= new Int32Array(FILE_BLOCKS / 32);
		const more = putBits(this.#dirty, 0, from, to - from, true);
		this.#dirtyBlocks += more;
		return more;
	}

	/** Nobody wants what they have: how many fewer are dirty. */
	clean({ from, to }: Span): number {
		if (this.#dirty === null) return 0;
		const fewer = putBits(this.#dirty, 0, from, to - from, false);
		this.#dirtyBlocks -= fewer;
		return fewer;
	}

	/** What is dirty is in the cut from now on, and what is written from now on is not. */
	cut(): void {
		this.isInFlight = true;
		this.#cut = this.#dirty;
		this.#cutBlocks = this.#dirtyBlocks;
		this.#dirty = null;
		this.#dirtyBlocks = 0;
	}

	/** What of the cut was not read is in none: it is dirty again. How many more blocks are. */
	uncut(): number {
		const cut = this.#cut;
		this.#cut = null;
		this.#cutBlocks = 0;
		if (cut === null) return 0;
		let more = 0;
		for (let from = nextBit(cut, 0, 0, FILE_BLOCKS, true); from < FILE_BLOCKS; ) {
			const to = nextBit(cut, 0, from, FILE_BLOCKS, false);
			more += this.dirty({ from, to });
			from = nextBit(cut, 0, to, FILE_BLOCKS, true);
		}
		return more;
	}

	/** The first blocks of the cut, from one on, that belong together; null if there are none. */
	nextCut(from: number, most: number): Span | null {
		const bits = this.#cut;
		if (bits === null) return null;
		const begin = nextBit(bits, 0, from, FILE_BLOCKS, true);
		if (begin === FILE_BLOCKS) return null;
		return { from: begin, to: nextBit(bits, 0, begin, Math.min(FILE_BLOCKS, begin + most), false) };
	}

	/** Whether any of these is still to be read as it was at the cut. */
	isInCut({ from, to }: Span): boolean {
		return this.#cut !== null && nextBit(this.#cut, 0, from, to, true) < to;
	}

	/** Whether any of these has something that the store has not. */
	holds(span: Span): boolean {
		const { from, to } = span;
		const isDirty = this.#dirty !== null && nextBit(this.#dirty, 0, from, to, true) < to;
		return isDirty || this.isInCut(span);
	}

	inCut(block: number): boolean {
		return this.#cut !== null && hasBit(this.#cut, 0, block);
	}

	/** They were read. */
	taken({ from, to }: Span): void {
		if (this.#cut === null) return;
		this.#cutBlocks -= putBits(this.#cut, 0, from, to - from, false);
		if (this.#cutBlocks === 0) this.#cut = null;
	}

	/** All pieces in which something may be that the store has not. */
	intended(): Span[] {
		const spans: Span[] = [];
		for (let from = nextBit(this.row.intent, 0, 0, FILE_PIECES, true); from < FILE_PIECES; ) {
			const to = nextBit(this.row.intent, 0, from, FILE_PIECES, false);
			spans.push({ from, to });
			from = nextBit(this.row.intent, 0, to, FILE_PIECES, true);
		}
		return spans;
	}
}
