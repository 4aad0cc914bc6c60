/**
 * Looks at one worker, once a second: it is asked again when it has answered, and whoever wants to know the others meanwhile does not wait
 * for it. One that does not answer for seconds is said to be silent, until it does. Used by `tree-workers.ts`, one for each worker.
 */

import type { Look } from "./seams.js";

/** A worker that is busy answers in a fraction of that. */
const SILENT_MS = 3000;
const MISSES = 2;
/** How long those are waited for that are looked at together. */
const WAIT_MS = 500;

export class Looking {
	readonly #look: () => Promise<Look | undefined>;
	readonly #now: () => number;
	readonly #onChange: (isSilent: boolean) => void;
	#underWay: Promise<void> | null = null;
	/** What has come, and nobody has taken: it is told once. */
	#seen: Look | undefined;
	/** When it was first asked that has not answered since; undefined: it has. */
	#askedMs: number | undefined;
	/** How often there was no answer in a row: this process may have been asleep, and finds all questions old when it wakes. */
	#misses = 0;
	#isSilent = false;

	/**
	 * @param look resolves to undefined if there is no answer
	 * @param now milliseconds, of a clock that only goes on
	 */
	constructor(
		look: () => Promise<Look | undefined>,
		now: () => number,
		onChange: (isSilent: boolean) => void,
	) {
		this.#look = look;
		this.#now = now;
		this.#onChange = onChange;
	}

	/** It does not answer, as far as is known. */
	get isSilent(): boolean {
		return this.#isSilent;
	}

	/** Resolves when there is an answer, or none is expected any more. */
	begin(): Promise<void> {
		if (this.#seen !== undefined) return Promise.resolve();
		this.#underWay ??= this.#ask().finally(() => {
			this.#underWay = null;
		});
		return this.#underWay;
	}

	async #ask(): Promise<void> {
		this.#askedMs ??= this.#now();
		const look = await this.#look();
		if (look === undefined) return;
		this.#seen = look;
		this.#askedMs = undefined;
	}

	/** What it has answered since this was last called. */
	take(): Look | undefined {
		const seen = this.#seen;
		this.#seen = undefined;
		this.#misses = seen === undefined ? this.#misses + 1 : 0;
		const isLate = this.#askedMs !== undefined && this.#now() - this.#askedMs >= SILENT_MS;
		this.#note(isLate && this.#misses >= MISSES);
		return seen;
	}

	/** It is another one now, or none: nothing is expected of the one before. */
	forget(): void {
		this.#askedMs = undefined;
		this.#seen = undefined;
		this.#misses = 0;
		this.#isSilent = false;
	}

	#note(isSilent: boolean): void {
		if (isSilent === this.#isSilent) return;
		this.#isSilent = isSilent;
		this.#onChange(isSilent);
	}
}

/** What they have to tell that answer within a moment, and what has come late of the others. */
export async function lookAtAll(all: readonly Looking[]): Promise<Look[]> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<void>((resolve) => {
		timer = setTimeout(resolve, WAIT_MS);
	});
	try {
		await Promise.race([Promise.all(all.map((each) => each.begin())), late]);
	} finally {
		clearTimeout(timer);
	}
	return all.flatMap((each) => each.take() ?? []);
}
