/**
 * One segment of the log in all copies of its storage: each piece of a record is put on all copies as it is in one that has it right, and the summary
 * likewise; where copies differ in what is nobody's, all get the same. So what is moved, or read when the pool is opened, is the same in all of
 * them, whichever is lost then. Used by `scrub.ts`, which holds the slot: nobody else writes to what is looked at.
 */

import { BlockOp } from "../block/request.js";
import { OperatorError } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { BLOCK_BYTES, FILE_SLOTS, SEGMENT_BYTES, SEGMENT_SECTORS } from "./format.js";
import type { NextTurn } from "./map/merging.js";
import { copiesOf } from "./mend.js";
import { run } from "./run.js";
import { endOf, type Piece, recordPieces, summaryIn } from "./segment-pieces.js";
import type { Segments } from "./segments.js";

/** What is read in one request: others are served meanwhile. */
const READ_BYTES = 2 ** 20;
const PIECES_PER_TURN = 64;

export interface SegmentScrub {
	readonly segments: Segments;
	readonly segment: number;
	/** That is held. */
	readonly slot: number;
	/** All records of one that is being filled, which are stable, as its summary will have them; undefined: it has a summary. */
	readonly open: Uint8Array | undefined;
	/** Two, each of a segment's size. */
	readonly memories: readonly [Memory, Memory];
	readonly nextTurn: NextTurn;
}

export interface ScrubbedSegment {
	/** Some copy had something else than it has now. */
	readonly wasMended: boolean;
	/** What is right in no copy: its byte in the slot, and what it is. */
	readonly damaged: readonly (readonly [at: number, what: string])[];
}

export async function scrubSegment(of: SegmentScrub): Promise<ScrubbedSegment> {
	const { segments, segment, slot, open } = of;
	const copies = copiesOf(segments.deviceOfSlot(slot));
	const known = open === undefined ? await summaryOf(of, copies) : { packed: open, piece: undefined };
	if (known === undefined) {
		const what = "the summary of this segment is damaged here";
		return { wasMended: false, damaged: [[SEGMENT_BYTES - BLOCK_BYTES, what]] };
	}
	// (Without others there is nothing to be mended, and what is wrong concerns nobody who has the summary.)
	if (copies.length === 1 && open === undefined) return { wasMended: false, damaged: [] };
	const pieces = [...recordPieces(known.packed, segment * SEGMENT_SECTORS)];
	if (known.piece !== undefined) pieces.push(known.piece);
	const joined = new Joined(of, pieces, endOf(pieces));
	await joined.join(copies);
	const wasMended = await joined.writeOver();
	const damaged = [...joined.wrong].flatMap(({ at, what }): [number, string][] =>
		what === null || open === undefined ? [] : [[at, what]],
	);
	return { wasMended, damaged };
}

/** In whatever copy that is whole: most are short. */
async function summaryOf(of: SegmentScrub, copies: readonly number[]) {
	const [memory] = of.memories;
	for (const copy of copies) {
		for (const from of [SEGMENT_BYTES - READ_BYTES / 4, 0]) {
			await read(of, copy, memory, from, SEGMENT_BYTES);
			const found = summaryIn(memory, of.segment);
			if (found !== undefined) return found;
		}
	}
	return undefined;
}

/** What can't be read there is zeros, and so not right. */
async function read(
	{ segments, slot }: SegmentScrub,
	copy: number,
	into: Memory,
	fromBytes: number,
	endBytes: number,
): Promise<void> {
	const device = segments.deviceOfSlot(slot);
	const begin = (slot % FILE_SLOTS) * SEGMENT_BYTES;
	const name = segments.fileNameOf(slot);
	for (let at = fromBytes; at < endBytes; at += READ_BYTES) {
		const length = Math.min(READ_BYTES, endBytes - at);
		try {
			await run(device, BlockOp.read, begin + at, length, into, name, at, copy);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			into.bytes.fill(0, at, at + length);
		}
	}
}

/** Of all copies what is right in one of them; what is nobody's as it is in the one that has most right. */
class Joined {
	/** Right in none so far. */
	wrong = new Set<Piece>();
	readonly #of: SegmentScrub;
	readonly #pieces: readonly Piece[];
	readonly #endBytes: number;
	#right: Memory;
	/** The copy that was read last. */
	#other: Memory;
	/** Sectors that some copy has otherwise. */
	readonly #differing: Uint8Array;

	constructor(of: SegmentScrub, pieces: readonly Piece[], endBytes: number) {
		this.#of = of;
		this.#pieces = pieces;
		this.#endBytes = endBytes;
		[this.#right, this.#other] = of.memories;
		this.#differing = new Uint8Array(endBytes / SECTOR_BYTES);
	}

	async join([first = 0, ...others]: readonly number[]): Promise<void> {
		await read(this.#of, first, this.#right, 0, this.#endBytes);
		this.wrong = await this.#wrongIn(this.#right);
		for (const copy of others) {
			await read(this.#of, copy, this.#other, 0, this.#endBytes);
			if (this.#isSame(0, this.#endBytes)) continue;
			let wrongThere = await this.#wrongIn(this.#other);
			if (wrongThere.size < this.wrong.size) {
				[this.#right, this.#other] = [this.#other, this.#right];
				[this.wrong, wrongThere] = [wrongThere, this.wrong];
			}
			for (const piece of this.wrong) if (!wrongThere.has(piece)) this.#take(piece);
			this.#compare();
		}
	}

	async #wrongIn(copy: Memory): Promise<Set<Piece>> {
		const wrong = new Set<Piece>();
		for (const [i, piece] of this.#pieces.entries()) {
			if (i % PIECES_PER_TURN === PIECES_PER_TURN - 1) await this.#of.nextTurn();
			if (!piece.isRight(copy)) wrong.add(piece);
		}
		return wrong;
	}

	#isSame(from: number, to: number): boolean {
		const [one, two] = [this.#right.bytes.subarray(from, to), this.#other.bytes.subarray(from, to)];
		return Buffer.compare(one, two) === 0;
	}

	#take(piece: Piece): void {
		const { at, lengthBytes } = piece;
		this.#right.bytes.set(this.#other.bytes.subarray(at, at + lengthBytes), at);
		this.wrong.delete(piece);
		this.#mark(piece, 1);
	}

	#mark({ at, lengthBytes }: Piece, differs: 0 | 1): void {
		this.#differing.fill(
			differs,
			Math.floor(at / SECTOR_BYTES),
			Math.ceil((at + lengthBytes) / SECTOR_BYTES),
		);
	}

	#compare(): void {
		for (let sector = 0; sector < this.#differing.length; sector++)
			if (!this.#isSame(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES)) this.#differing[sector] = 1;
	}

	/** Over all copies; of what is right nowhere each keeps what it has. False: there was nothing to be written. */
	async writeOver(): Promise<boolean> {
		const { segments, slot } = this.#of;
		for (const piece of this.wrong) this.#mark(piece, 0);
		const device = segments.deviceOfSlot(slot);
		const begin = (slot % FILE_SLOTS) * SEGMENT_BYTES;
		const name = segments.fileNameOf(slot);
		let wasWritten = false;
		for (let from = this.#differing.indexOf(1); from >= 0; from = this.#differing.indexOf(1, from)) {
			const next = this.#differing.indexOf(0, from);
			const to = Math.min(next < 0 ? this.#differing.length : next, from + READ_BYTES / SECTOR_BYTES);
			const [at, length] = [from * SECTOR_BYTES, (to - from) * SECTOR_BYTES];
			await run(device, BlockOp.write, begin + at, length, this.#right, name, at);
			wasWritten = true;
			from = to;
		}
		return wasWritten;
	}
}
