/**
 * How much whoever uses a pool has changed of it, by its log: so that of two pools that were one it can be said which has gone on. What a pool does by itself, as
 * when it is opened, cleaned, or makes snapshots by a schedule, does not count. The catalog has it, checkpoints keep it, and replicas are
 * compared by it (`store/promotion.ts`).
 */

import { unreachable } from "../errors.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { areNumbers } from "./format.js";
import type { Note } from "./notes.js";
import { isScheduled } from "./space/keep.js";

export interface Written {
	/** Of records of the log that have changes. */
	readonly bytes: number;
	/** When the last of them was written, in microseconds since 1970. */
	readonly timeUs: number;
}

export function isWritten(value: unknown): value is Written {
	return areNumbers(value, ["bytes", "timeUs"]);
}

/** Whether something was written that a pool had not when it was as it is said to have been. */
export function hasGoneOn(now: Written, since: Written): boolean {
	return now.bytes > since.bytes || now.timeUs > since.timeUs;
}

export class WrittenSoFar {
	#bytes = 0;
	#timeUs = 0;
	/** The record that is being taken in has changes. */
	#isChanged = false;

	get now(): Written {
		return { bytes: this.#bytes, timeUs: this.#timeUs };
	}

	/** As a checkpoint has it; one of a version that did not count has none. */
	restore({ bytes, timeUs }: Written = { bytes: 0, timeUs: 0 }): void {
		this.#bytes = bytes;
		this.#timeUs = timeUs;
	}

	/** The record has pages, or holes. */
	changed(): void {
		this.#isChanged = true;
	}

	/** What it says beside. */
	heard<N extends Note>(note: N): N {
		if (isChange(note)) this.#isChanged = true;
		return note;
	}

	/** All of the record was taken in. It begins and ends at these positions. */
	taken(position: number, end: number, timeUs: number): void {
		if (!this.#isChanged) return;
		this.#isChanged = false;
		this.#bytes += (end - position) * SECTOR_BYTES;
		this.#timeUs = timeUs;
	}
}

function isChange(note: Note): boolean {
	switch (note.note) {
		case "move":
		case "clock":
		case "pool":
			return false;
		case "snapshot":
		case "forget":
			return !isScheduled(note.name);
		case "create":
		case "resize":
		case "rename":
		case "delete":
		case "set":
		case "memo":
		case "hold":
		case "release":
		case "identity":
		case "replace":
		case "rollback":
			return true;
		default:
			return unreachable(note);
	}
}
