/**
 * Trying again, within limits: one attempt after the other, each with a limit of its own, a pause between two of them that doubles
 * and varies, and a limit for all together. Nothing here waits longer than it says, whatever a store or a file system does. Used by
 * `objects.ts` and `head.ts`, for every call.
 */

import { setMaxListeners } from "node:events";
import type { Clock } from "../clock.js";
import type { Random } from "../random.js";
import { ObjectError, ObjectFault } from "./errors.js";
import type { Slots } from "./slots.js";
import type { Call } from "./store.js";

export interface Limits {
	/** How often something is tried. */
	readonly attempts: number;
	/** For one attempt. */
	readonly attemptMs: number;
	/** For all of them, with the pauses. */
	readonly limitMs: number;
	/** The first pause, and the longest one. */
	readonly firstPauseMs: number;
	readonly mostPauseMs: number;
}

export interface Patience {
	readonly clock: Clock;
	readonly random: Random;
	readonly limits: Limits;
	/** Aborted when whatever is under way shall end. */
	readonly closed: AbortSignal;
	/** For how many attempts at once; left out: for all. */
	readonly slots?: Slots;
}

/** For `closed`: every call that is under way listens to it, and Node takes more than ten for a leak. */
export function closing(): AbortController {
	const controller = new AbortController();
	setMaxListeners(0, controller.signal);
	return controller;
}

/** A signal that is aborted when its time is over, or with one of others. `end` must be called. */
class Deadline {
	readonly #controller = new AbortController();
	readonly #cancel: () => void;
	readonly #followed: readonly AbortSignal[];
	readonly #follow = (): void => {
		const aborted = this.#followed.find((signal) => signal.aborted);
		if (aborted !== undefined) this.#controller.abort(aborted.reason);
	};

	constructor(clock: Clock, limitMs: number, what: string, followed: readonly AbortSignal[]) {
		this.#followed = followed;
		this.#cancel = clock.after(limitMs, () =>
			this.#controller.abort(new ObjectError(ObjectFault.unavailable, `${what}: not within ${limitMs} ms`)),
		);
		for (const signal of followed) signal.addEventListener("abort", this.#follow);
		this.#follow();
	}

	get signal(): AbortSignal {
		return this.#controller.signal;
	}

	end(): void {
		this.#cancel();
		for (const signal of this.#followed) signal.removeEventListener("abort", this.#follow);
	}
}

/** What `work` comes to, or the reason of `signal`: who does not hear it, as a disk that hangs, is not waited for. */
export function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
	return new Promise((resolve, reject) => {
		const aborted = (): void => reject(signal.reason);
		if (signal.aborted) {
			aborted();
			return;
		}
		signal.addEventListener("abort", aborted, { once: true });
		work()
			.then(resolve, reject)
			.finally(() => signal.removeEventListener("abort", aborted));
	});
}

/** Does `work`, which is told a signal that is aborted after `limitMs`, or with one of `followed`. */
export async function within<T>(
	clock: Clock,
	limitMs: number,
	what: string,
	followed: readonly AbortSignal[],
	work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
	const deadline = new Deadline(clock, limitMs, what, followed);
	try {
		return await unlessAborted(deadline.signal, () => work(deadline.signal));
	} finally {
		deadline.end();
	}
}

/** So many milliseconds; or the reason of `signal`. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
	let cancel = (): void => undefined;
	return unlessAborted(
		signal,
		() =>
			new Promise<void>((resolve) => {
				cancel = clock.after(ms, resolve);
			}),
	).finally(() => cancel());
}

/**
 * One attempt, whose time begins when there is a slot. That is free again when the work is over, also if nobody has waited for it so
 * long: what hangs below does not become more and more.
 */
async function attempt<T>(
	{ clock, limits, slots }: Patience,
	what: string,
	signal: AbortSignal,
	once: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
	const release = await slots?.take(signal);
	const begun: Promise<T>[] = [];
	const work = (own: AbortSignal): Promise<T> => {
		const promise = once(own);
		begun.push(promise);
		return promise;
	};
	try {
		return await within(clock, limits.attemptMs, what, [signal], work);
	} finally {
		if (release !== undefined) void Promise.allSettled(begun).then(release);
	}
}

/**
 * Calls `once` until it resolves, which is given the number of the attempt. An error that `mayHelp` is not true of is handed on, and
 * so is the last one. Rejects with the reason of the call's signal as soon as that is aborted.
 */
export async function attempts<T>(
	patience: Patience,
	what: string,
	call: Call,
	mayHelp: (error: ObjectError, number: number) => boolean,
	once: (signal: AbortSignal, number: number) => Promise<T>,
): Promise<T> {
	const { clock, random, limits, closed } = patience;
	const { limitMs = limits.limitMs } = call;
	const followed = call.signal === undefined ? [closed] : [call.signal, closed];
	let last: ObjectError | undefined;
	const all = async (signal: AbortSignal): Promise<T> => {
		for (let number = 0; ; number++) {
			try {
				return await attempt(patience, what, signal, (own) => once(own, number));
			} catch (error) {
				signal.throwIfAborted();
				if (!(error instanceof ObjectError) || !mayHelp(error, number) || number + 1 >= limits.attempts)
					throw error;
				last = error;
			}
			const longestMs = Math.min(limits.mostPauseMs, limits.firstPauseMs * 2 ** number);
			// Many who have failed together do not come back together.
			await pause(clock, longestMs * (0.5 + random.next() / 2), signal);
		}
	};
	try {
		return await within(clock, limitMs, what, followed, all);
	} catch (error) {
		call.signal?.throwIfAborted();
		// What went wrong says more than that the time is over.
		throw last !== undefined && error instanceof ObjectError && error.kind === ObjectFault.unavailable
			? last
			: error;
	}
}
