/**
 * How disks stand is told by looks, once a second, and at once by the answer to whatever changes it. A look that was asked for before that
 * answer may have been answered before the change: what it says of the disk is old, and left out. Used by `tree-workers.ts`, one for
 * each life of a worker.
 */

import type { DiskView } from "./seams.js";

export class ToldViews {
	#looks = 0;
	/** By name of the disk: how many looks had been asked for when it was told by an answer. */
	readonly #told = new Map<string, number>();

	/** One is asked for. */
	looks(): void {
		this.#looks += 1;
	}

	/** How that disk stands has been told by an answer. */
	answered(disk: string): void {
		this.#told.set(disk, this.#looks);
	}

	/** Of what the look has told that was last asked for: what is not older than answers. */
	current(views: readonly DiskView[]): readonly DiskView[] {
		const current = views.filter(({ name }) => (this.#told.get(name) ?? 0) < this.#looks);
		for (const [name, looks] of this.#told) if (looks < this.#looks) this.#told.delete(name);
		return current;
	}
}
