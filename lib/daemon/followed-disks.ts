/**
 * What a reload says of the disks of pools: one that is named since becomes a part, one that is no longer named is emptied and taken away. What is said
 * first is taken as it is, for commands may have added and removed disks since it was written; what is named and no part is told. Used by `worker-pools.ts`.
 */

import { OperatorError } from "../errors.js";
import type { PoolDisks } from "../pool/folder.js";
import { quote } from "../text.js";

export class FollowedDisks {
	/** By path of the pool: what was said last, as far as it was followed. */
	readonly #said = new Map<string, readonly string[]>();

	/** The pool has been made on these. */
	made(pool: string, named: readonly string[]): void {
		this.#said.set(pool, named);
	}

	/** Throws an OperatorError if it can't be followed now, or does not hold; what is said again is tried again. */
	async follow(pool: string, disks: PoolDisks, named: readonly string[]): Promise<void> {
		const before = this.#said.get(pool);
		const isPart = (name: string): boolean => disks.states.some(({ disk }) => disk === name);
		if (before === undefined) this.#said.set(pool, named);
		else await this.#change(pool, disks, before, named, isPart);
		const other = named.find((name) => !isPart(name));
		if (other !== undefined)
			throw new OperatorError(
				`disk ${quote(other)}: is named for the pool, and no part of it; vblade pool add makes it one, or take it out of its disks`,
			);
	}

	async #change(
		pool: string,
		disks: PoolDisks,
		before: readonly string[],
		named: readonly string[],
		isPart: (name: string) => boolean,
	): Promise<void> {
		for (const name of before) {
			if (named.includes(name)) continue;
			if (isPart(name)) await disks.remove(name);
			this.#note(pool, (said) => said.filter((each) => each !== name));
		}
		for (const name of named) {
			if (before.includes(name)) continue;
			if (isPart(name)) await disks.keep(name);
			else await disks.add(name, false);
			this.#note(pool, (said) => [...said, name]);
		}
	}

	#note(pool: string, change: (said: readonly string[]) => readonly string[]): void {
		this.#said.set(pool, change(this.#said.get(pool) ?? []));
	}
}
