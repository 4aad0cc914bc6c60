/**
 * When a pool's clock was ahead and then set back. Records come in order all the same, but what was written meanwhile has no sure time; who asks for
 * such a moment is told so. Kept in the log, so that it is known as long as moments of that time are. Made by `pool.ts`, asked by `moments.ts`.
 */

import { timeText } from "../text.js";
import type { Catalog } from "./catalog.js";
import type { ClockMark } from "./head.js";
import type { History } from "./history.js";
import type { Log } from "./log.js";
import { type ClockJump, encodeNote } from "./notes.js";
import { PendingNote } from "./pending-note.js";
import type { PoolClock } from "./pool-clock.js";
import type { PoolTold } from "./told.js";

export interface ClockJumpsOf {
	readonly clock: PoolClock;
	readonly catalog: Catalog;
	readonly history: Pick<History, "sureUs">;
	readonly log: Log;
	readonly tell: (told: PoolTold) => void;
}

export class ClockJumps {
	readonly #of: ClockJumpsOf;
	/** Those that the log does not have yet. */
	#unsaid: readonly ClockJump[] = [];
	#isSaying = false;

	constructor(of: ClockJumpsOf) {
		this.#of = of;
	}

	/** All that there are moments of, in order. */
	get all(): readonly ClockJump[] {
		this.#look();
		const { jumps } = this.#of.catalog;
		// (What is said is known before it is stable.)
		const isSaid = ({ sinceUs, untilUs }: ClockJump): boolean =>
			jumps.some((jump) => jump.sinceUs === sinceUs && jump.untilUs === untilUs);
		return [...jumps, ...this.#unsaid.filter((jump) => !isSaid(jump))];
	}

	/** The one in which a moment is. */
	at(timeUs: number): ClockJump | undefined {
		return this.all.find(({ sinceUs, untilUs }) => sinceUs < timeUs && timeUs < untilUs);
	}

	/** What holds what is written by now, and nothing that comes later: also when the clock was set back. */
	get presentUs(): number {
		return Math.max(this.#of.clock.now(), this.#of.log.cursor.timeUs);
	}

	/** Why the clock is not believed: what it shows, and what it should by what has passed. */
	get doubt(): PoolClock["doubt"] {
		return this.#of.clock.doubt;
	}

	/** It is believed from now on. */
	trust(): void {
		this.#of.clock.trust();
		this.tell();
	}

	/** What the next life goes by. */
	mark(): ClockMark | undefined {
		return this.#of.clock.mark();
	}

	/** Tells what was found out of the clock, and has the log say what is to be kept of that. To be called every half minute. */
	tell(): void {
		const { clock, tell, log } = this.#of;
		for (const told of clock.news()) tell(told);
		this.#look();
		const unsaid = this.#unsaid;
		if (unsaid.length === 0 || this.#isSaying) return;
		this.#isSaying = true;
		const notes = unsaid.map((jump) => encodeNote({ note: "clock", ...jump }));
		new PendingNote(log, notes).done
			.then(
				() => {
					this.#unsaid = this.#unsaid.filter((each) => !unsaid.includes(each));
				},
				// (It is said later.)
				() => {},
			)
			.finally(() => {
				this.#isSaying = false;
			});
	}

	#look(): void {
		const { clock, history, tell } = this.#of;
		for (const { sinceUs, backUs, untilUs } of clock.setBacks()) {
			const jump = { sinceUs: sinceUs ?? history.sureUs(backUs), untilUs };
			this.#unsaid = [...this.#unsaid, jump];
			const message = `the clock was set back from ${timeText(untilUs)} to ${timeText(backUs)}: ${unsureText(jump)}`;
			tell({ kind: "pool-clock", level: "warn", message });
		}
	}
}

export function unsureText({ sinceUs, untilUs }: ClockJump): string {
	return `what was written from ${timeText(sinceUs)} to ${timeText(untilUs)} has no sure time`;
}
