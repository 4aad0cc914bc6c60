/**
 * What has happened, the latest thousands of it, for whoever asks or listens. Everything that others in this room have to tell goes
 * through here; the API sends it on. Ids grow, also over a restart of this process: they begin at the time in milliseconds, which is
 * more than one event a millisecond would have come to.
 */

import { oneLine } from "../text.js";
import type { Event, EventKind, Severity } from "./model.js";

const KEPT = 4096;

/** What there is to tell; what it concerns, where that is one thing. */
export interface Happening {
	readonly kind: EventKind;
	readonly severity: Severity;
	readonly message: string;
	readonly disk?: string;
	readonly link?: string;
	readonly initiator?: string;
	/** Milliseconds since 1970; default: now. */
	readonly atMs?: number;
}

type Listener = (event: Event) => void;

export class EventLog {
	readonly #ring: Event[] = [];
	readonly #listeners = new Set<Listener>();
	/** Of the first one that there may have been. */
	readonly #firstId: number;
	#nextId: number;

	constructor(readonly now: () => number = Date.now) {
		this.#firstId = now();
		this.#nextId = this.#firstId;
	}

	add({ atMs, message, ...what }: Happening): void {
		const at = new Date(atMs ?? this.now()).toISOString();
		const event: Event = { id: this.#nextId++, at, ...what, message: oneLine(message) };
		this.#ring.push(event);
		// In pieces: taking one from the front of an array moves all others.
		if (this.#ring.length >= 2 * KEPT) this.#ring.splice(0, KEPT);
		for (const listener of this.#listeners) listener(event);
	}

	/** Those after the id, oldest first, and whether there were others in between. Without an id: the latest. */
	after(
		id: number | undefined,
		limit: number,
		wanted: (event: Event) => boolean = () => true,
	): {
		events: Event[];
		lost: boolean;
	} {
		const oldest = this.#ring[0]?.id ?? this.#nextId;
		if (id === undefined) return { events: this.#ring.filter(wanted).slice(-limit), lost: false };
		// One of another life of this process, or of the future: all that there is.
		const known = id >= this.#firstId - 1 && id < this.#nextId;
		const from = known ? Math.max(0, id + 1 - oldest) : 0;
		const events: Event[] = [];
		for (let at = from; at < this.#ring.length && events.length < limit; at++) {
			const event = this.#ring[at];
			if (event !== undefined && wanted(event)) events.push(event);
		}
		return { events, lost: !known || id + 1 < oldest };
	}

	/** Tells of all that follow, until the function returned is called. */
	listen(listener: Listener): () => void {
		this.#listeners.add(listener);
		return () => {
			this.#listeners.delete(listener);
		};
	}
}
