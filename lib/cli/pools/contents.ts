/**
 * What commands read that copy or compare, whoever has the pool. Used by `difference.ts` and `stream.ts`; made by `reading.ts` and
 * `daemon-contents.ts`.
 */

import type { BlockDevice } from "../../block/device.js";
import type { Range } from "../../send/send.js";

/** What may differ, as the maps tell it. */
export type Change = Range & { readonly mayBeSame: boolean };

export interface Contents {
	/** `name` names the same from then on, whatever is written, but a volume of a pool that is opened here: nobody else has that. */
	about(name: string): Promise<{ readonly name: string; readonly pageBytes: number; readonly id: string }>;
	/** To be closed. */
	open(name: string): Promise<BlockDevice>;
	/** From a byte on, in order. */
	changes(before: string, after: string, begin: number): AsyncIterable<Change>;
}

/** What may differ between two names in a range. */
export async function* changedBytes(
	contents: Contents,
	before: string,
	after: string,
	begin: number,
	end: number,
): AsyncGenerator<Change> {
	for await (const { offsetBytes, lengthBytes, mayBeSame } of contents.changes(before, after, begin)) {
		const [from, to] = [Math.max(begin, offsetBytes), Math.min(end, offsetBytes + lengthBytes)];
		if (from < to) yield { offsetBytes: from, lengthBytes: to - from, mayBeSame };
	}
}
