/**
 * What each kind of object store has to do: one attempt of each operation, without waiting and trying again, which `Objects`
 * (`objects.ts`) does for all of them. Implemented by `folder.ts`, `s3.ts`, `swift.ts`, and in `lib/testing/` by one in memory.
 */

import type { RequestCounts } from "./counts.js";
import type { ByteRange, Listed } from "./store.js";

/**
 * Every operation rejects with an `ObjectError`, or with the reason of `signal` when that is aborted. Names have been looked at,
 * ranges are not empty.
 */
export interface ObjectBackend {
	readonly name: string;
	/** What was asked of it, and how long that took. */
	readonly counts: RequestCounts;
	/** How many names one `delete` may have. */
	readonly deletesAtOnce: number;
	/** Finds the container or makes it. */
	open(signal: AbortSignal): Promise<void>;
	/** Rejects unless the container is there: for an object that is not. */
	present(signal: AbortSignal): Promise<void>;
	/** `exists`: nothing was changed. */
	put(name: string, bytes: readonly Buffer[], signal: AbortSignal): Promise<"created" | "exists">;
	/**
	 * For stores in which an object that can be read may still lack copies: stores once more what is there, so that it is as durable as
	 * what `put` has created. Left out by others.
	 */
	confirm?(name: string, bytes: readonly Buffer[], signal: AbortSignal): Promise<void>;
	get(name: string, range: ByteRange | undefined, newest: boolean, signal: AbortSignal): Promise<Buffer>;
	head(name: string, newest: boolean, signal: AbortSignal): Promise<number>;
	/** Those that are not there are no failure. */
	delete(names: readonly string[], signal: AbortSignal): Promise<void>;
	list(prefix: string, after: string, most: number, signal: AbortSignal): Promise<Listed>;
	close(): Promise<void>;
}
