/**
 * Counts requests under way by the zones of 64 KiB that they touch, hashed into a small table. For `ordering.ts`, which by it
 * clears nearly every request at the price of a look at one or two counters.
 */

export const ZONE_BYTES = 64 * 1024;
/** Entries of the table of zones; a power of two. Small: every blade has two of these tables. */
const ZONES = 256;
/** A request that touches more zones than this is wide: it is not counted by zone. */
const WIDE_ZONES = 16;

export class ZoneCounters {
	/** Requests under way by zone: all of them, and those that change something. */
	readonly #inZone = new Uint32Array(ZONES);
	readonly #changesInZone = new Uint32Array(ZONES);
	#wide = 0;

	/** False proves that nothing counted conflicts with a request on the zones from `first` to `last`. */
	mayConflict(first: number, last: number, changes: boolean): boolean {
		if (this.#wide > 0 || last - first >= WIDE_ZONES) return true;
		const counters = changes ? this.#inZone : this.#changesInZone;
		for (let zone = first; zone <= last; zone++) if (counters[zone & (ZONES - 1)] !== 0) return true;
		return false;
	}

	/** Enters a request into the counters (`by` is 1) or takes it out (-1). */
	count(first: number, last: number, changes: boolean, by: 1 | -1): void {
		if (last - first >= WIDE_ZONES) {
			this.#wide += by;
			return;
		}
		for (let zone = first; zone <= last; zone++) {
			const at = zone & (ZONES - 1);
			this.#inZone[at]! += by;
			if (changes) this.#changesInZone[at]! += by;
		}
	}
}
