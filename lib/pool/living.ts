/**
 * What takes up space in a pool, and who wants it: brings the table of segments and the descent together, as `contents.ts` tells of records
 * that are taken in. Made by `opening.ts`.
 */

import { DeadLists, type DeadListsOf } from "./dead-lists.js";
import { Descent, type DescentSpace } from "./descent.js";
import type { Life, StoredImage } from "./life.js";
import type { NextTurn } from "./map/merging.js";
import { DEAD_BYTES } from "./map/part.js";
import type { Origin } from "./notes.js";
import type { Segments } from "./segments.js";
import { decodeMove, isMoveOf } from "./space/move-form.js";

export class Living implements Life {
	readonly descent: Descent;
	readonly #segments: Segments;

	constructor(of: DeadListsOf) {
		const { segments, nodes } = of;
		this.#segments = segments;
		const space: DescentSpace = {
			free: (position, sectors) => segments.table.free(position, sectors),
			freeNode: (place, bytes) => nodes.free(place, bytes),
			freePart: ({ place, count }) => nodes.free(place, count * DEAD_BYTES),
			gap: () => nodes.gap(),
		};
		this.descent = new Descent(space, new DeadLists(of));
	}

	born(position: number, sectors: number): void {
		this.#segments.table.born(position, sectors);
	}

	begins(line: number, origin?: Origin): void {
		this.descent.begins(line, origin);
	}

	merges(): void {
		this.descent.merges();
	}

	keeps(origin: Origin, end: number, stored?: StoredImage): void {
		this.descent.keeps(origin, end, stored);
	}

	merged(origin: Origin, sectors: number | undefined): number {
		return this.descent.merged(origin, sectors);
	}

	givesUp(origin: Origin): void {
		this.descent.givesUp(origin);
	}

	givesUpAll(origins: readonly Origin[]): void {
		this.descent.givesUpAll(origins);
	}

	get isSettled(): boolean {
		return this.descent.isIdle;
	}

	settle(nextTurn: NextTurn): Promise<void> {
		return this.descent.tell(nextTurn);
	}

	lingers(line: number): void {
		this.descent.ends.linger(line);
	}

	lapses(line: number): void {
		this.descent.lapses(line);
	}

	moves(text: string): boolean {
		const move = decodeMove(text);
		if (move === undefined || !isMoveOf(this.#segments.table, move)) return false;
		if (Math.max(move.slot, move.nextSlot) >= this.#segments.slots.limit) return false;
		this.#segments.table.move(move);
		return true;
	}
}

/** Of what was: nothing lives or dies because somebody looks at it. */
export const NO_LIFE: Life = {
	born: () => {},
	begins: () => {},
	merges: () => {},
	keeps: () => {},
	merged: () => 0,
	givesUp: () => {},
	givesUpAll: () => {},
	isSettled: true,
	settle: async () => {},
	lingers: () => {},
	lapses: () => {},
	moves: () => true,
};
