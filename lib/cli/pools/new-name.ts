/** What a volume is to be called, as commands are told. Used by `volume-changes.ts` and `in-daemon-changes.ts`. */

/** As the first one is called, with the same pool before it, or without. */
export function newName(first: string, text: string): string {
	const pool = first.slice(0, first.lastIndexOf("/") + 1);
	return pool !== "" && text.startsWith(pool) ? text.slice(pool.length) : text;
}
