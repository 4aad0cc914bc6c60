/**
 * Changes of volumes and snapshots one after the other, each only if what it changes is still as whoever asks has seen it: by the ETags that
 * go with what is shown. Used by `api/volumes.ts` and `api/snapshots.ts`.
 */

import { hash } from "node:crypto";
import { volumeIn } from "../pool/past.js";
import type { NamedSnapshot, Volume } from "./model.js";
import type { Pools } from "./pools.js";
import { demandTag } from "./problem.js";

/** Of what can be changed; what was written since is no change. */
export function tagOfVolume(volume: Volume): string {
	return tagOf(volume);
}

export function tagOfSnapshot(snapshot: NamedSnapshot): string {
	return tagOf(snapshot);
}

/** What is so by what was written, or by what became of others. */
const UNSEEN = new Set(["usedBytes", "uniqueBytes", "sharedBytes", "historyBytes", "momentsFrom", "clones"]);

function tagOf(seen: object): string {
	const text = JSON.stringify(seen, (key, value: unknown) => (UNSEEN.has(key) ? undefined : value));
	return `"${hash("sha256", text).slice(0, 16)}"`;
}

export class VolumeTurns {
	readonly #pools: Pick<Pools, "volume" | "snapshot">;
	/** By name of the volume: when the last change of it is over. */
	readonly #turns = new Map<string, Promise<unknown>>();

	constructor(pools: Pick<Pools, "volume" | "snapshot">) {
		this.#pools = pools;
	}

	/** `name` is a volume's or a snapshot's. The next change waits for `over`, too, which is given what comes of this one. */
	change<T>(
		name: string,
		ifMatch: string | undefined,
		work: () => Promise<T>,
		over?: (done: T) => Promise<unknown>,
	): Promise<T> {
		const volume = volumeIn(name);
		const done = (this.#turns.get(volume) ?? Promise.resolve()).then(async () => {
			if (ifMatch !== undefined) demandTag(ifMatch, await this.#tagOf(name));
			return work();
		});
		const turn: Promise<unknown> = done
			.then(over)
			.catch(() => undefined)
			.then(() => {
				if (this.#turns.get(volume) === turn) this.#turns.delete(volume);
			});
		this.#turns.set(volume, turn);
		return done;
	}

	async #tagOf(name: string): Promise<string> {
		return name.includes("@")
			? tagOfSnapshot(await this.#pools.snapshot(name))
			: tagOfVolume(await this.#pools.volume(name));
	}
}
