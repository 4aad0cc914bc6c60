/**
 * Changes of volumes and snapshots one after the other, each only if what it changes is still as whoever asks has seen it: by the ETags that
 * go with what is shown. Used by `api/volumes.ts` and `api/snapshots.ts`.
 */

import { createHash, type Hash } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { volumeIn } from "../pool/past.js";
import type { NamedSnapshot, Volume } from "./model.js";
import type { Pools } from "./pools.js";
import { demandTag } from "./problem.js";

/** There may be thousands. */
const SNAPSHOTS_A_TURN = 64;

/** Of what can be changed; what was written since is no change. */
export async function tagOfVolume({ snapshots, ...volume }: Volume): Promise<string> {
	const sum = createHash("sha256").update(seenOf(volume));
	for (const [index, snapshot] of snapshots.entries()) {
		sum.update(seenOf(snapshot));
		if (index % SNAPSHOTS_A_TURN === SNAPSHOTS_A_TURN - 1) await turn();
	}
	return tagOf(sum);
}

export function tagOfSnapshot(snapshot: NamedSnapshot): string {
	return tagOf(createHash("sha256").update(seenOf(snapshot)));
}

/** What is so by what was written, or by what became of others. */
const UNSEEN = new Set([
	"usedBytes",
	"uniqueBytes",
	"sharedBytes",
	"historyBytes",
	"momentsFrom",
	"clones",
	"notice",
]);

function seenOf(whole: object): string {
	return JSON.stringify(whole, (key, value: unknown) => (UNSEEN.has(key) ? undefined : value));
}

function tagOf(sum: Hash): string {
	return `"${sum.digest("hex").slice(0, 16)}"`;
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
		const ended: Promise<unknown> = done
			.then(over)
			.catch(() => undefined)
			.then(() => {
				if (this.#turns.get(volume) === ended) this.#turns.delete(volume);
			});
		this.#turns.set(volume, ended);
		return done;
	}

	async #tagOf(name: string): Promise<string> {
		return name.includes("@")
			? tagOfSnapshot(await this.#pools.snapshot(name))
			: tagOfVolume(await this.#pools.volume(name));
	}
}
