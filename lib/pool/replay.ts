/**
 * Finds out what a log holds and where it ends: sealed segments by their summaries, the last one record by record. Called by
 * `pool.ts` when a pool is opened. What was torn by a loss of power ends the log; what is missing before something that is known to
 * be stable is damage, and then the pool is not opened.
 */

import { OperatorError } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import type { PoolWorld } from "./folder.js";
import { BLOCK_BYTES, BLOCK_SECTORS, roundUp, SEGMENT_BYTES, SEGMENT_SECTORS } from "./format.js";
import type { HeadState, LogStart } from "./head.js";
import type { LogEnd } from "./log-cursor.js";
import { inTurns, TurnsOfSteps } from "./map/turns.js";
import { copiesOf } from "./mend.js";
import type { Header } from "./record.js";
import { Chain, deliverPacked, type Found, type ReplaySink, stepsToTake } from "./replay-records.js";
import { mendBytes, otherCopies, readBytes, readFilled, wholeOf } from "./segment-bytes.js";
import type { Segments } from "./segments.js";
import { readSummary, type Summary } from "./summary.js";

export class Replay {
	readonly #segments: Segments;
	readonly #head: HeadState;
	readonly #sink: ReplaySink;
	readonly #chain: Chain;
	/** A segment, whole. */
	readonly #memory: Memory;
	readonly #turns: TurnsOfSteps;
	readonly #allocate: (byteLength: number) => Memory;
	/** One that is gone through record by record, and another copy of it. */
	#walked: Memory | null = null;
	#other: Memory | null = null;
	/** The last record that anything says to be stable; what is behind the segment that is being read has been asked, or not yet. */
	#stable: number;
	#hasLookedAhead = false;

	constructor(world: PoolWorld, segments: Segments, head: HeadState, sink: ReplaySink) {
		this.#segments = segments;
		this.#head = head;
		this.#sink = sink;
		this.#chain = new Chain(head);
		this.#stable = head.stable;
		this.#allocate = world.allocate;
		this.#memory = world.allocate(SEGMENT_BYTES);
		this.#turns = new TurnsOfSteps(world.nextTurn);
	}

	/** Tells the sink of all records that it does not know, and begins the summary of the last segment. Throws an OperatorError. */
	async run(summary: Summary): Promise<LogEnd> {
		const { start } = this.#head;
		let { segment, slot } = start;
		for (;;) {
			if (!this.#segments.hasFile(slot)) throw this.#missing(slot);
			this.#segments.place(segment, slot);
			const { sequence, crc, timeUs } = this.#chain;
			const next = await this.#sealed(segment);
			if (next === undefined) return await this.#open({ segment, slot, sequence, crc, timeUs }, summary);
			segment++;
			slot = next;
		}
	}

	/** Takes in a segment by its summary; the slot of the next one, or undefined if it has no summary. */
	async #sealed(segment: number): Promise<number | undefined> {
		const { bytes, view } = this.#memory;
		const isWanted = (found: Header): boolean => this.#chain.isOurs(found, found.position);
		const header = await readSummary(this.#segments, segment, this.#memory, { isWanted, mends: true });
		if (header === undefined) return undefined;
		if (!(await this.#isThere(segment, header))) return undefined;
		for (let at = 0; at < header.tailBytes; ) {
			const end = this.#deliver(bytes, view, at, header.tailBytes, header.position, this.#chain);
			if (end === undefined) throw this.#damage(header.position);
			if (end === at) await this.#settle();
			else await this.#turns.spend(stepsToTake(end - at));
			at = end;
		}
		if (!this.#chain.take(bytes, view, roundUp(header.tailBytes, BLOCK_BYTES)))
			throw this.#damage(header.position);
		const tailSectors = roundUp(header.tailBytes, BLOCK_BYTES) / SECTOR_BYTES;
		this.#segments.table.seal(segment, tailSectors + BLOCK_SECTORS);
		return header.nextSlot;
	}

	/** Whether all that a summary says is there: one may be stable whose pages are not. */
	async #isThere(segment: number, header: Header): Promise<boolean> {
		this.#stable = Math.max(this.#stable, header.stable);
		if (header.sequence - 1 <= this.#stable) return true;
		if (!this.#hasLookedAhead) await this.#lookAhead(segment + 1, header.nextSlot);
		this.#hasLookedAhead = true;
		if (header.sequence - 1 > this.#stable) {
			const found = await this.#walk(segment);
			const isWhole = found.every((record) => record.isWhole);
			if (!isWhole || found.at(-1)?.header.sequence !== header.sequence - 1) return false;
		}
		await readSummary(this.#segments, segment, this.#memory);
		return true;
	}

	/** What the segments behind say of what is stable. */
	async #lookAhead(first: number, firstSlot: number): Promise<void> {
		let [segment, slot] = [first, firstSlot];
		const last = SEGMENT_SECTORS - BLOCK_SECTORS;
		while (slot >= 0 && this.#segments.hasFile(slot)) {
			const begin = segment * SEGMENT_SECTORS;
			const header = await this.#summaryAhead(slot, begin + last);
			if (header === undefined) break;
			this.#stable = Math.max(this.#stable, header.stable);
			segment++;
			slot = header.nextSlot;
		}
		if (slot < 0 || !this.#segments.hasFile(slot) || this.#segments.isNothing(slot)) return;
		for (const copy of copiesOf(this.#segments.deviceOfSlot(slot))) {
			await this.#segments.readSlot(slot, 0, SEGMENT_BYTES, this.#memory, copy);
			for (const header of this.#headers(segment * SEGMENT_SECTORS, 0))
				this.#stable = Math.max(this.#stable, header.stable);
		}
	}

	/** The header of a summary that would be at a position, in any copy. */
	async #summaryAhead(slot: number, position: number): Promise<Header | undefined> {
		const { bytes, view } = this.#memory;
		for (const copy of copiesOf(this.#segments.deviceOfSlot(slot))) {
			const last = SEGMENT_BYTES - BLOCK_BYTES;
			await this.#segments.readSlot(slot, last, BLOCK_BYTES, this.#memory, copy);
			const header = this.#chain.headerAt(bytes, view, 0, position);
			if (header !== undefined) return header;
		}
		return undefined;
	}

	/** Takes in the last segment, record by record, up to the end of the log. */
	async #open(start: LogStart, summary: Summary): Promise<LogEnd> {
		const { segment } = start;
		const begin = segment * SEGMENT_SECTORS;
		const found = await this.#walk(segment);
		let nextSlot = -1;
		let end = begin;
		for (const record of this.#whole(found)) {
			nextSlot = record.header.nextSlot;
			end = record.position + record.sectors;
			const { packed } = record;
			const view = viewOf(packed);
			while (this.#deliver(packed, view, 0, packed.length, record.position) === 0) await this.#settle();
			summary.addPacked(record.packed);
			this.#chain.took(record.header, record.crc);
			await this.#turns.spend(stepsToTake(packed.length));
		}
		await this.#checkBehind(segment, end, nextSlot);
		this.#segments.isKnown();
		const { slots } = this.#segments;
		if (nextSlot >= slots.limit) throw this.#missing(nextSlot);
		if (nextSlot < 0) nextSlot = this.#segments.takeNext();
		else slots.took(nextSlot);
		const { pool, epoch, incarnation } = this.#head;
		const { sequence, crc, timeUs } = this.#chain;
		return { pool, epoch, incarnation, sequence, crc, timeUs, position: end, nextSlot, start };
	}

	/** The same as `deliverPacked`; what makes no sense to the sink is told with file and place. */
	#deliver(
		bytes: Uint8Array,
		view: DataView,
		at: number,
		limit: number,
		position: number,
		chain?: Chain,
	): number | undefined {
		try {
			return deliverPacked(bytes, view, at, limit, chain, this.#sink);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			throw new OperatorError(`${this.#segments.nameOf(position)}: ${error.message}`);
		}
	}

	/** What is stored for that must not lie where the log has something, which is not known yet. */
	async #settle(): Promise<void> {
		this.#segments.keepClear();
		await this.#sink.settle();
	}

	/** All records of the segment that follow each other, each from a copy that has the whole of it, if one has. */
	async #walk(segment: number): Promise<Found[]> {
		const isFresh = this.#walked === null;
		this.#walked ??= this.#allocate(SEGMENT_BYTES);
		const memory = this.#walked;
		await readFilled(this.#segments, segment, memory, isFresh);
		let found = await this.#follow(segment, memory);
		const copies = otherCopies(this.#segments, segment);
		if (copies.length === 0) return found;
		this.#other ??= this.#allocate(SEGMENT_BYTES);
		for (let from = wrongFrom(found, 0); from < SEGMENT_BYTES; ) {
			let better = from;
			for (const copy of copies) {
				await readBytes(this.#segments, wholeOf(segment), this.#other, copy);
				// (What is before is right, whoever has it.)
				this.#other.bytes.set(memory.bytes.subarray(0, from));
				const others = await this.#follow(segment, this.#other);
				better = wrongFrom(others, from);
				if (better === from) continue;
				memory.bytes.set(this.#other.bytes);
				const range = { segment, offsetBytes: from, lengthBytes: better - from };
				await mendBytes(this.#segments, range, memory, from);
				found = others;
				break;
			}
			if (better === from && from >= endOf(found)) break;
			// (A page that is wrong everywhere is found when it is read: the log goes on behind it.)
			from = better > from ? better : wrongFrom(found, from + 1);
		}
		return found;
	}

	#follow(segment: number, memory: Memory): Promise<Found[]> {
		return inTurns(this.#chain.follow(memory, segment * SEGMENT_SECTORS), this.#turns.next);
	}

	/**
	 * Those before the first one that is torn. What is known to be stable is not: a bad page there is found when it is read, but without
	 * its notes nothing after it makes sense.
	 */
	#whole(found: readonly Found[]): readonly Found[] {
		const stable = Math.max(this.#stable, ...found.map(({ header }) => header.stable));
		const torn = found.findIndex(({ header, isWhole, hasTail }) =>
			header.sequence > stable ? !isWhole : !hasTail,
		);
		const record = found[torn];
		if (record === undefined) return found;
		if (record.header.sequence <= stable) throw this.#damage(record.position);
		return found.slice(0, torn);
	}

	/** Throws if anything behind the end says that more was stable than there is. */
	async #checkBehind(segment: number, end: number, nextSlot: number): Promise<void> {
		const { sequence } = this.#chain;
		if (this.#stable > sequence) throw this.#damage(end);
		const begin = segment * SEGMENT_SECTORS;
		// (What was walked is still in memory, of one copy.)
		if (this.#saysMore(begin, end - begin, this.#walked ?? this.#memory)) throw this.#damage(end);
		for (const copy of otherCopies(this.#segments, segment)) {
			await readBytes(this.#segments, wholeOf(segment), this.#memory, copy);
			if (this.#saysMore(begin, end - begin)) throw this.#damage(end);
		}
		if (nextSlot < 0 || !this.#segments.hasFile(nextSlot) || this.#segments.isNothing(nextSlot)) return;
		for (const copy of copiesOf(this.#segments.deviceOfSlot(nextSlot))) {
			await this.#segments.readSlot(nextSlot, 0, SEGMENT_BYTES, this.#memory, copy);
			if (this.#saysMore(begin + SEGMENT_SECTORS, 0)) throw this.#damage(end);
		}
	}

	/** Whether a header in memory, which begins at a position, is of this log and knows of stable records behind its end. */
	#saysMore(begin: number, fromSector: number, memory = this.#memory): boolean {
		for (const { stable } of this.#headers(begin, fromSector, memory))
			if (stable > this.#chain.sequence) return true;
		return false;
	}

	/** Those in memory that are of this log, in a segment that begins at a position. */
	*#headers(begin: number, fromSector: number, { bytes, view } = this.#memory): Generator<Header> {
		for (let sector = fromSector; sector < SEGMENT_SECTORS; sector += BLOCK_SECTORS) {
			const header = this.#chain.headerAt(bytes, view, sector * SECTOR_BYTES, begin + sector);
			if (header !== undefined) yield header;
		}
	}

	#missing(slot: number): OperatorError {
		const place = this.#segments.nameInSlot(slot, 0);
		return new OperatorError(`${place}: the log goes on here, but there is no such file`);
	}

	#damage(position: number): OperatorError {
		return new OperatorError(
			`${this.#segments.nameOf(position)}: the log is damaged here: something was written after it and is known to have been stable`,
		);
	}
}

/** Where, from some byte on, the first record begins in a segment that is not whole, or the last one ends. */
function wrongFrom(found: readonly Found[], from: number): number {
	const wrong = found.find((record) => !record.isWhole && byteOf(record) >= from);
	return wrong === undefined ? Math.max(endOf(found), from) : byteOf(wrong);
}

function byteOf({ position }: Found): number {
	return (position % SEGMENT_SECTORS) * SECTOR_BYTES;
}

function endOf(found: readonly Found[]): number {
	const last = found.at(-1);
	return last === undefined ? 0 : byteOf(last) + last.sectors * SECTOR_BYTES;
}

function viewOf(bytes: Uint8Array): DataView {
	return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
