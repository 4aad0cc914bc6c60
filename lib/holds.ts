/**
 * What initiators of one protocol have reserved of a disk, as the other protocols see it. Each protocol keeps reservations in its own way, and sets
 * here what they leave to others; those ask here before they do something. Of each `Disk`.
 */

/** What others may not do: nothing is held; they may not write; they may do nothing. */
export const Hold = { none: 0, writing: 1, all: 2 } as const;
export type Hold = (typeof Hold)[keyof typeof Hold];

/** Whether it keeps others from reading, or from what `changes` something. */
export function keepsFrom(hold: Hold, changes: boolean): boolean {
	return hold === Hold.all || (hold === Hold.writing && changes);
}

/** Whose reservations these are. */
export type Holder = "aoe" | "scsi";

export class Holds {
	/** For the way of every request. */
	isAny = false;
	/** By what keeps the reservations: a disk may have several addresses, each with its own. */
	readonly #held = new Map<object, readonly [Holder, Hold]>();
	/** What each has. */
	readonly #most: Record<Holder, Hold> = { aoe: Hold.none, scsi: Hold.none };

	/** From now on, whatever was. */
	set(keeper: object, holder: Holder, hold: Hold): void {
		if (hold === Hold.none) this.#held.delete(keeper);
		else this.#held.set(keeper, [holder, hold]);
		this.isAny = this.#held.size > 0;
		this.#most.aoe = this.#most.scsi = Hold.none;
		for (const [by, each] of this.#held.values()) if (each > this.#most[by]) this.#most[by] = each;
	}

	/** What somebody may not do who comes by that protocol; `holder` is left out by one that has no reservations. */
	against(holder?: Holder): Hold {
		const { aoe, scsi } = this.#most;
		if (holder === "aoe") return scsi;
		return holder === "scsi" || aoe > scsi ? aoe : scsi;
	}

	/** Somebody who comes by that protocol (as `against`) may not read, or, if it `changes` something, not do so. */
	forbids(changes: boolean, holder?: Holder): boolean {
		if (!this.isAny) return false;
		const hold = this.against(holder);
		return keepsFrom(hold, changes);
	}
}
