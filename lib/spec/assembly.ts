/**
 * Disks of disks, put together when all disks of a configuration are known: each gets the specs of what it is made of, and what it is made of
 * gets what the whole says: a write counts as done when it does for the whole (`durability`), and nothing is written to a part of what
 * is read only. What can't be put together so is a conflict of the whole. Pure; used by `config.ts`, and by control for what was changed
 * since. A disk that has nothing to do with that stays the same object.
 */

import { quote } from "../text.js";
import type { DiskConfig } from "./configuration.js";
import type { Conflict } from "./conflicts.js";
import { DISK_DEFAULTS } from "./keys.js";
import { PlacedError, shownPlace } from "./place.js";
import { NESTED_MAX } from "./ranges.js";
import type { CompoundSpec, DiskSpec, StorageSpec } from "./spec.js";

export interface Assembled {
	readonly disks: DiskConfig[];
	readonly conflicts: Conflict[];
}

/** What a disk is made of, if it is one of disks. */
export function compoundOf(storage: StorageSpec): CompoundSpec | undefined {
	return storage.kind === "linear" || storage.kind === "mirror" ? storage : undefined;
}

/** The disks that a disk is made of, by name. */
export function membersOf({ values }: Pick<DiskConfig, "values">): readonly string[] {
	return values.linear ?? values.mirror ?? [];
}

/** How many disks are one in the other, below this one: 0 for one that is made of none. */
export function heightOf({ storage }: DiskSpec): number {
	const members = compoundOf(storage)?.members ?? [];
	return members.length === 0 ? 0 : 1 + Math.max(...members.map(heightOf));
}

/** May be given what it has made. */
export function assembled(disks: readonly DiskConfig[]): Assembled {
	const isPlain = (disk: DiskConfig): boolean => membersOf(disk).length === 0 && disk.partOf === undefined;
	if (disks.every(isPlain)) return { disks: [...disks], conflicts: [] };
	return new Assembly(disks).result();
}

class Assembly {
	readonly #disks: ReadonlyMap<string, DiskConfig>;
	/** By name of the part. */
	readonly #wholes = new Map<string, DiskConfig>();
	readonly #conflicts: Conflict[] = [];

	constructor(disks: readonly DiskConfig[]) {
		this.#disks = new Map(disks.map((disk) => [disk.name, plain(disk)]));
	}

	result(): Assembled {
		for (const disk of this.#disks.values()) {
			if (disk.broken !== undefined) continue;
			for (const [index, name] of membersOf(disk).entries()) {
				const why = this.#whyNot(disk, name);
				if (why === undefined) this.#wholes.set(name, disk);
				else this.#refuse(disk, index, why);
			}
		}
		this.#refuseCircles();
		if (this.#conflicts.length === 0) this.#refuseReadOnly();
		if (this.#conflicts.length > 0) return { disks: [...this.#disks.values()], conflicts: this.#conflicts };
		const disks = [...this.#disks.values()].map((disk) => this.#finished(disk));
		return { disks, conflicts: [] };
	}

	#refuse(disk: DiskConfig, index: number, why: string): void {
		const key = keyOf(disk);
		const place = disk.placeOf([key, index]);
		this.#conflicts.push({ disk, error: new PlacedError(place, `disk ${disk.name}: ${key}: ${why}`) });
	}

	#whyNot(whole: DiskConfig, name: string): string | undefined {
		const member = this.#disks.get(name);
		if (member === undefined) return `disk ${quote(name)}: there is none of this name`;
		const { exports, values, placeOf } = member;
		const other = this.#wholes.get(name);
		if (other === whole) return `disk ${name} is in it twice`;
		if (other !== undefined)
			return `disk ${name} is a part of disk ${other.name} (${shownPlace(other.placeOf([keyOf(other)]))}) already`;
		if (exports.length > 0)
			return `disk ${name} (${shownPlace(placeOf([exports[0]?.protocol ?? "aoe"]))}) is served itself, and would be written to beside the whole`;
		if (values.scratch) return `disk ${name} is scratch: what is written to it is forgotten`;
		return undefined;
	}

	/** What is in a circle is a part of each other. */
	#refuseCircles(): void {
		for (const disk of this.#disks.values()) {
			if (membersOf(disk).length === 0) continue;
			const way = [disk.name];
			for (let whole = this.#wholes.get(disk.name); whole !== undefined; ) {
				way.push(whole.name);
				if (whole === disk || way.length > NESTED_MAX) break;
				whole = this.#wholes.get(whole.name);
			}
			const first = membersOf(disk).indexOf(way.at(-2) ?? "");
			if (way.length > 1 && way.at(-1) === disk.name)
				this.#refuse(disk, Math.max(0, first), `it would be a part of itself (${way.join(" in ")})`);
			else if (way.length > NESTED_MAX)
				this.#refuse(
					disk,
					0,
					`it is in ${NESTED_MAX} others, one in the other; ${NESTED_MAX - 1} are allowed`,
				);
		}
	}

	/** A mirror writes to all of its disks, if only what it knows of them. */
	#refuseReadOnly(): void {
		for (const disk of this.#disks.values())
			for (const [index, member] of this.#partsOf(disk).entries())
				if (disk.values.mirror !== undefined && (member.disk.readOnly || this.#isMadeReadOnly(member)))
					this.#refuse(disk, index, `disk ${member.name} is read only, and a mirror writes to each`);
	}

	#finished(disk: DiskConfig): DiskConfig {
		const whole = this.#wholes.get(disk.name);
		if (whole === undefined && this.#partsOf(disk).length === 0) return disk;
		return {
			...disk,
			disk: this.#specOf(disk),
			...(whole !== undefined && { partOf: whole.name }),
		};
	}

	#specOf(disk: DiskConfig): DiskSpec {
		const { storage } = disk.disk;
		const compound = compoundOf(storage);
		const members = this.#partsOf(disk).map((member) => {
			const { limit: _, mirroring: __, ...spec } = this.#specOf(member);
			return spec;
		});
		return {
			...disk.disk,
			...(compound !== undefined && { storage: { ...compound, members } }),
			durability: this.#outermost(disk).disk.durability,
			readOnly: this.#isAboveReadOnly(disk) || this.#isMadeReadOnly(disk),
		};
	}

	#outermost(disk: DiskConfig): DiskConfig {
		const whole = this.#wholes.get(disk.name);
		return whole === undefined ? disk : this.#outermost(whole);
	}

	#isAboveReadOnly(disk: DiskConfig): boolean {
		const whole = this.#wholes.get(disk.name);
		if (disk.disk.readOnly || whole === undefined) return disk.disk.readOnly;
		// One that is read only goes on to keep its disks alike.
		return whole.values.mirror === undefined && this.#isAboveReadOnly(whole);
	}

	/** It has a part that is read only. */
	#isMadeReadOnly(disk: DiskConfig): boolean {
		return this.#partsOf(disk).some((member) => member.disk.readOnly || this.#isMadeReadOnly(member));
	}

	/** One that is broken is made of nothing. */
	#partsOf(disk: DiskConfig): DiskConfig[] {
		if (disk.broken !== undefined) return [];
		return membersOf(disk).flatMap((name) => this.#disks.get(name) ?? []);
	}
}

function keyOf({ values }: DiskConfig): "linear" | "mirror" {
	return values.linear === undefined ? "mirror" : "linear";
}

/** As its own keys have it. */
function plain(disk: DiskConfig): DiskConfig {
	const { partOf, values } = disk;
	if (partOf === undefined && membersOf(disk).length === 0) return disk;
	const { partOf: _, ...own } = disk;
	const { read_only = DISK_DEFAULTS.read_only, durability = DISK_DEFAULTS.durability } = values;
	return { ...own, disk: { ...disk.disk, readOnly: read_only, durability } };
}
