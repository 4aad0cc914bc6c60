/**
 * Those who wait for a limit, in order of arrival: one line for reads, one for what changes something, and where somebody in one
 * has to wait for somebody in the other. Kept by `limit.ts`.
 */

import { invariant } from "../errors.js";
import type { BlockRequest } from "./request.js";

/** In place of an arrival: there is none that has to go before. */
export const NOBODY = -1;
/** So many are compared; if more wait, the last of them counts as one that overlaps. */
const COMPARED_MAX = 64;

/** Used again and again; while it is not, its `request` means nothing. */
export class Waiting {
	request!: BlockRequest;
	/** Counts those that had to wait, up. */
	arrival = -0;
	/** In the other line, all up to this arrival have to go first. */
	behind = -0;
	sinceMs = -0;
	next: Waiting | null = null;
}

export class Line {
	#first: Waiting | null = null;
	#last: Waiting | null = null;
	#length = 0;

	get first(): Waiting | null {
		return this.#first;
	}

	add(waiting: Waiting): void {
		waiting.next = null;
		if (this.#last === null) this.#first = waiting;
		else this.#last.next = waiting;
		this.#last = waiting;
		this.#length += 1;
	}

	/** Takes the first one out. */
	shift(): Waiting {
		const first = this.#first;
		invariant(first !== null, "nobody waits");
		this.#takeOut(null, first);
		return first;
	}

	/** Takes a request out, wherever it is; null if it does not wait here. */
	remove(request: BlockRequest): Waiting | null {
		let before: Waiting | null = null;
		for (let at = this.#first; at !== null; at = at.next) {
			if (at.request === request) {
				this.#takeOut(before, at);
				return at;
			}
			before = at;
		}
		return null;
	}

	#takeOut(before: Waiting | null, waiting: Waiting): void {
		if (before === null) this.#first = waiting.next;
		else before.next = waiting.next;
		if (this.#last === waiting) this.#last = before;
		waiting.next = null;
		this.#length -= 1;
	}

	/** The arrival of the last one here that `request` must not go before, or `NOBODY`. */
	lastOverlapping({ offsetBytes, lengthBytes }: BlockRequest): number {
		if (this.#last === null) return NOBODY;
		if (this.#length > COMPARED_MAX) return this.#last.arrival;
		let arrival = NOBODY;
		for (let at = this.#first; at !== null; at = at.next) {
			const { request } = at;
			const apart =
				offsetBytes + lengthBytes <= request.offsetBytes ||
				request.offsetBytes + request.lengthBytes <= offsetBytes;
			if (!apart) arrival = at.arrival;
		}
		return arrival;
	}
}
