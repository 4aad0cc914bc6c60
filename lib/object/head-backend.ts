/**
 * What each kind of head has to do: one attempt to read it, or to put another value in its place if it still is what it was, without
 * trying again, which `Head` (`head.ts`) does for all of them. Implemented by `head-file.ts`, `head-etcd.ts`, `head-s3.ts`, and in
 * `lib/testing/` by one in memory.
 */

import type { RequestCounts } from "./counts.js";

export interface HeadValue {
	/** Of what was written last; never again that of anything else. */
	readonly id: string;
	readonly value: Buffer;
}

/** Both reject with an `ObjectError`; if it is `unavailable`, what was asked may have been done, or be done later. */
export interface HeadBackend {
	readonly name: string;
	readonly counts: RequestCounts;
	/** Finds out whether it can be relied on. */
	open(signal: AbortSignal): Promise<void>;
	/** As it is now, never as it was; null: there is none. */
	read(signal: AbortSignal): Promise<HeadValue | null>;
	/** Its new id; null: it was not `id` (null: there was one), and nothing was changed by this. */
	swap(id: string | null, value: Buffer, signal: AbortSignal): Promise<string | null>;
	close(): Promise<void>;
}
