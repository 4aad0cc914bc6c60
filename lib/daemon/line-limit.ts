/**
 * So many lines a minute and no more: what passes them is counted, and told of when the minute is over. For whatever tells the log of what
 * others on the network do, who must not fill it: `rival-log.ts`, `client-log.ts`.
 */

import type { Clock } from "../clock.js";

const MINUTE_MS = 60_000;

export class LineLimit {
	readonly #clock: Clock;
	readonly #linesPerMinute: number;
	readonly #tellRest: (untold: number) => void;
	#lines = 0;
	#untold = 0;
	#stopMinute: (() => void) | null = null;

	/** `tellRest` is called at the end of a minute in which there were more, with how many. */
	constructor(clock: Clock, linesPerMinute: number, tellRest: (untold: number) => void) {
		this.#clock = clock;
		this.#linesPerMinute = linesPerMinute;
		this.#tellRest = tellRest;
	}

	/** Whether there may be one more line; one that may not is counted. */
	mayTell(): boolean {
		this.#stopMinute ??= this.#clock.after(MINUTE_MS, () => this.#minuteOver());
		if (this.#lines < this.#linesPerMinute) {
			this.#lines += 1;
			return true;
		}
		this.#untold += 1;
		return false;
	}

	#minuteOver(): void {
		const untold = this.#untold;
		this.#stopMinute = null;
		this.#lines = 0;
		this.#untold = 0;
		if (untold > 0) this.#tellRest(untold);
	}

	close(): void {
		this.#stopMinute?.();
		this.#stopMinute = null;
	}
}
