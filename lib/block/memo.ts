/**
 * A short text that is kept with what a device stores, and goes where that goes: to another host, or a copy. Offered by devices that have room for it
 * (volumes of pools), passed on by the layers above, used by whoever serves the disk. What it says is nothing to storage.
 */

/** Characters. */
export const MEMO_MAX = 32 * 1024;

export interface Memo {
	/** Undefined: there never was one. */
	readonly text: string | undefined;
	/** In place of the one before, if that was another. Resolves when it is as stable as a flush; rejects with an OperatorError if that is not sure. */
	keep(text: string): Promise<void>;
}

export function isMemo(value: unknown): value is string {
	return typeof value === "string" && value.length <= MEMO_MAX;
}
