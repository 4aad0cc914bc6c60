/**
 * Who may have requests wait for the limit of a blade's disk. A request that waits has a room of its link, so a blade has places
 * for as many as its buffer count says. Each initiator that has some under way has an equal part of them, and at least one: else
 * one that asks all the time would have all of them, and another never find one free. What finds no place is dropped, and asked
 * again later: by then initiators have learnt to have fewer under way. Asked by `responder.ts`, for limited disks alone.
 */

/** The places that one initiator has. Kept by an exchange for as long as it is under way. */
export interface Holder {
	readonly mac: number;
	count: number;
	readonly places: Places;
}

export class Places {
	/** By MAC address. */
	readonly #holders = new Map<number, Holder>();
	#taken = 0;

	/** Whether an initiator may have one more; `places` are the blade's. */
	admits(mac: number, places: number): boolean {
		const held = this.#holders.get(mac)?.count ?? 0;
		const holders = this.#holders.size + (held === 0 ? 1 : 0);
		// Twice as many are the rooms that the link has for it: some for those that had all before another came.
		return this.#taken < 2 * places && held < Math.max(1, Math.floor(places / holders));
	}

	take(mac: number): Holder {
		let holder = this.#holders.get(mac);
		if (holder === undefined) {
			holder = { mac, count: 0, places: this };
			this.#holders.set(mac, holder);
		}
		holder.count += 1;
		this.#taken += 1;
		return holder;
	}

	give(holder: Holder): void {
		holder.count -= 1;
		this.#taken -= 1;
		if (holder.count === 0) this.#holders.delete(holder.mac);
	}
}
