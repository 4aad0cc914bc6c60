/**
 * Whether the medium of a unit can be used: it may be stopped, and if it is removable, taken out and put in again, unless somebody prevents that
 * (SBC-3, 5.25 and SPC-4, 6.16 of the commands that do so: `start-stop.ts`). Asked for each task that wants the medium.
 */

import type { Nexus } from "./nexus.js";
import { Asc } from "./protocol.js";

export class MediumState {
	isStopped = false;
	isEjected = false;
	/** Who prevents that it is taken out. */
	readonly #preventing = new Set<Nexus>();

	/** Why it can't be used; undefined: it can. */
	get trouble(): Asc | undefined {
		if (this.isEjected) return Asc.mediumNotPresent;
		return this.isStopped ? Asc.stopped : undefined;
	}

	get isPrevented(): boolean {
		return this.#preventing.size > 0;
	}

	prevent(nexus: Nexus, isOn: boolean): void {
		if (isOn) this.#preventing.add(nexus);
		else this.#preventing.delete(nexus);
	}

	/** Nobody prevents it any more: the unit is reset. */
	allow(): void {
		this.#preventing.clear();
	}
}
