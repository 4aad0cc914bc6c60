/**
 * The registry finds which blade is at an address, in constant time however many there are, and all that a broadcast address
 * means. One per link: a blade is listed on each link that it is served on. Filled, and asked for every frame, by the
 * target.
 */

import { OperatorError } from "../errors.js";
import type { Blade } from "./blade.js";

/** AoE addresses that mean "every shelf" and "every slot". */
export const SHELF_ALL = 0xffff;
export const SLOT_ALL = 0xff;

export class Registry {
	readonly #blades = new Map<number, Blade>();

	/** Lists a blade. Throws an OperatorError if its address is taken. */
	add(blade: Blade): void {
		const { shelf, slot } = blade;
		const key = (shelf << 8) | slot;
		if (this.#blades.has(key))
			throw new OperatorError(`shelf ${shelf} slot ${slot} is given twice on one interface`);
		this.#blades.set(key, blade);
	}

	/** Unlists a blade, if it is listed. */
	remove(blade: Blade): void {
		if (this.has(blade)) this.#blades.delete((blade.shelf << 8) | blade.slot);
	}

	/** What is at the address whose shelf is in the high 16 of 24 bits and whose slot is in the low 8, as frames have it. */
	at(address: number): Blade | undefined {
		return this.#blades.get(address);
	}

	/** What is at exactly this address. */
	lookup(shelf: number, slot: number): Blade | undefined {
		return this.at((shelf << 8) | slot);
	}

	has(blade: Blade): boolean {
		return this.lookup(blade.shelf, blade.slot) === blade;
	}

	/**
	 * Everything that an address with broadcast parts means, in order of listing; undefined for each blade that it does not
	 * mean, so that whoever asks can pause in between. Linear: for discovery only.
	 */
	*match(shelf: number, slot: number): IterableIterator<Blade | undefined> {
		for (const blade of this.#blades.values()) {
			const isMeant =
				(shelf === SHELF_ALL || shelf === blade.shelf) && (slot === SLOT_ALL || slot === blade.slot);
			yield isMeant ? blade : undefined;
		}
	}

	/** The shelves that have a blade. */
	shelves(): Set<number> {
		return new Set([...this.#blades.values()].map(({ shelf }) => shelf));
	}

	get size(): number {
		return this.#blades.size;
	}

	values(): IterableIterator<Blade> {
		return this.#blades.values();
	}
}
