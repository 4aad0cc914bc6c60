/**
 * What is asked of a store is asked again until it is done: a store that is away is waited for, however long that is, and meanwhile it is told what does not get
 * on. One for whoever brings things there (`publisher.ts`), one for whoever fetches (`fetcher.ts`).
 */

import type { Clock } from "../../clock.js";
import { OperatorError } from "../../errors.js";
import { ObjectError } from "../../object/errors.js";

const PAUSE_FIRST_MS = 500;
const PAUSE_MOST_MS = 10_000;

export class Patience {
	readonly #clock: Clock;
	readonly #tell: (trouble: string | null) => void;
	/** What did not get on the last time; null: all does. */
	trouble: string | null = null;
	#isClosed = false;
	readonly #pauses = new Set<() => void>();

	/** `tell`: of another trouble than before, or that it is over. */
	constructor(clock: Clock, tell: (trouble: string | null) => void) {
		this.#clock = clock;
		this.#tell = tell;
	}

	/** What `act` comes to, however often it is tried. Throws an OperatorError if waiting does not help (`isOver`), or nobody waits any more. */
	async run<T>(act: () => Promise<T>, isOver: (error: Error, tried: number) => boolean): Promise<T> {
		let pauseMs = PAUSE_FIRST_MS;
		for (let tried = 1; ; tried++, pauseMs = Math.min(PAUSE_MOST_MS, 2 * pauseMs)) {
			try {
				const done = await act();
				this.#isTroubled(null);
				return done;
			} catch (error) {
				if (!(error instanceof ObjectError || error instanceof OperatorError)) throw error;
				if (isOver(error, tried) || this.#isClosed) throw new OperatorError(error.message);
				this.#isTroubled(error.message);
				await this.#pause(pauseMs);
			}
		}
	}

	#pause(pauseMs: number): Promise<void> {
		return new Promise((resolve) => {
			const over = (): void => {
				cancel();
				this.#pauses.delete(over);
				resolve();
			};
			const cancel = this.#clock.after(pauseMs, over);
			this.#pauses.add(over);
		});
	}

	#isTroubled(trouble: string | null): void {
		if (trouble === this.trouble) return;
		this.trouble = trouble;
		this.#tell(trouble);
	}

	/** What is under way is tried once more at most. */
	close(): void {
		this.#isClosed = true;
		for (const over of [...this.#pauses]) over();
	}
}
