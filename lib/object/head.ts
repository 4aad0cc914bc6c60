/**
 * A head: the one small value that says what a pool is, moved by compare-and-swap, so that of several who want to move it one does.
 * `Head` is one as its users see it, of a backend that tries once. A swap without an answer is never repeated blindly: the head is
 * read, and only if it still is what it was is the same swap asked for again, which can be done once at most. Made by whoever opens a
 * pool; all kinds pass `lib/testing/head-conformance.ts`.
 */

import { type Clock, systemClock } from "../clock.js";
import { unreachable } from "../errors.js";
import { Random } from "../random.js";
import { attempts, closing, type Limits, type Patience } from "./attempts.js";
import { ObjectError, ObjectFault } from "./errors.js";
import type { HeadBackend } from "./head-backend.js";
import { type Framed, framed, unframed } from "./head-frame.js";
import type { Call } from "./store.js";

/** Which value of the head: to be handed back as it is. */
export interface HeadRevision {
	readonly id: string;
	/** The how-manieth value it is, from 1. */
	readonly serial: number;
}

export interface HeadState {
	readonly revision: HeadRevision;
	/** Of whoever wrote it. */
	readonly nonce: Buffer;
	readonly bytes: Buffer;
}

export type Swapped =
	| { readonly outcome: "done"; readonly revision: HeadRevision }
	/** Nothing was changed, nor will be: what is there instead, if anything. */
	| { readonly outcome: "lost"; readonly current: HeadState | null }
	/** There was no answer. It may have been done, and others may have gone on from there, or may be done yet. */
	| {
			readonly outcome: "unknown";
			readonly current: HeadState | null | undefined;
			/** What there was in place of an answer, for people. */
			readonly why: string;
	  };

export interface HeadOptions {
	readonly clock?: Clock;
	readonly random?: Random;
	readonly limits?: Partial<Limits>;
}

const LIMITS: Limits = {
	attempts: 100,
	attemptMs: 3_000,
	limitMs: 15_000,
	firstPauseMs: 100,
	mostPauseMs: 1_000,
};

/** What is being put in the place of what. */
interface Wanted extends Framed {
	readonly before: HeadRevision | null;
}

/** What attempts have come to so far. */
interface Progress {
	/** Whether one of them had no answer: then it may have been done. */
	isUnsure: boolean;
	/** As it was last seen. */
	current: HeadState | null | undefined;
	/** What the last of them has met. */
	why: string | undefined;
}

export class Head {
	readonly #backend: HeadBackend;
	readonly #patience: Patience;
	readonly #closed = closing();

	constructor(
		backend: HeadBackend,
		{ clock = systemClock, random = new Random(), limits }: HeadOptions = {},
	) {
		this.#backend = backend;
		this.#patience = { clock, random, limits: { ...LIMITS, ...limits }, closed: this.#closed.signal };
	}

	get name(): string {
		return this.#backend.name;
	}

	/** Finds out whether the head can be relied on. To be called first. */
	open(call: Call = {}): Promise<void> {
		return this.#try("open", call, (signal) => this.#backend.open(signal));
	}

	/** Null: there is none yet. */
	read(call: Call = {}): Promise<HeadState | null> {
		return this.#try("read", call, (signal) => this.#read(signal));
	}

	/**
	 * Puts the bytes in the place of what `before` is (null: of nothing), by a nonce that was never used before. Rejects with an
	 * `ObjectError` only if nothing was changed, or with the reason of the call's signal.
	 */
	async swap(before: HeadRevision | null, bytes: Buffer, nonce: Buffer, call: Call = {}): Promise<Swapped> {
		const wanted = { before, bytes, nonce, serial: (before?.serial ?? 0) + 1 };
		const value = framed(wanted);
		const progress: Progress = { isUnsure: false, current: undefined, why: undefined };
		try {
			return await this.#try("swap", call, (signal) => this.#swap(wanted, value, progress, signal));
		} catch (error) {
			call.signal?.throwIfAborted();
			if (!progress.isUnsure || !(error instanceof ObjectError)) throw error;
			return { outcome: "unknown", current: progress.current, why: progress.why ?? error.message };
		}
	}

	/** One attempt; throws an `ObjectError` if another one may tell more. */
	async #swap(wanted: Wanted, value: Buffer, progress: Progress, signal: AbortSignal): Promise<Swapped> {
		if (progress.isUnsure) {
			const known = await this.#look(wanted, progress, signal);
			if (known !== undefined) return known;
		}
		const id = await this.#send(wanted, value, progress, signal);
		if (id !== null) return { outcome: "done", revision: { id, serial: wanted.serial } };
		const known = await this.#look(wanted, progress, signal);
		if (known !== undefined) return known;
		throw new ObjectError(ObjectFault.unavailable, `${this.name}: the head is what it was and is not`);
	}

	async #send(
		{ before }: Wanted,
		value: Buffer,
		progress: Progress,
		signal: AbortSignal,
	): Promise<string | null> {
		// Until there is an answer: the attempt may be given up meanwhile.
		const wasUnsure = progress.isUnsure;
		progress.isUnsure = true;
		try {
			const id = await this.#backend.swap(before?.id ?? null, value, signal);
			// (What comes later than that has no say any more.)
			if (!signal.aborted) progress.isUnsure = wasUnsure;
			return id;
		} catch (error) {
			const isUndone = error instanceof ObjectError && (error.isUndone || error.kind === ObjectFault.refused);
			if (isUndone && !signal.aborted) progress.isUnsure = wasUnsure;
			if (error instanceof ObjectError) progress.why = error.message;
			throw error;
		}
	}

	/** What became of a swap, as far as the head tells; undefined: the head is what it was before. */
	async #look(wanted: Wanted, progress: Progress, signal: AbortSignal): Promise<Swapped | undefined> {
		const current = await this.#read(signal);
		progress.current = current;
		if (current?.nonce.equals(wanted.nonce)) return { outcome: "done", revision: current.revision };
		if ((current?.revision.id ?? null) === (wanted.before?.id ?? null)) return undefined;
		// Others are where we would have been, and whatever of ours is on its way finds that; or they are farther, maybe by way of ours.
		const isLost = !progress.isUnsure || current?.revision.serial === wanted.serial;
		const { why = `${this.name}: others have gone on` } = progress;
		return isLost ? { outcome: "lost", current } : { outcome: "unknown", current, why };
	}

	async #read(signal: AbortSignal): Promise<HeadState | null> {
		const found = await this.#backend.read(signal);
		if (found === null) return null;
		const { nonce, serial, bytes } = unframed(this.name, found.value);
		return { revision: { id: found.id, serial }, nonce, bytes };
	}

	async close(): Promise<void> {
		this.#closed.abort(new ObjectError(ObjectFault.unavailable, `${this.name}: closed`));
		await this.#backend.close();
	}

	#try<T>(what: string, call: Call, once: (signal: AbortSignal) => Promise<T>): Promise<T> {
		return attempts(this.#patience, `${this.name}: ${what}`, call, mayHelp, once);
	}
}

/** Whether another attempt may come to something else. */
function mayHelp({ kind }: ObjectError): boolean {
	switch (kind) {
		case ObjectFault.unavailable:
			return true;
		case ObjectFault.damaged:
		case ObjectFault.absent:
		case ObjectFault.refused:
			return false;
		default:
			return unreachable(kind);
	}
}
