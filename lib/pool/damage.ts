/**
 * What reads have found wrong of what a pool has stored, pages and nodes of its map, told by file and byte: who asked for it hears no more than where
 * it is on his disk. Each place once, and not more in half a minute than somebody reads. Told to by `stored-reads.ts` and the map's `frames.ts`;
 * handed on by `pool.ts`.
 */

import { counted } from "../text.js";
import type { Tree } from "./map/tree.js";
import type { Segments } from "./segments.js";
import type { PoolTold } from "./told.js";

/** Places that are told between two calls of `age`. */
const TOLD_MAX = 16;
/** And that are remembered: then it begins anew. */
const REMEMBERED_MAX = 4096;

interface WatchedPool {
	readonly tree: Tree;
	readonly segments: Pick<Segments, "mended" | "differing">;
	readonly nodes: { whenMended: (place: string) => void };
}

export class Damage {
	#tell: (told: PoolTold) => void = () => {};
	readonly #known = new Set<string>();
	#told = 0;
	#more = 0;
	/** What was found by whoever reads the log itself. */
	#elsewhere: WatchedPool["segments"] = { mended: [], differing: [] };
	/** The same of what was mended. */
	#mended = 0;

	/** `tell` hears of all that is found from now on, in its map too. */
	watch({ tree, nodes, segments }: WatchedPool, tell: (told: PoolTold) => void): void {
		this.#tell = tell;
		this.#elsewhere = segments;
		nodes.whenMended = (place) => this.mended(place, "a node of the map");
		tree.whenFailed(({ where, what }) => this.found(where, `a node of the map: ${what}`));
	}

	/** `place`: file and byte. */
	found(place: string, what: string): void {
		if (this.#known.has(place)) return;
		if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
		this.#known.add(place);
		if (this.#told++ < TOLD_MAX) this.#say(`${place}: ${what}`);
		else this.#more++;
	}

	/** What was wrong there has been found elsewhere, and written again. */
	mended(place: string, what = "a page"): void {
		if (this.#mended++ < TOLD_MAX)
			this.#tell({
				kind: "pool-damage",
				level: "warn",
				message: `${place}: ${what} did not have the checksum that it was written with; another copy did, and was written there again`,
			});
	}

	/** To be called every half minute. */
	age(): void {
		if (this.#more > 0)
			this.#say(`${counted(this.#more, "more place")} that can't be read; vblade pool scrub finds all`);
		this.#told = 0;
		this.#mended = 0;
		this.#more = 0;
		for (const [place, what] of this.#elsewhere.mended.splice(0)) this.mended(place, what);
		for (const [place, what] of this.#elsewhere.differing.splice(0)) this.found(place, what);
	}

	#say(message: string): void {
		this.#tell({ kind: "pool-damage", level: "error", message });
	}
}
