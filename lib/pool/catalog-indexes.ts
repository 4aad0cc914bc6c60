/** Volumes by name, in order, and by lines that they have or had: what `catalog.ts` finds them by. Of thousands none goes through all. */

import { OperatorError } from "../errors.js";
import { quote } from "../text.js";

/** A volume, as far as it is known here. */
interface Known {
	readonly name: string;
	/** The line that it began with. */
	readonly born: number;
}

export class VolumesByName<Volume extends Known> {
	readonly #byName = new Map<string, Volume>();
	/** In order. Never handed out. */
	readonly #ordered: Volume[] = [];
	/** The same, as it was handed out; null: something has changed since. */
	#shown: readonly Volume[] | null = null;

	/** Stays as it is, whatever changes. */
	get all(): readonly Volume[] {
		this.#shown ??= [...this.#ordered];
		return this.#shown;
	}

	get count(): number {
		return this.#byName.size;
	}

	find(name: string): Volume | undefined {
		return this.#byName.get(name);
	}

	/** Throws an OperatorError if another one is called so. */
	put(volume: Volume): void {
		if (this.#byName.has(volume.name))
			throw new OperatorError(`there are two volumes that are called ${quote(volume.name)}`);
		this.#set(volume, 0);
	}

	/** One that has kept its name. */
	change(volume: Volume): void {
		this.#set(volume, 1);
	}

	#set(volume: Volume, instead: 0 | 1): void {
		this.#shown = null;
		this.#ordered.splice(this.#placeOf(volume.name), instead, volume);
		this.#byName.set(volume.name, volume);
	}

	remove({ name }: Known): void {
		this.#shown = null;
		this.#ordered.splice(this.#placeOf(name), 1);
		this.#byName.delete(name);
	}

	/** How many are before this name. */
	#placeOf(name: string): number {
		let low = 0;
		let high = this.#ordered.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (this.#ordered[middle]!.name < name) low = middle + 1;
			else high = middle;
		}
		return low;
	}
}

interface Owner<Volume> {
	volume: Volume;
	readonly lines: Set<number>;
}

/** Whose a line is: of the volume that goes by it, went by it, or has snapshots of it. Never of two. */
export class LineOwners<Volume extends Known> {
	readonly #byLine = new Map<number, Owner<Volume>>();
	/** By the line that a volume began with. */
	readonly #byBorn = new Map<number, Owner<Volume>>();

	of(line: number): Volume | undefined {
		return this.#byLine.get(line)?.volume;
	}

	born(line: number): Volume | undefined {
		return this.#byBorn.get(line)?.volume;
	}

	/** The volume, as it is now, has a line. */
	own(line: number, volume: Volume): void {
		let owner = this.#byBorn.get(volume.born);
		if (owner === undefined) {
			owner = { volume, lines: new Set() };
			this.#byBorn.set(volume.born, owner);
		}
		owner.volume = volume;
		owner.lines.add(line);
		this.#byLine.set(line, owner);
	}

	/** It is no more; its lines are those of `heir`, if there is one. */
	remove({ born }: Known, heir: Volume | undefined): void {
		for (const line of this.#byBorn.get(born)?.lines ?? [])
			if (heir === undefined) this.#byLine.delete(line);
			else this.own(line, heir);
		this.#byBorn.delete(born);
	}
}
