/** What only pools have that can be read and not changed: nothing in them becomes older, and whoever opens them can tell whether somebody reads. Used by `pool.ts` and `volume-stack.ts`. */

import { ofOneFate } from "./failed-sync.js";
import type { PoolWorld } from "./folder.js";
import type { PoolParts } from "./opening.js";
import { PoolClock } from "./pool-clock.js";

/** A pool's world and its clock; in that of one that can only be read it stays as late as it was when the last was written. */
export class Standing {
	readonly clock: PoolClock;
	readonly world: PoolWorld;
	#atUs: number | undefined;

	constructor(under: PoolWorld) {
		const { uptime: _, aged: __, ...others } = under;
		const still = { ...others, now: () => this.#atUs ?? under.now() };
		const world = under.onlyRead === undefined ? under : still;
		this.clock = new PoolClock(world);
		this.world = this.clock.worldOn(ofOneFate(world));
	}

	begin({ log, head }: Pick<PoolParts, "log" | "head">): void {
		this.#atUs = log.cursor.timeUs;
		this.clock.begin(log.cursor.timeUs, head.state.clock);
	}
}

/** How much of a pool is open. */
export class OpenCount {
	#count = 0;
	#whenNone: (() => void)[] = [];

	get isNone(): boolean {
		return this.#count === 0;
	}

	/** Resolves when nothing is, though something may be by then. */
	async untilNone(): Promise<void> {
		if (this.#count > 0) await new Promise<void>((resolve) => this.#whenNone.push(resolve));
	}

	/** One more; to be called when it is closed. */
	more(): () => void {
		this.#count++;
		let isOver = false;
		return () => {
			if (isOver) return;
			isOver = true;
			if (--this.#count > 0) return;
			for (const none of this.#whenNone.splice(0)) none();
		};
	}
}
