/**
 * A pool that another host has, of which this one is asked for what only its host can do: whoever has it is asked for it until it is here, and, if it does not
 * come, not again for a while, in which whoever asks here is told to ask there. Of each `Seat`.
 */

import type { Clock } from "../clock.js";
import { OperatorError } from "../errors.js";
import { pause } from "../object/attempts.js";

/** A handover takes less than a second, and one that was had only just now stays for a second. */
const AGAIN_MS = 500;
/** Initiators wait for so long, and longer for few things. */
const LIMIT_MS = 10_000;
const NOT_AGAIN_MS = 5_000;
/** Whether it has come is looked at so often. */
const LOOK_MS = 20;

export interface WantedHereOf {
	readonly clock: Clock;
	/** Another host has it, and it is not on its way. */
	readonly isThere: () => boolean;
	/** Says to whoever has it that it is wanted here. Throws an OperatorError. */
	readonly askFor: (signal: AbortSignal) => Promise<void>;
}

export class WantedHere {
	readonly #of: WantedHereOf;
	readonly #coming = new Map<object, Promise<boolean>>();
	#asking: AbortController | null = null;
	#isEnded = false;
	#notBeforeMs = Number.NEGATIVE_INFINITY;

	constructor(of: WantedHereOf) {
		this.#of = of;
	}

	/** Somebody wants that, of a volume, which `isHere` when it can be done. Resolves to whether it has come. Null: it did not of late. */
	want(volume: object, isHere: () => boolean): Promise<boolean> | null {
		if (this.#of.clock.now() < this.#notBeforeMs) return null;
		if (this.#asking === null) void this.#ask();
		const before = this.#coming.get(volume);
		if (before !== undefined) return before;
		const coming = this.#comes(isHere);
		this.#coming.set(volume, coming);
		void coming.then(() => this.#coming.delete(volume));
		return coming;
	}

	async #comes(isHere: () => boolean): Promise<boolean> {
		const { clock } = this.#of;
		const { signal } = new AbortController();
		for (const untilMs = clock.now() + LIMIT_MS; clock.now() < untilMs && !isHere() && !this.#isEnded; )
			await pause(clock, LOOK_MS, signal);
		return isHere();
	}

	async #ask(): Promise<void> {
		const { clock, isThere, askFor } = this.#of;
		const asking = new AbortController();
		this.#asking = asking;
		const forgetLimit = clock.after(LIMIT_MS, () => {
			this.#notBeforeMs = clock.now() + NOT_AGAIN_MS;
			asking.abort(new OperatorError("it does not come"));
		});
		while (isThere() && !asking.signal.aborted) {
			await askFor(asking.signal).catch(unlessBug);
			await pause(clock, AGAIN_MS, asking.signal).catch(() => {});
		}
		forgetLimit();
		this.#asking = null;
	}

	/** Nobody wants anything any more. */
	end(): void {
		this.#isEnded = true;
		this.#asking?.abort(new OperatorError("it is not wanted any more"));
	}
}

function unlessBug(error: unknown): void {
	if (!(error instanceof OperatorError)) throw error;
}
