/**
 * What a client is told of the parts of a range: one context after the other, as many extents of each as one answer has. Kept by `command.ts`,
 * which asks for them.
 */

import type { Room } from "../stream/rooms.js";
import type { Context } from "./export.js";
import type { CommandHost } from "./host.js";
import { AllocationFlag, ChunkFlag } from "./protocol.js";
import { type Cookie, putStatus } from "./replies.js";

/** Extents in one answer: who wants more asks for the rest. */
const EXTENTS_MAX = 256;
const EXTENT_BYTES = 8;
export const STATUS_BYTES_MAX = EXTENTS_MAX * EXTENT_BYTES;

export class StatusTelling {
	/** Of which the client has been told. */
	#contexts = 0;
	#pairs = new Float64Array(0);

	/** `isOne`: of each context it wants no more than one extent. */
	begin(isOne: boolean): void {
		const words = isOne ? 2 : 2 * EXTENTS_MAX;
		if (this.#pairs.length !== words) this.#pairs = new Float64Array(words);
		this.#contexts = 0;
	}

	/** Where extents of the next context go: pairs of a length in bytes and what that is. */
	get pairs(): Float64Array {
		return this.#pairs;
	}

	next({ contexts }: CommandHost): Context {
		return contexts[this.#contexts]!;
	}

	/** Tells of the next context, whose extents are there. True if that was the last one. */
	tell(host: CommandHost, cookie: Cookie, count: number, room: Room): boolean {
		const pairs = this.#pairs;
		const { id, changes } = this.next(host);
		if (changes === null)
			for (let i = 0; i < count; i++)
				pairs[2 * i + 1] = pairs[2 * i + 1] === 0 ? 0 : AllocationFlag.hole | AllocationFlag.zero;
		const isLast = ++this.#contexts === host.contexts.length;
		putStatus(host.queue, cookie, isLast ? ChunkFlag.done : 0, id, pairs, count, room);
		return isLast;
	}
}
