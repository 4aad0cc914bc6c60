/**
 * Slots that a pool has given back while a cut still reads what they had: they are held, so that the pool goes on in others, until that is read or the pool
 * has no others. Kept by `replica.ts`.
 */

import { SLOT_BLOCKS } from "./layout.js";
import type { LocalFile, Span } from "./local-file.js";

interface Hold {
	readonly file: LocalFile;
	readonly blocks: Span;
	readonly release: () => void;
}

export class SlotHolds {
	#holds: Hold[] = [];

	get count(): number {
		return this.#holds.length;
	}

	/** `slot`: of the file. False: there is no need. */
	hold(file: LocalFile, slot: number, release: () => void): boolean {
		const blocks = { from: slot * SLOT_BLOCKS, to: (slot + 1) * SLOT_BLOCKS };
		if (!file.isInCut(blocks)) return false;
		this.#holds.push({ file, blocks, release });
		return true;
	}

	/** Those of which all was read, or need not be, are let go. */
	look(): void {
		const over = this.#holds.filter(({ file, blocks }) => !file.isInCut(blocks));
		if (over.length === 0) return;
		this.#holds = this.#holds.filter((hold) => !over.includes(hold));
		for (const { release } of over) release();
	}
}
