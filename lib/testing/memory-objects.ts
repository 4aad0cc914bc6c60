/**
 * Objects in memory, of a store that is as bad as a seed makes it: answers that are late, lost, too short or garbled, requests that
 * are lost, carried out long after who asked has given up, or said to be of nothing that is there. On a virtual clock it takes no
 * time. A backend of `Objects`, for tests of whatever uses a store.
 */

import type { Clock } from "../clock.js";
import { pause } from "../object/attempts.js";
import type { ObjectBackend } from "../object/backend.js";
import { type ObjectOp, RequestCounts } from "../object/counts.js";
import { ObjectError, ObjectFault } from "../object/errors.js";
import type { ByteRange, Listed } from "../object/store.js";
import type { Random } from "../random.js";

/** Each is how likely it is, 0..1, for one request; left out: never. */
export interface ObjectFaults {
	/** Nothing is done, and it says so: 503. */
	readonly refusal?: number;
	/** It is done, and the answer is lost. */
	readonly lostAnswer?: number;
	/** The answer is lost at once, and it is done later. */
	readonly late?: number;
	/** It never answers. */
	readonly silence?: number;
	/** What is read ends too soon. */
	readonly short?: number;
	/** A bit of what is read is another one, and the store notices, as for all of an object. */
	readonly garbled?: number;
	/** A read that does not ask for the newest copy finds none. */
	readonly stale?: number;
}

export interface MemoryObjectsOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly faults?: ObjectFaults;
	/** At most; how long each takes is chance. */
	readonly latencyMs?: number;
}

const LATE_MS = 30_000;

export class MemoryObjects implements ObjectBackend {
	readonly name = "memory";
	readonly deletesAtOnce = 100;
	readonly counts = new RequestCounts();
	/** What there is. */
	readonly objects = new Map<string, Buffer>();
	/** While it is true, every request is refused, as if the store were away. */
	isAway = false;
	/** False: somebody has removed the container. */
	hasContainer = true;
	/** How many requests there are, and were at most. */
	underWay = 0;
	mostUnderWay = 0;
	readonly #clock: Clock;
	readonly #random: Random;
	readonly #latencyMs: number;
	faults: ObjectFaults;

	constructor({ clock, random, faults = {}, latencyMs = 0 }: MemoryObjectsOptions) {
		this.#clock = clock;
		this.#random = random;
		this.#latencyMs = latencyMs;
		this.faults = faults;
	}

	async open(signal: AbortSignal): Promise<void> {
		await this.#do("container", signal, () => {
			this.hasContainer = true;
		});
	}

	async present(signal: AbortSignal): Promise<void> {
		await this.#do("container", signal, () => {
			if (!this.hasContainer) throw new ObjectError(ObjectFault.refused, "memory: there is no container");
		});
	}

	put(name: string, bytes: readonly Buffer[], signal: AbortSignal): Promise<"created" | "exists"> {
		const copy = Buffer.concat(bytes);
		return this.#do("put", signal, () => {
			if (this.objects.has(name)) return "exists";
			this.objects.set(name, copy);
			return "created";
		});
	}

	async get(
		name: string,
		range: ByteRange | undefined,
		newest: boolean,
		signal: AbortSignal,
	): Promise<Buffer> {
		const whole = await this.#do("get", signal, () => this.#find(name, newest));
		const found = range === undefined ? whole : whole.subarray(range.offset, range.offset + range.length);
		if (range === undefined && this.#strikes("garbled"))
			throw new ObjectError(ObjectFault.damaged, `memory: ${name}: of another checksum`);
		if (range !== undefined && this.#strikes("short"))
			return Buffer.from(found.subarray(0, found.length >> 1));
		return Buffer.from(found);
	}

	head(name: string, newest: boolean, signal: AbortSignal): Promise<number> {
		return this.#do("head", signal, () => this.#find(name, newest).length);
	}

	async delete(names: readonly string[], signal: AbortSignal): Promise<void> {
		await this.#do("delete", signal, () => {
			for (const name of names) this.objects.delete(name);
		});
	}

	list(prefix: string, after: string, most: number, signal: AbortSignal): Promise<Listed> {
		return this.#do("list", signal, () => {
			const all = [...this.objects.keys()].filter((name) => name.startsWith(prefix) && name > after).sort();
			const names = all.slice(0, most);
			return { names, next: all.length > most ? names.at(-1) : undefined };
		});
	}

	async close(): Promise<void> {}

	#find(name: string, newest: boolean): Buffer {
		const found = this.hasContainer ? this.objects.get(name) : undefined;
		if (found === undefined || (!newest && this.#strikes("stale")))
			throw new ObjectError(ObjectFault.absent, `memory: ${name}: is not there`);
		return found;
	}

	#strikes(fault: keyof ObjectFaults): boolean {
		return this.#random.chance(this.faults[fault] ?? 0);
	}

	/** One request: whatever goes wrong with it, `work` is done at once, later, or never. */
	async #do<T>(op: ObjectOp, signal: AbortSignal, work: () => T): Promise<T> {
		const beganMs = this.#clock.now();
		this.underWay += 1;
		this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
		try {
			if (this.#latencyMs > 0) await pause(this.#clock, this.#random.below(this.#latencyMs), signal);
			const done = await this.#fate(signal, work);
			this.counts.record(op, "ok", beganMs, this.#clock);
			return done;
		} catch (error) {
			this.counts.record(op, error instanceof ObjectError ? error.kind : "error", beganMs, this.#clock);
			throw error;
		} finally {
			this.underWay -= 1;
		}
	}

	async #fate<T>(signal: AbortSignal, work: () => T): Promise<T> {
		const away = new ObjectError(ObjectFault.unavailable, "memory: no answer");
		if (this.isAway || this.#strikes("refusal")) throw away;
		if (this.#strikes("silence")) await pause(this.#clock, Number.MAX_SAFE_INTEGER, signal);
		if (this.#strikes("late")) {
			this.#clock.after(this.#random.below(LATE_MS), () => {
				try {
					work();
				} catch {
					// Nobody is there to be told.
				}
			});
			throw away;
		}
		const done = work();
		if (this.#strikes("lostAnswer")) throw away;
		return done;
	}
}
