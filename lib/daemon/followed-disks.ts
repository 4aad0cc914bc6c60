/**
 * What a reload says of the disks of pools: one that is named since becomes a part, one that is no longer named is emptied and taken away. What is said
 * first is taken as it is, for commands may have added and removed disks since it was written. Used by `worker-pools.ts`.
 */

import type { PoolDisks } from "../pool/folder.js";

export class FollowedDisks {
	/** By path of the pool: what was said last, as far as it was followed. */
	readonly #said = new Map<string, readonly string[]>();

	/** Throws an OperatorError if it can't be followed now; what is said again is tried again. */
	async follow(pool: string, disks: PoolDisks, named: readonly string[]): Promise<void> {
		const before = this.#said.get(pool);
		this.#said.set(pool, before ?? named);
		if (before === undefined) return;
		const isPart = (name: string): boolean => disks.states.some(({ disk }) => disk === name);
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
