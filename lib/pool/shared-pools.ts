/**
 * Which pools the users of one engine have open: one object for each, from when somebody first wants it until the last one has let it go. Used by
 * `openings.ts`, which says how they are opened.
 */

import type { StorageEngine } from "../block/engine.js";
import type { Pool } from "./pool.js";

/** What was found right is looked at again after once or twice so long. */
const BELIEVED_MS = 30_000;

/** A pool, from when somebody first wants it until it is closed. */
export class SharedPool {
	/** Those who have it, or wait for it. */
	users = 0;
	/** Why nobody comes to use it any more: another host has it, and here it is closed as soon as all have released it. */
	lost: string | undefined;
	/** It is opened anew as soon as that is so. */
	isRenewed = false;
	/** The same is to be so, once nothing of it is open. */
	isOld = false;
	readonly opening: Promise<Pool>;
	/** Resolves when it was closed; rejects if that has failed. */
	readonly closed: Promise<void>;
	#close: (closing: Promise<void>) => void = () => {};
	#aging: NodeJS.Timeout | undefined;

	/** `before`: what has to be over first: it may still be being closed. */
	constructor(open: () => Promise<Pool>, before: Promise<void>) {
		// (Why that has failed others are told; what of it is in the way is found by who opens it.)
		this.opening = before.catch(() => {}).then(open);
		this.closed = new Promise((resolve) => {
			this.#close = resolve;
		});
		// (Whoever closes it hears of it as well, and maybe nobody else.)
		this.closed.catch(() => {});
		this.opening.then(
			(pool) => {
				this.#aging = setInterval(() => pool.age(), BELIEVED_MS);
				this.#aging.unref();
			},
			() => undefined,
		);
	}

	async settle(): Promise<void> {
		const pool = await this.opening.catch(() => undefined);
		await pool?.space.settle();
	}

	close(): Promise<void> {
		clearInterval(this.#aging);
		this.#close(this.#closePool());
		return this.closed;
	}

	async #closePool(): Promise<void> {
		const pool = await this.opening.catch(() => undefined);
		await pool?.close();
	}
}

/** The pools of one engine, by path. */
export class SharedPools {
	readonly #pools = new Map<string, SharedPool>();
	/** Those that are being closed. */
	readonly #closing = new Map<string, Promise<void>>();

	/** Counts the caller in: `release` has to follow. */
	take(key: string, open: () => Promise<Pool>): SharedPool {
		const shared = this.#pools.get(key) ?? new SharedPool(open, this.#closing.get(key) ?? Promise.resolve());
		this.#pools.set(key, shared);
		shared.users++;
		return shared;
	}

	find(key: string): SharedPool | undefined {
		return this.#pools.get(key);
	}

	all(): SharedPool[] {
		return [...this.#pools.values()];
	}

	async release(key: string, shared: SharedPool): Promise<void> {
		if (--shared.users > 0) return;
		this.#pools.delete(key);
		const closing = shared.close();
		this.#closing.set(key, closing);
		try {
			await closing;
		} finally {
			if (this.#closing.get(key) === closing) this.#closing.delete(key);
		}
	}
}

const engines = new WeakMap<StorageEngine, SharedPools>();

export function sharedPoolsOf(engine: StorageEngine): SharedPools {
	const pools = engines.get(engine) ?? new SharedPools();
	engines.set(engine, pools);
	return pools;
}
