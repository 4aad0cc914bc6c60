/** How it stands with the servers that store disks. Kept by `disks.ts`, of those disks that are not stored here; told by `state.ts`. */

import type { Disk } from "../disk.js";
import type { SessionState } from "../nbd/remote/options.js";

export class Remotes {
	readonly #states = new Map<Disk, () => SessionState>();
	/** Of those that are gone. */
	#changes = 0;

	add(disk: Disk, state: () => SessionState): void {
		this.#states.set(disk, state);
	}

	forget(disk: Disk): void {
		this.#changes += changesOf(this.#states.get(disk));
		this.#states.delete(disk);
	}

	/** Undefined: it is stored here. */
	of(disk: Disk): SessionState | undefined {
		return this.#states.get(disk)?.();
	}

	/** Another number whenever something has changed; it only grows. */
	get changes(): number {
		let changes = this.#changes;
		for (const state of this.#states.values()) changes += changesOf(state);
		return changes;
	}
}

function changesOf(state: (() => SessionState) | undefined): number {
	if (state === undefined) return 0;
	const { changes, resends } = state();
	return changes + resends;
}
