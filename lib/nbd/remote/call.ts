/**
 * One request to a server, from when somebody wants it until the server has answered: on whichever connection that is, for one that
 * breaks has its calls sent again on the next. Used again by `session.ts`, which sends them; who has it done is its owner.
 */

import type { BlockRequest } from "../../block/request.js";
import { heapMemory, type Memory } from "../../wire/memory.js";
import { Command, type NbdError } from "../protocol.js";

/** Pieces of a read that may lie apart while others are missing. */
const APART_MAX = 64;

/** How a call ends that has no answer: nobody waits for one any more; or the disk is closed. */
export const UNREACHABLE = -1;
export const CLOSED = -2;
export type CallEnd = NbdError | typeof UNREACHABLE | typeof CLOSED;

export interface CallOwner {
	over(call: Call, end: CallEnd): void;
}

const NO_MEMORY = heapMemory(0);

export class Call {
	owner: CallOwner | null = null;
	/** For whom it is done; null: for nobody's request. */
	request: BlockRequest | null = null;
	/** Its place among those under way: what the server calls it by. */
	index = -1;
	/** In order of which calls are sent, and sent again. */
	sequence = 0;
	command: number = Command.read;
	flags = 0;
	offsetBytes = 0;
	lengthBytes = 0;
	memory: Memory = NO_MEMORY;
	memoryOffset = 0;
	/** It is with the server, on the connection that there is. */
	isSent = false;
	/** Nobody wants it any more, and the server had it already. */
	isUnwanted = false;
	/** What it is called by with the server, beside its index: another number each time it is sent, so that no answer is taken for that of another call. */
	cookie = 0;
	/** Since when its owner waits; and how many connections have ended since, that calls could be sent on. */
	sinceMs = 0;
	losses = 0;
	/** When it was sent, and how many answers the server had given before. */
	sentMs = 0;
	answersBefore = 0;
	/** Of a block status: the server has told extents. */
	hasExtents = false;
	/** Of a flush: what was kept until it was sent is safe when it is done. */
	keptBefore = 0;
	/** Of a flush: which of all that were sent. Of a change that waits for one: which was the last before it. */
	flushNumber = 0;
	/** What the server has said so far. */
	error: NbdError = 0;
	/** The next unused one. */
	next: Call | null = null;
	/** Of a read: so much has come from its beginning on; and pieces behind that, pairs of begin and end. */
	#coveredTo = 0;
	readonly #apart: number[] = [];

	/** Nothing of an answer has come. */
	renew(): void {
		this.isSent = false;
		this.error = 0;
		this.hasExtents = false;
		this.#coveredTo = 0;
		this.#apart.length = 0;
		if (this.request !== null) this.request.extentCount = 0;
	}

	/** So many bytes come, `from` behind its first. False if that makes no sense: they are not of this read, or have come before. */
	cover(from: number, length: number): boolean {
		const end = from + length;
		if (from < this.#coveredTo || length === 0 || end > this.lengthBytes) return false;
		const apart = this.#apart;
		for (let i = 0; i < apart.length; i += 2) if (from < apart[i + 1]! && end > apart[i]!) return false;
		if (from > this.#coveredTo) {
			apart.push(from, end);
			return apart.length <= 2 * APART_MAX;
		}
		this.#coveredTo = end;
		for (let i = 0; i < apart.length; ) {
			if (apart[i] !== this.#coveredTo) i += 2;
			else {
				this.#coveredTo = apart[i + 1]!;
				apart.splice(i, 2);
				i = 0;
			}
		}
		return true;
	}

	/** Every byte of a read has come, once. */
	get isCovered(): boolean {
		return this.#coveredTo === this.lengthBytes;
	}
}
