/**
 * A head in memory, of a store that is as bad as a seed makes it: answers that are lost, swaps that are done long after who asked has
 * given up, silence. It keeps every value that it ever had. A backend of `Head`, for tests of whatever has one.
 */

import type { Clock } from "../clock.js";
import { pause } from "../object/attempts.js";
import { type ObjectOp, RequestCounts } from "../object/counts.js";
import { ObjectError, ObjectFault } from "../object/errors.js";
import type { HeadBackend, HeadValue } from "../object/head-backend.js";
import type { Random } from "../random.js";

/** Each is how likely it is, 0..1, for one request; left out: never. */
export interface HeadFaults {
	/** Nothing is done. */
	readonly refusal?: number;
	/** It is done, and the answer is lost. */
	readonly lostAnswer?: number;
	/** The answer is lost at once, and it is done later. */
	readonly late?: number;
	/** It never answers. */
	readonly silence?: number;
}

export interface MemoryHeadOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly faults?: HeadFaults;
	/** At most; how long each takes is chance. */
	readonly latencyMs?: number;
}

const LATE_MS = 10_000;

export class MemoryHead implements HeadBackend {
	readonly name = "memory head";
	readonly counts = new RequestCounts();
	/** The last one is what there is. */
	readonly values: Buffer[] = [];
	faults: HeadFaults;
	readonly #clock: Clock;
	readonly #random: Random;
	readonly #latencyMs: number;

	constructor({ clock, random, faults = {}, latencyMs = 0 }: MemoryHeadOptions) {
		this.#clock = clock;
		this.#random = random;
		this.#latencyMs = latencyMs;
		this.faults = faults;
	}

	async open(signal: AbortSignal): Promise<void> {
		await this.read(signal);
	}

	read(signal: AbortSignal): Promise<HeadValue | null> {
		return this.#do("read", signal, () => {
			const value = this.values.at(-1);
			return value === undefined ? null : { id: String(this.values.length), value };
		});
	}

	swap(id: string | null, value: Buffer, signal: AbortSignal): Promise<string | null> {
		return this.#do("swap", signal, () => {
			if (Number(id ?? 0) !== this.values.length) return null;
			this.values.push(Buffer.from(value));
			return String(this.values.length);
		});
	}

	async close(): Promise<void> {}

	#strikes(fault: keyof HeadFaults): boolean {
		return this.#random.chance(this.faults[fault] ?? 0);
	}

	async #do<T>(op: ObjectOp, signal: AbortSignal, work: () => T): Promise<T> {
		const beganMs = this.#clock.now();
		await pause(this.#clock, this.#random.below(this.#latencyMs + 1), signal);
		const away = new ObjectError(ObjectFault.unavailable, "memory head: no answer");
		if (this.#strikes("silence")) await pause(this.#clock, Number.MAX_SAFE_INTEGER, signal);
		if (this.#strikes("refusal")) throw away;
		if (this.#strikes("late")) {
			this.#clock.after(this.#random.below(LATE_MS), work);
			throw away;
		}
		const done = work();
		if (this.#strikes("lostAnswer")) throw away;
		this.counts.record(op, "ok", beganMs, this.#clock);
		return done;
	}
}
