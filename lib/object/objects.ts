/**
 * An object store as pools see it, of a backend that tries once: it tries again what may help, finds out what became of a PUT whose
 * answer was lost, tells an object that is absent from a container that is, and bounds how much is under way. Made by whoever opens
 * a store, with one of the backends of this room.
 */

import { type Clock, systemClock } from "../clock.js";
import { invariant, unreachable } from "../errors.js";
import { Random } from "../random.js";
import { attempts, closing, type Limits, type Patience } from "./attempts.js";
import type { ObjectBackend } from "./backend.js";
import { isEqual, lengthOf, listOf } from "./bytes.js";
import { ObjectError, ObjectFault } from "./errors.js";
import { Slots } from "./slots.js";
import {
	type ByteRange,
	type Bytes,
	type Call,
	checkName,
	type Listed,
	type ListOptions,
	OBJECT_MAX_BYTES,
	type ObjectStore,
	type PutOutcome,
	type ReadCall,
} from "./store.js";

export interface ObjectsOptions {
	readonly clock?: Clock;
	readonly random?: Random;
	readonly limits?: Partial<Limits>;
	/** Requests under way. */
	readonly atOnce?: number;
}

const LIMITS: Limits = {
	attempts: 10,
	attemptMs: 20_000,
	limitMs: 60_000,
	firstPauseMs: 50,
	mostPauseMs: 5_000,
};
const AT_ONCE = 32;
/** What was damaged on the way, or in one copy of several, is not so again and again. */
const DAMAGED_ATTEMPTS = 3;
const LIST_MOST = 1000;

export class Objects implements ObjectStore {
	readonly #backend: ObjectBackend;
	readonly #patience: Patience;
	readonly #closed = closing();

	constructor(backend: ObjectBackend, options: ObjectsOptions = {}) {
		const { clock = systemClock, random = new Random(), limits, atOnce = AT_ONCE } = options;
		this.#backend = backend;
		const { signal: closed } = this.#closed;
		this.#patience = { clock, random, limits: { ...LIMITS, ...limits }, closed, slots: new Slots(atOnce) };
	}

	get name(): string {
		return this.#backend.name;
	}

	open(call: Call = {}): Promise<void> {
		return this.#try("open", call, (signal) => this.#backend.open(signal));
	}

	async put(name: string, bytes: Bytes, call: Call = {}): Promise<PutOutcome> {
		checkName(name);
		const list = listOf(bytes);
		invariant(lengthOf(list) <= OBJECT_MAX_BYTES, `${name}: too long for an object`);
		return this.#try(`put ${name}`, call, async (signal) => {
			const done = await this.#backend.put(name, list, signal);
			if (done === "created") return done;
			// Ours, if the answer to an earlier attempt was lost, or to an earlier life's.
			if (!(await this.#holds(name, list, signal))) return "clash";
			await this.#backend.confirm?.(name, list, signal);
			return "same";
		});
	}

	async #holds(name: string, list: readonly Buffer[], signal: AbortSignal): Promise<boolean> {
		try {
			if ((await this.#backend.head(name, true, signal)) !== lengthOf(list)) return false;
			return await isEqual(list, await this.#backend.get(name, undefined, true, signal));
		} catch (error) {
			if (!(error instanceof ObjectError) || error.kind !== ObjectFault.absent) throw error;
			// Said to be there a moment ago: so nothing is known of it.
			throw new ObjectError(ObjectFault.unavailable, `${this.name}: ${name} is there and is not`);
		}
	}

	async get(name: string, range?: ByteRange, call: ReadCall = {}): Promise<Buffer> {
		checkName(name);
		if (range !== undefined) {
			const { offset, length } = range;
			invariant(Number.isSafeInteger(offset) && offset >= 0, `${name}: no offset`);
			invariant(Number.isInteger(length) && length > 0 && length <= OBJECT_MAX_BYTES, `${name}: no length`);
		}
		return this.#read(`get ${name}`, call, async (newest, signal) => {
			const bytes = await this.#backend.get(name, range, newest, signal);
			if (range !== undefined && bytes.length !== range.length)
				throw new ObjectError(
					ObjectFault.damaged,
					`${this.name}: ${name} has ${bytes.length} bytes where ${range.length} were asked for, from ${range.offset}`,
				);
			return bytes;
		});
	}

	async head(name: string, call: ReadCall = {}): Promise<number> {
		checkName(name);
		return this.#read(`head ${name}`, call, (newest, signal) => this.#backend.head(name, newest, signal));
	}

	async delete(names: readonly string[], call: Call = {}): Promise<void> {
		for (const name of names) checkName(name);
		const step = this.#backend.deletesAtOnce;
		for (let at = 0; at < names.length; at += step) {
			const some = names.slice(at, at + step);
			await this.#try(`delete ${some[0]}`, call, (signal) => this.#backend.delete(some, signal));
		}
	}

	async list(options: ListOptions = {}, call: Call = {}): Promise<Listed> {
		const { prefix = "", after = "", most = LIST_MOST } = options;
		invariant(Number.isInteger(most) && most > 0 && most <= LIST_MOST, `a list of ${most}`);
		return this.#try(`list ${prefix}`, call, (signal) => this.#backend.list(prefix, after, most, signal));
	}

	async close(): Promise<void> {
		this.#closed.abort(new ObjectError(ObjectFault.unavailable, `${this.name}: closed`));
		await this.#backend.close();
	}

	/** Of what can be read from one copy or another: if the first answer is no good, the newest is wanted. */
	#read<T>(
		what: string,
		call: ReadCall,
		once: (newest: boolean, signal: AbortSignal) => Promise<T>,
	): Promise<T> {
		return this.#try(what, call, async (signal, number) => {
			try {
				return await once(call.newest === true || number > 0, signal);
			} catch (error) {
				// Nothing is absent for want of the container.
				if (error instanceof ObjectError && error.kind === ObjectFault.absent)
					await this.#backend.present(signal);
				throw error;
			}
		});
	}

	#try<T>(what: string, call: Call, once: (signal: AbortSignal, number: number) => Promise<T>): Promise<T> {
		return attempts(this.#patience, `${this.name}: ${what}`, call, mayHelp, once);
	}
}

/** Whether another attempt may come to something else. */
function mayHelp({ kind }: ObjectError, number: number): boolean {
	switch (kind) {
		case ObjectFault.unavailable:
			return true;
		case ObjectFault.damaged:
			return number + 1 < DAMAGED_ATTEMPTS;
		case ObjectFault.absent:
		case ObjectFault.refused:
			return false;
		default:
			return unreachable(kind);
	}
}
