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

/** Shelf and slot in one number of 24 bits, as frames have them. */
export function addressOf(shelf: number, slot: number): number {
	return (shelf << 8) | slot;
}

/** True for an address with a broadcast part, which no blade has. */
export function isForMany(address: number): boolean {
	return address >>> 8 === SHELF_ALL || (address & 0xff) === SLOT_ALL;
}

export class Registry {
	readonly #blades = new Map<number, Blade>();
	/** How often a blade was listed, or ceased to be. */
	changes = 0;

	/** Lists a blade. Throws an OperatorError if its address is taken. */
	add(blade: Blade): void {
		const { shelf, slot } = blade;
		const address = addressOf(shelf, slot);
		if (this.#blades.has(address))
			throw new OperatorError(`shelf ${shelf} slot ${slot} is given twice on one interface`);
		this.#blades.set(address, blade);
		this.changes += 1;
	}

	/** Unlists a blade, if it is listed. */
	remove(blade: Blade): void {
		if (this.has(blade) && this.#blades.delete(addressOf(blade.shelf, blade.slot))) this.changes += 1;
	}

	/** What is at exactly this address. */
	at(address: number): Blade | undefined {
		return this.#blades.get(address);
	}

	has(blade: Blade): boolean {
		return this.at(addressOf(blade.shelf, blade.slot)) === blade;
	}

	/**
	 * Everything that an address with broadcast parts means, in order of listing; undefined for each blade that it does not
	 * mean, so that whoever asks can pause in between. Linear: for discovery only.
	 */
	*match(address: number): IterableIterator<Blade | undefined> {
		const [shelf, slot] = [address >>> 8, address & 0xff];
		for (const blade of this.#blades.values()) {
			const isMeant =
				(shelf === SHELF_ALL || shelf === blade.shelf) && (slot === SLOT_ALL || slot === blade.slot);
			yield isMeant ? blade : undefined;
		}
	}

	get size(): number {
		return this.#blades.size;
	}

	values(): IterableIterator<Blade> {
		return this.#blades.values();
	}
}
