/**
 * The memo of a volume, which is in the pool: one note in the log whenever it changes. No clone and no snapshot has it; a volume that goes back, or goes on as
 * another one, keeps its own. Made by `pool.ts` for a volume that somebody opens.
 */

import type { Memo } from "../block/memo.js";
import { checkChanged } from "./allowed.js";
import type { Volume } from "./catalog.js";
import { encodeNote } from "./notes.js";
import type { PoolParts } from "./opening.js";
import { PendingNote } from "./pending-note.js";

export class VolumeMemo implements Memo {
	readonly #parts: PoolParts;
	readonly #line: number;
	/** What this one was asked to keep last, unless that has failed. */
	#last: { readonly text: string; readonly done: Promise<void> } | undefined;

	constructor(parts: PoolParts, { line }: Volume) {
		this.#parts = parts;
		this.#line = line;
	}

	get text(): string | undefined {
		return this.#parts.contents.catalog.ofLine(this.#line)?.memo;
	}

	async keep(text: string): Promise<void> {
		checkChanged(this.#parts.world);
		if (this.#last?.text === text) return this.#last.done;
		const note = encodeNote({ note: "memo", line: this.#line, memo: text });
		const last = { text, done: new PendingNote(this.#parts.log, [note]).done };
		this.#last = last;
		try {
			await last.done;
		} catch (error) {
			// (It may be seen, and nobody knows whether it is stored.)
			if (this.#last === last) this.#last = undefined;
			throw error;
		}
	}
}

/** Undefined where what is open can only be read: a replica of another pool. */
export function memoOf(parts: PoolParts, volume: Volume): Memo | undefined {
	return parts.world.onlyRead === undefined ? new VolumeMemo(parts, volume) : undefined;
}
