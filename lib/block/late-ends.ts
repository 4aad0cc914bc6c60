/**
 * Ends of long lists of ranges that come in a turn that has cost enough (`lib/turn.ts`): each takes a list out of the index, and lets go whoever waited
 * for it. What workers have done comes together, however many lists that is, so the rest is left to the turns that follow. Of `ordering.ts`.
 */

import { turn } from "../turn.js";
import type { Place } from "./places.js";
import type { BlockRequest } from "./request.js";

export class LateEnds {
	readonly #end: (place: Place, request: BlockRequest) => void;
	#waiting: { readonly place: Place; readonly request: BlockRequest }[] = [];

	constructor(end: (place: Place, request: BlockRequest) => void) {
		this.#end = end;
	}

	/** True: it ends in a later turn. */
	take(place: Place, request: BlockRequest): boolean {
		if (place.stretches === 0 || !turn.isSpent) return false;
		if (this.#waiting.push({ place, request }) === 1) setImmediate(this.#next);
		return true;
	}

	readonly #next = (): void => {
		turn.begin();
		let ended = 0;
		for (const { place, request } of this.#waiting) {
			if (turn.isSpent) break;
			ended += 1;
			this.#end(place, request);
		}
		// (Whoever has come meanwhile is behind them.)
		this.#waiting = this.#waiting.slice(ended);
		if (this.#waiting.length > 0) setImmediate(this.#next);
	};
}
