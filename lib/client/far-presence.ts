/**
 * Whether the target at the other end of a link is there: since when it has been silent although it was asked, and whether another one has told all that it
 * serves the address now. Kept by `far-line.ts`, which sends what asks it and ends the line when it is gone.
 */

/** One that says nothing for so long, though asked, may have been started again. No machine is that fast. */
const SILENCE_MS = 2000;
/** The same once another one has told all that it serves the address now: what is there answers a ping, though its disk hangs. */
const ELSEWHERE_MS = 200;
/** An idle one is asked whether it is there. */
const PING_MS = 1000;

export class FarPresence {
	/** It is asked whether it is there, which a disk that hangs does not hide. */
	isPinging = false;
	/** When it last said anything at all. */
	#aliveMs: number;
	/** Since when, after that, there is something that it has not answered. */
	#askedMs: number | null = null;
	/** When another one has told that it serves the address, and this one had not answered something; null: not since it was last heard. */
	#elsewhereMs: number | null = null;

	constructor(nowMs: number) {
		this.#aliveMs = nowMs;
	}

	asked(nowMs: number): void {
		this.#askedMs ??= nowMs;
	}

	/** `isAsked`: there is something that it has not answered yet. */
	heard(nowMs: number, isAsked: boolean): void {
		this.#aliveMs = nowMs;
		this.#elsewhereMs = null;
		this.#askedMs = isAsked || this.isPinging ? nowMs : null;
	}

	/** Another one has told that it serves the address, which does not concern one that is not silent. True: it is to be asked whether it is there. */
	isDoubted(nowMs: number): boolean {
		if (this.#askedMs === null || this.#elsewhereMs !== null) return false;
		this.#elsewhereMs = nowMs;
		return !this.isPinging;
	}

	isGone(nowMs: number): boolean {
		if (this.#elsewhereMs !== null && nowMs - this.#elsewhereMs >= ELSEWHERE_MS) return true;
		return this.#askedMs !== null && nowMs - this.#askedMs >= SILENCE_MS;
	}

	isPingDue(nowMs: number): boolean {
		return !this.isPinging && nowMs - this.#aliveMs >= PING_MS;
	}
}
