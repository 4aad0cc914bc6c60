/** Disks that are made of disks: how these lie in them, and in which order they are closed. Kept and asked by `disks.ts`; told by `state.ts`. */

import type { BlockDevice } from "../block/device.js";
import type { LinearPlace } from "../compound/linear.js";
import type { Mirror } from "../compound/mirror/mirror.js";
import type { MemberStanding, MemberState } from "../compound/mirror/state.js";
import type { Disk } from "../disk.js";
import { compoundOf, heightOf } from "../spec/assembly.js";
import type { DiskSpec } from "../spec/spec.js";

export interface PartReport {
	/** Its name. */
	readonly disk: string;
	readonly offsetBytes: number;
	readonly sizeBytes: number;
	/** How it stands in its mirror; null: it is a part of none. */
	readonly mirrored: MirroredReport | null;
}

export interface MirroredReport {
	readonly standing: MemberStanding;
	/** Why it is not in sync. */
	readonly why: string | null;
	/** What it lacks at most; 0: nothing. */
	readonly behindBytes: number;
	/** Since when it lacks something, as ISO 8601. */
	readonly since: string | null;
	readonly errors: number;
	/** Ranges that were written again because they could not be read, or differed. */
	readonly repairs: number;
}

export class Compounds {
	readonly #places = new Map<Disk, () => readonly LinearPlace[]>();

	readonly #mirrors = new Map<Disk, Mirror>();
	#changes = 0;

	addMirror(disk: Disk, mirror: Mirror): void {
		this.#mirrors.set(disk, mirror);
	}

	/** Undefined: it is no mirror. */
	mirrorOf(disk: Disk): Mirror | undefined {
		return this.#mirrors.get(disk);
	}

	/** One of its disks is open that was not. */
	attach(disk: Disk, name: string, device: BlockDevice): void {
		const mirror = this.#mirrors.get(disk);
		const absent = mirror?.state.members.find((member) => member.name === name && member.state === "absent");
		if (absent !== undefined) mirror?.attach(absent.index, device);
	}

	add(disk: Disk, places: () => readonly LinearPlace[]): void {
		this.#places.set(disk, places);
	}

	forget(disk: Disk): void {
		this.#places.delete(disk);
		this.#mirrors.delete(disk);
	}

	/** Null: it is made of no others. */
	partsOf(disk: Disk): PartReport[] | null {
		const mirror = this.#mirrors.get(disk)?.state;
		if (mirror !== undefined) return mirror.members.map((member) => mirroredReport(member, mirror.sizeBytes));
		const places = this.#places.get(disk)?.();
		return places?.map(({ name, ...place }) => ({ disk: name, ...place, mirrored: null })) ?? null;
	}

	/** Another number whenever something may have changed; it only grows. What is copied to is another each time. */
	get changes(): number {
		const isCopying = ({ state }: Mirror): boolean =>
			state.members.some((member) => member.state === "resyncing");
		if ([...this.#mirrors.values()].some(isCopying)) this.#changes += 1;
		return this.#changes;
	}

	/** A mirror has told something. */
	told(): void {
		this.#changes += 1;
	}
}

function mirroredReport(
	{ name, state: standing, reason: why, behindBytes, lacksSinceMs, errors, repairs }: MemberState,
	sizeBytes: number,
): PartReport {
	const since = lacksSinceMs === null ? null : new Date(lacksSinceMs).toISOString();
	const mirrored = { standing, why, behindBytes, since, errors, repairs };
	return { disk: name, offsetBytes: 0, sizeBytes, mirrored };
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
