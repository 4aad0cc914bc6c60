/**
 * The registry finds what is at an address, in constant time however many blades there are, and all that a broadcast
 * address means. One per link: a blade is listed on each link that it is served on. Filled, and asked for
 * every frame, by the AoE target. `T` is what the protocol serves (for AoE: an `AtaDisk`).
 */

import { OperatorError } from "../errors.js";

/** AoE addresses that mean "every shelf" and "every slot". */
export const SHELF_ALL = 0xffff;
export const SLOT_ALL = 0xff;

export class Registry<T> {
	readonly #entries = new Map<number, T>();

	/** Lists `entry` under shelf (0..65534) and slot (0..254). Throws an OperatorError if the address is taken. */
	add(shelf: number, slot: number, entry: T): void {
		const key = (shelf << 8) | slot;
		if (this.#entries.has(key))
			throw new OperatorError(`shelf ${shelf} slot ${slot} is given twice on one interface`);
		this.#entries.set(key, entry);
	}

	remove(shelf: number, slot: number): void {
		this.#entries.delete((shelf << 8) | slot);
	}

	/** What is at the address whose shelf is in the high 16 of 24 bits and whose slot is in the low 8, as frames have it. */
	at(address: number): T | undefined {
		return this.#entries.get(address);
	}

	/** What is at exactly this address. */
	lookup(shelf: number, slot: number): T | undefined {
		return this.at((shelf << 8) | slot);
	}

	/**
	 * Everything that an address with broadcast parts means, in order of listing; undefined for each entry that it does not
	 * mean, so that whoever asks can pause in between. Linear: for discovery only.
	 */
	*match(shelf: number, slot: number): IterableIterator<T | undefined> {
		for (const [key, entry] of this.#entries) {
			const isMeant =
				(shelf === SHELF_ALL || shelf === key >>> 8) && (slot === SLOT_ALL || slot === (key & 0xff));
			yield isMeant ? entry : undefined;
		}
	}

	/** The shelves that have a blade. */
	shelves(): Set<number> {
		return new Set([...this.#entries.keys()].map((key) => key >>> 8));
	}

	get size(): number {
		return this.#entries.size;
	}

	values(): IterableIterator<T> {
		return this.#entries.values();
	}
}
