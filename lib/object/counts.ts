/**
 * Requests to object stores and heads, counted and timed by operation and by how each ended: what `vblade_object_request_seconds`
 * is made of. Every single request counts, also those that are tried again. Recorded by the backends, read by whoever shows it.
 */

import type { Clock } from "../clock.js";
import { Histogram } from "../histogram.js";

/** `read`, `swap` and `compact` are of a head, `container` and `login` of what has to be there before. */
export type ObjectOp =
	| "put"
	| "get"
	| "head"
	| "delete"
	| "list"
	| "container"
	| "login"
	| "read"
	| "swap"
	| "compact";

export interface RequestCount {
	readonly op: ObjectOp;
	/** Of HTTP (`200`), or a word of ours or the system's: `ok`, `timeout`, `ECONNREFUSED`. */
	readonly code: string;
	readonly times: Histogram;
}

const MICROSECONDS = 1000;
/** What a histogram holds. */
const MOST_US = 2 ** 31 - 1;
/** A server makes up its codes: there are no more of them than this. */
const MOST_CODES = 100;

export class RequestCounts {
	readonly #counts = new Map<string, RequestCount>();

	/** @param beganMs by `clock` */
	record(op: ObjectOp, code: string, beganMs: number, clock: Clock): void {
		const key = `${op} ${code}`;
		let count = this.#counts.get(key);
		if (count === undefined) {
			if (this.#counts.size >= MOST_CODES && code !== "other") {
				this.record(op, "other", beganMs, clock);
				return;
			}
			count = { op, code, times: new Histogram() };
			this.#counts.set(key, count);
		}
		const us = Math.round((clock.now() - beganMs) * MICROSECONDS);
		count.times.record(Math.min(MOST_US, Math.max(0, us)));
	}

	/** As they are now, and go on being. */
	all(): readonly RequestCount[] {
		return [...this.#counts.values()];
	}
}
