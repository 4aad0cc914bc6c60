/**
 * What has happened, the latest thousands of it, for whoever asks or listens. Everything that others in this room have to tell goes
 * through here; the API sends it on, and `event-keeping.ts` has the latest kept, so that this process, started again, goes on with
 * them. Ids grow, also over a restart.
 */

import { oneLine } from "../text.js";
import type { Event, EventKind, Severity } from "./model.js";

const KEPT = 4096;
/** Ids that an earlier life of this process may have used after the last that was kept: more than one tells in a moment. */
const UNKEPT = 100_000;

/** What there is to tell; what it concerns, where that is one thing. */
export interface Happening {
	readonly kind: EventKind;
	readonly severity: Severity;
	readonly message: string;
	readonly disk?: string;
	/** POOL/VOLUME */
	readonly volume?: string;
	/** The path of a pool that has told it itself, of `volume` or of all: nobody is told that (`namedBy` of `pool-events.ts`). */
	readonly poolPath?: string;
	readonly link?: string;
	readonly initiator?: string;
	/** Milliseconds since 1970; default: now. */
	readonly atMs?: number;
	/** It is in the log already: another process has put it there. */
	readonly isLogged?: boolean;
}

/** What an earlier life of this process has told. */
export interface PastEvents {
	/** Oldest first. */
	readonly events: readonly Event[];
	/** The id of one of them after which others may be missing: a life ended there that could not keep its last. */
	readonly unsureAfter: number | undefined;
}

type Listener = (event: Event, isLogged: boolean) => void;

const NO_PAST: PastEvents = { events: [], unsureAfter: undefined };

export class EventLog {
	readonly #ring: Event[];
	readonly #listeners = new Set<Listener>();
	#nextId: number;

	constructor(
		readonly now: () => number = Date.now,
		readonly past = NO_PAST,
	) {
		this.#ring = [...past.events];
		const last = past.events.at(-1)?.id;
		// The time is above them all, unless the clock was set back.
		this.#nextId = Math.max(now(), last === undefined ? 0 : last + UNKEPT);
	}

	add({ atMs, message, isLogged = false, poolPath: _, ...what }: Happening): void {
		const at = new Date(atMs ?? this.now()).toISOString();
		const event: Event = { id: this.#nextId++, at, ...what, message: oneLine(message) };
		this.#ring.push(event);
		// In pieces: taking one from the front of an array moves all others.
		if (this.#ring.length >= 2 * KEPT) this.#ring.splice(0, KEPT);
		for (const listener of this.#listeners) listener(event, isLogged);
	}

	/** As `add`, unless the same of that moment was told already. */
	addOnce(happening: Happening & { readonly atMs: number }): void {
		const at = new Date(happening.atMs).toISOString();
		const message = oneLine(happening.message);
		if (!this.#ring.some((event) => event.at === at && event.message === message)) this.add(happening);
	}

	/** Those after the id, oldest first, and whether there were, or may have been, others in between. Without an id: the latest. */
	after(
		id: number | undefined,
		limit: number,
		wanted: (event: Event) => boolean = () => true,
	): {
		events: Event[];
		lost: boolean;
	} {
		if (id === undefined) return { events: this.#ring.filter(wanted).slice(-limit), lost: false };
		// One that was never told: all that there is.
		const from = id < this.#nextId ? this.#indexAfter(id) : 0;
		const events: Event[] = [];
		for (let at = from; at < this.#ring.length && events.length < limit; at++) {
			const event = this.#ring[at];
			if (event !== undefined && wanted(event)) events.push(event);
		}
		return { events, lost: this.#isLost(id, from) };
	}

	#indexAfter(id: number): number {
		const index = this.#ring.findIndex((event) => event.id > id);
		return index === -1 ? this.#ring.length : index;
	}

	#isLost(id: number, from: number): boolean {
		const { unsureAfter } = this.past;
		if (unsureAfter !== undefined && id <= unsureAfter) return true;
		const next = this.#ring[from]?.id ?? this.#nextId;
		return this.#ring[from - 1]?.id !== id && next !== id + 1;
	}

	/** Oldest first. */
	latest(most: number): readonly Event[] {
		return this.#ring.slice(-most);
	}

	/** Tells of all that follow, until the function returned is called. */
	listen(listener: Listener): () => void {
		this.#listeners.add(listener);
		return () => {
			this.#listeners.delete(listener);
		};
	}
}
