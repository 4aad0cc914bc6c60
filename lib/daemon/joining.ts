/**
 * A worker's channel to control may end though both live, or never arrive, when one of them may have no more descriptors. Then another one is
 * asked for, again and again until there is one. Used by `worker.ts`.
 */

import { type Clock, systemClock } from "../clock.js";

/** A control that is started again is joined by then without being asked for. */
const PAUSE_MS = 5000;

export class Joining {
	readonly #isJoined: () => boolean;
	readonly #ask: () => Promise<unknown>;
	readonly #clock: Clock;
	#isWaiting = false;

	constructor(isJoined: () => boolean, ask: () => Promise<unknown>, clock: Clock = systemClock) {
		this.#isJoined = isJoined;
		this.#ask = ask;
		this.#clock = clock;
	}

	/** There is no channel. */
	lost(): void {
		if (this.#isWaiting) return;
		this.#isWaiting = true;
		this.#clock.after(PAUSE_MS, () => {
			this.#isWaiting = false;
			if (this.#isJoined()) return;
			// Whatever it is refused for, it may be had later.
			this.#ask().catch(() => {});
			this.lost();
		});
	}
}
