/**
 * Has what initiators set kept, before they are told that it is set: masks, reservations, config strings. Of a disk one thing is
 * kept at a time, and who comes meanwhile shares the next. Nobody waits longer than a second, but for what is told only when it is kept. Used by `worker.ts`, for what control keeps:
 * while that is away nobody waits, and what is not kept yet is told again when it is back; and by `blade-access.ts`, for what is in pools.
 */

import { type Clock, systemClock } from "../clock.js";

/** How long an initiator's answer may wait for it. */
const WAIT_LIMIT_MS = 1000;

/** How long whoever is not to be told before it is kept; control that has ended is there again by then. */
const LAST_LIMIT_MS = 10_000;
const AGAIN_MS = 500;

interface Turn {
	readonly kept: Promise<boolean>;
	/** What has been set since. */
	next: Promise<boolean> | undefined;
}

/** Has it kept what is set on the disk at present; undefined: there is nobody who could. */
type AskToKeep<Disk> = (disk: Disk) => Promise<unknown> | undefined;

export class SetKeeping<Disk> {
	readonly #ask: AskToKeep<Disk>;
	readonly #clock: Clock;
	readonly #turns = new Map<Disk, Turn>();

	constructor(ask: AskToKeep<Disk>, clock: Clock = systemClock) {
		this.#ask = ask;
		this.#clock = clock;
	}

	/** Resolves when it is kept, or to false: nobody waits any longer, or it can't be kept. */
	keep(disk: Disk): Promise<boolean> | undefined {
		const turn = this.#turns.get(disk);
		if (turn === undefined) return this.#within(this.#begin(disk));
		turn.next ??= turn.kept.then(() => this.#begin(disk) ?? false);
		return this.#within(turn.next);
	}

	#begin(disk: Disk): Promise<boolean> | undefined {
		this.#turns.delete(disk);
		const kept = this.#ask(disk)?.then(
			() => true,
			// It is away, or storage failed: what control has heard it goes on keeping.
			() => false,
		);
		if (kept === undefined) return undefined;
		const turn: Turn = { kept, next: undefined };
		this.#turns.set(disk, turn);
		void kept.then(() => {
			if (turn.next === undefined) this.#turns.delete(disk);
		});
		return kept;
	}

	#within(kept: Promise<boolean> | undefined): Promise<boolean> | undefined {
		if (kept === undefined) return undefined;
		return new Promise((resolve) => {
			const forgetLimit = this.#clock.after(WAIT_LIMIT_MS, () => resolve(false));
			void kept.then((isKept) => {
				forgetLimit();
				resolve(isKept);
			});
		});
	}
}

/** Again and again, as `SetKeeping.keep` does it once. Resolves to false if it can't be kept in time. */
export async function keptAtLast(
	keep: () => Promise<boolean> | undefined,
	clock: Clock = systemClock,
): Promise<boolean> {
	const endMs = clock.now() + LAST_LIMIT_MS;
	while (!(await keep())) {
		if (clock.now() >= endMs) return false;
		await new Promise<void>((resolve) => {
			clock.after(AGAIN_MS, resolve);
		});
	}
	return true;
}
