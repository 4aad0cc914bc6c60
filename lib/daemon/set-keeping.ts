/**
 * Has control keep what initiators set, before they are told that it is set: masks, reservations, config strings. Of a disk one thing is
 * kept at a time, and who comes meanwhile shares the next. Nobody waits longer than a second, nor while control is away: what
 * is not kept yet is told again when it is back. Used by `worker.ts`.
 */

import { type Clock, systemClock } from "../clock.js";

/** How long an initiator's answer may wait for it. */
const WAIT_LIMIT_MS = 1000;

interface Turn {
	readonly kept: Promise<void>;
	/** What has been set since. */
	next: Promise<void> | undefined;
}

/** Has it kept what is set on the disk at present; undefined: there is nobody who could. */
type AskToKeep = (disk: string) => Promise<unknown> | undefined;

export class SetKeeping {
	readonly #ask: AskToKeep;
	readonly #clock: Clock;
	readonly #turns = new Map<string, Turn>();

	constructor(ask: AskToKeep, clock: Clock = systemClock) {
		this.#ask = ask;
		this.#clock = clock;
	}

	/** Resolves when it is kept, or nobody waits any longer. */
	keep(disk: string): Promise<void> | undefined {
		const turn = this.#turns.get(disk);
		if (turn === undefined) return this.#within(this.#begin(disk));
		turn.next ??= turn.kept.then(() => this.#begin(disk));
		return this.#within(turn.next);
	}

	#begin(disk: string): Promise<void> | undefined {
		this.#turns.delete(disk);
		const kept = this.#ask(disk)?.then(
			() => {},
			// It is away, or takes its time: what it has heard it goes on keeping.
			() => {},
		);
		if (kept === undefined) return undefined;
		const turn: Turn = { kept, next: undefined };
		this.#turns.set(disk, turn);
		void kept.then(() => {
			if (turn.next === undefined) this.#turns.delete(disk);
		});
		return kept;
	}

	#within(kept: Promise<void> | undefined): Promise<void> | undefined {
		if (kept === undefined) return undefined;
		return new Promise((resolve) => {
			const forgetLimit = this.#clock.after(WAIT_LIMIT_MS, resolve);
			void kept.then(() => {
				forgetLimit();
				resolve();
			});
		});
	}
}
