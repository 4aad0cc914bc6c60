/**
 * Has the latest events kept by the opener, so that this process, killed and started again, goes on with them: at once when something
 * has happened, and then not more often than once a second. What could not be kept is lost with this process, no more: whoever asks
 * for events after it is told that. Put together by `control.ts`.
 */

import { z } from "zod";
import type { Clock } from "../clock.js";
import type { EventLog, PastEvents } from "./event-log.js";
import { Event } from "./model.js";
import type { Keeper } from "./seams.js";
import { unlessBug } from "./thrown.js";

const FILE = "events.json";
const MOST = 1000;
const PAUSE_MS = 1000;

const Kept = z.object({
	/** Nothing came after them: that life ended as it should. */
	isWhole: z.boolean(),
	unsureAfter: z.number().optional(),
	events: z.array(Event).max(MOST),
});

/** What was kept; what can't be understood is as if it never was. */
export async function pastEvents(keeper: Keeper): Promise<PastEvents> {
	const bytes = await keeper.kept(FILE).catch(unlessBug);
	try {
		const text = new TextDecoder().decode(bytes ?? new Uint8Array(0));
		const { isWhole, unsureAfter, events } = Kept.parse(JSON.parse(text));
		return { events, unsureAfter: isWhole ? unsureAfter : events.at(-1)?.id };
	} catch {
		return { events: [], unsureAfter: undefined };
	}
}

export class EventKeeping {
	readonly #keeper: Keeper;
	readonly #events: EventLog;
	readonly #clock: Clock;
	readonly #deafen: () => void;
	#isWanted = false;
	#isPausing = false;
	#endPause = (): void => {};
	#keeping: Promise<unknown> = Promise.resolve();

	constructor(keeper: Keeper, events: EventLog, clock: Clock) {
		this.#keeper = keeper;
		this.#events = events;
		this.#clock = clock;
		this.#deafen = events.listen(() => this.#want());
	}

	#want(): void {
		this.#isWanted = true;
		if (this.#isPausing) return;
		this.#isPausing = true;
		// Those of one turn are kept together.
		this.#keeping = Promise.resolve().then(() => this.#keepThenPause());
	}

	async #keepThenPause(): Promise<void> {
		this.#isWanted = false;
		await this.#keep(false);
		this.#endPause = this.#clock.after(PAUSE_MS, () => {
			this.#isPausing = false;
			if (this.#isWanted) this.#want();
		});
	}

	/** Keeps what there is, as all that there will be. */
	async close(): Promise<void> {
		this.#deafen();
		await this.#keeping;
		this.#endPause();
		await this.#keep(true);
	}

	async #keep(isWhole: boolean): Promise<void> {
		const { unsureAfter } = this.#events.past;
		const text = JSON.stringify({ isWhole, unsureAfter, events: this.#events.latest(MOST) });
		// Events are not worth more words: whatever else is kept tells of a state that can't be.
		await this.#keeper.keep(FILE, new TextEncoder().encode(text)).catch(unlessBug);
	}
}
