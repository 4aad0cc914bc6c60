/**
 * One request on its way: sent, sent again with a new tag while nothing comes back, and over with the first answer to any of
 * its tags or at its deadline. Made by `Initiator.ask`.
 *
 * A write that was sent several times may be carried out several times. A copy of it that is still on its way when the next
 * write to the same place is answered would bring the old data back, and no target can tell: tags mean nothing to it. So a
 * request that changes the disk is not over before each of its copies has been answered, or has been on its way for longer
 * than the network keeps a frame. That takes time only where frames were lost or late.
 */

import { AoeFlag, aoeError, aoeVersionFlags } from "../aoe/header.js";
import type { Clock } from "../clock.js";
import type { Link } from "../link/link.js";
import { BadAnswerError, InitiatorError, NoAnswerError, RefusedError } from "./errors.js";
import type { Query } from "./query.js";
import type { RoundTrip } from "./round-trip.js";

/** Where a request goes. */
export interface Route {
	/** May be 0xffff, for every shelf. */
	readonly shelf: number;
	/** May be 0xff, for every slot. */
	readonly slot: number;
	/** The target's address, or broadcast. */
	readonly mac: number;
	/** The link's number for the target, or `ALL_PEERS`. */
	readonly peer: number;
	/** What is known of the time answers take. */
	readonly roundTrip: RoundTrip;
}

/** Gets an answer. The bytes hold for the call only. */
export type AnswerReceiver = (bytes: Uint8Array, at: number, frameBytes: number, peer: number) => void;

/** The initiator as a disk sees it. */
export interface Asker {
	readonly clock: Clock;
	readonly link: Link;
	/** Sends a request until it is answered. Rejects with an InitiatorError. */
	ask<T>(route: Route, query: Query<T>): Promise<T>;
}

/** The initiator as a request sees it. */
export interface Sender {
	readonly clock: Clock;
	/** Longest time a frame is on its way, in milliseconds; what has not come by then never will. */
	readonly frameLifetimeMs: number;
	/** Sends a frame with a new tag, and returns the tag. Answers to it go to `receiver` until it is forgotten. */
	send(route: Route, query: Query<unknown>, receiver: AnswerReceiver): number;
	forget(tag: number): void;
}

export class PendingRequest<T> {
	/** Settles when the request is over. */
	readonly answer: Promise<T>;
	/** Frames sent. */
	attempts = 0;

	readonly #sender: Sender;
	readonly #route: Route;
	readonly #query: Query<T>;
	readonly #endMs: number;
	/** Tags without an answer, and when the last of them was sent. */
	readonly #unanswered = new Set<number>();
	#lastSentMs = 0;
	/** The answer, once it is there. */
	#result: { readonly value: T } | null = null;
	#cancelTimer: () => void = () => {};
	#resolve!: (value: T) => void;
	#reject!: (error: unknown) => void;

	constructor(sender: Sender, route: Route, query: Query<T>, deadlineMs: number) {
		this.#sender = sender;
		this.#route = route;
		this.#query = query;
		this.#endMs = sender.clock.now() + deadlineMs;
		this.answer = new Promise((resolve, reject) => {
			this.#resolve = resolve;
			this.#reject = reject;
		});
	}

	/** Sends the request, for the first time or again. */
	send(): void {
		const { clock } = this.#sender;
		const sentMs = clock.now();
		const leftMs = this.#endMs - sentMs;
		if (leftMs <= 0) {
			this.fail(new NoAnswerError(`${this.#query.what}: no answer`));
			return;
		}
		const receiver: AnswerReceiver = (bytes, at, frameBytes, peer) => {
			this.#route.roundTrip.measured(clock.now() - sentMs);
			this.#sender.forget(tag);
			this.#unanswered.delete(tag);
			if (this.#result === null) this.#answered(bytes, at, frameBytes, peer);
			else if (this.#unanswered.size === 0) this.#succeed(this.#result.value);
		};
		const tag = this.#sender.send(this.#route, this.#query, receiver);
		this.#unanswered.add(tag);
		this.#lastSentMs = sentMs;
		const waitMs = Math.min(this.#route.roundTrip.timeoutMs(this.attempts), leftMs);
		this.attempts += 1;
		this.#cancelTimer = clock.after(waitMs, () => this.send());
	}

	/** Ends the request without an answer. */
	fail(error: unknown): void {
		this.#end();
		this.#reject(error);
	}

	#answered(bytes: Uint8Array, at: number, frameBytes: number, peer: number): void {
		const { what } = this.#query;
		if ((aoeVersionFlags.get(bytes, at) & AoeFlag.error) !== 0) {
			this.fail(new RefusedError(what, aoeError.get(bytes, at)));
			return;
		}
		try {
			const value = this.#query.decode(bytes, at, frameBytes, peer);
			this.#awaitCopies(value);
		} catch (error) {
			this.fail(error instanceof InitiatorError ? error : new BadAnswerError(`${what}: ${error}`));
		}
	}

	/** The request has been carried out. If it matters, waits for its other copies before it says so. */
	#awaitCopies(value: T): void {
		const { clock, frameLifetimeMs } = this.#sender;
		const leftMs = this.#lastSentMs + frameLifetimeMs - clock.now();
		if (this.#query.changes !== true || this.#unanswered.size === 0 || leftMs <= 0) {
			this.#succeed(value);
			return;
		}
		this.#result = { value };
		this.#cancelTimer();
		this.#cancelTimer = clock.after(leftMs, () => this.#succeed(value));
	}

	#succeed(value: T): void {
		this.#end();
		this.#resolve(value);
	}

	#end(): void {
		this.#cancelTimer();
		for (const tag of this.#unanswered) this.#sender.forget(tag);
	}
}
