/** Disks that are made of disks: how these lie in them, and in which order they are closed. Kept and asked by `disks.ts`; told by `state.ts`. */

import type { LinearPlace } from "../compound/linear.js";
import type { Disk } from "../disk.js";
import { compoundOf, heightOf } from "../spec/assembly.js";
import type { DiskSpec } from "../spec/spec.js";

export class Compounds {
	readonly #places = new Map<Disk, () => readonly LinearPlace[]>();

	add(disk: Disk, places: () => readonly LinearPlace[]): void {
		this.#places.set(disk, places);
	}

	forget(disk: Disk): void {
		this.#places.delete(disk);
	}

	/** Undefined: it is made of no others. */
	of(disk: Disk): readonly LinearPlace[] | undefined {
		return this.#places.get(disk)?.();
	}
}

interface Held {
	readonly spec: DiskSpec;
}

/** Those that this disk is a part of. */
export function usersOf<T extends Held>(name: string, disks: Iterable<T>): T[] {
	const isMadeOf = ({ spec: { storage } }: T): boolean =>
		compoundOf(storage)?.members.some((member) => member.name === name) ?? false;
	return [...disks].filter(isMadeOf);
}

/** What is made of others before these. */
export function inClosingOrder<T extends Held>(disks: readonly T[]): T[] {
	return [...disks].sort((one, other) => heightOf(other.spec) - heightOf(one.spec));
}
