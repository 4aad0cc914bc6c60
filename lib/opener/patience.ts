/**
 * For what may hang: a file system whose server is gone answers nobody, for ever. It is begun once at a time, however many want it,
 * and each of them waits so long and no longer. Used by the opener, which all others wait for.
 */

import { OperatorError } from "../errors.js";

/** What `done` comes to. Throws an OperatorError if that takes longer: it goes on by itself then. */
export async function within<T>(limitMs: number, what: string, done: Promise<T>): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_resolve, reject) => {
		const give = (): void => reject(new OperatorError(`${what}: no answer within ${limitMs / 1000} s`));
		timer = setTimeout(give, limitMs);
	});
	try {
		return await Promise.race([done, late]);
	} finally {
		clearTimeout(timer);
	}
}

/** Something that is read. Whoever asks while that is being done gets what is read next, since it may have changed. */
export class OneAtATime<T> {
	readonly #read: () => Promise<T>;
	readonly #what: string;
	readonly #limitMs: number;
	#running: Promise<T> | undefined;
	#next: Promise<T> | undefined;

	constructor(what: string, limitMs: number, read: () => Promise<T>) {
		this.#read = read;
		this.#what = what;
		this.#limitMs = limitMs;
	}

	/** Throws what reading throws, or an OperatorError if that takes too long. */
	get(): Promise<T> {
		return within(
			this.#limitMs,
			this.#what,
			this.#running === undefined ? this.#begin() : this.#afterwards(),
		);
	}

	#begin(): Promise<T> {
		const running = this.#read().finally(() => {
			this.#running = undefined;
		});
		this.#running = running;
		return running;
	}

	#afterwards(): Promise<T> {
		const begin = (): Promise<T> => {
			this.#next = undefined;
			return this.#begin();
		};
		this.#next ??= this.#running?.then(begin, begin) ?? this.#begin();
		return this.#next;
	}
}
