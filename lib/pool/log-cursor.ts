/** Where a log has got to: what the next record has to say of the one before. Kept by `log.ts`, begun with what `replay.ts` has found. */

import type { LogStart } from "./head.js";
import type { HeaderFrame, RecordKind } from "./record.js";

/** Where a log ends. */
export interface LogEnd {
	readonly pool: number;
	readonly incarnation: number;
	readonly epoch: number;
	/** Of the last record. */
	readonly sequence: number;
	readonly crc: number;
	readonly timeUs: number;
	/** Where the next record goes. */
	readonly position: number;
	/** The slot that the next segment will have. */
	readonly nextSlot: number;
	/** Where the last segment begins. */
	readonly start: LogStart;
}

export class LogCursor implements HeaderFrame {
	readonly pool: number;
	readonly incarnation: number;
	readonly epoch: number;
	kind: RecordKind = 1;
	sequence: number;
	timeUs: number;
	/** The last record that is on stable storage. */
	stable: number;
	previousCrc: number;
	nextSlot: number;
	/** Where the segment begins that is being filled. */
	start: LogStart;

	constructor(end: LogEnd) {
		this.pool = end.pool;
		this.incarnation = end.incarnation;
		this.epoch = end.epoch;
		this.sequence = end.sequence;
		this.timeUs = end.timeUs;
		this.stable = end.sequence;
		this.previousCrc = end.crc;
		this.nextSlot = end.nextSlot;
		this.start = end.start;
	}

	/** The segment is full: the next one begins, in the slot that was for it. */
	nextSegment(segment: number, nextSlot: number): void {
		const { sequence, previousCrc: crc, timeUs } = this;
		this.start = { segment, slot: this.nextSlot, sequence, crc, timeUs };
		this.nextSlot = nextSlot;
	}

	/** The next record begins: this is what its header says. */
	next(kind: RecordKind, nowUs: number): this {
		this.kind = kind;
		this.sequence++;
		// (A moment's name says one record, also when the clock was set back.)
		this.timeUs = Math.max(this.timeUs + 1, nowUs);
		return this;
	}
}
