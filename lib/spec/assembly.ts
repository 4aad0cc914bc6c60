/**
 * Disks of disks, put together when all disks of a configuration are known: each gets the specs of what it is made of, and what it is made of
 * gets what the whole says: a write counts as done when it does for the whole (`durability`), and nothing is written to a part of what
 * is read only. What can't be put together so is a conflict of the whole. A pool has the disks that it is on
 * sync when it is time for that. Pure; used by `config.ts`, and by control for what was changed
 * since. A disk that has nothing to do with that stays the same object.
 */

import type { DiskConfig, PoolConfig } from "./configuration.js";
import type { Conflict } from "./conflicts.js";
import { DISK_DEFAULTS } from "./keys.js";
import { type AbsentNameError, absentName, PlacedError, shownPlace } from "./place.js";
import { NESTED_MAX } from "./ranges.js";
import type { CompoundSpec, DiskSpec, Durability, StorageSpec } from "./spec.js";

export interface Assembled {
	readonly disks: DiskConfig[];
	readonly conflicts: Conflict[];
	/** What pools can't be on. */
	readonly wrong: PlacedError[];
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
export function assembled(disks: readonly DiskConfig[], pools: readonly PoolConfig[]): Assembled {
	const onDisks = pools.filter((pool) => pool.disks !== undefined);
	const isPlain = (disk: DiskConfig): boolean =>
		membersOf(disk).length === 0 && disk.partOf === undefined && disk.disk.chunkOf === undefined;
	if (onDisks.length === 0 && disks.every(isPlain)) return { disks: [...disks], conflicts: [], wrong: [] };
	return new Assembly(disks, onDisks).result();
}

class Assembly {
	readonly #disks: ReadonlyMap<string, DiskConfig>;
	/** By name of the part. */
	readonly #wholes = new Map<string, DiskConfig>();
	/** By name of the disk that it is on. */
	readonly #pools = new Map<string, PoolConfig>();
	readonly #onDisks: readonly PoolConfig[];
	readonly #conflicts: Conflict[] = [];
	readonly #wrong: PlacedError[] = [];

	constructor(disks: readonly DiskConfig[], onDisks: readonly PoolConfig[]) {
		this.#disks = new Map(disks.map((disk) => [disk.name, plain(disk)]));
		this.#onDisks = onDisks;
	}

	result(): Assembled {
		for (const disk of this.#disks.values()) {
			if (disk.broken !== undefined) continue;
			for (const [index, name] of membersOf(disk).entries()) {
				const member = this.#disks.get(name);
				const why = member && this.#whyNot(disk, member);
				if (member === undefined) this.#conflicts.push({ disk, error: absentMember(disk, index, name) });
				else if (why === undefined) this.#wholes.set(name, disk);
				else this.#refuse(disk, index, why);
			}
		}
		this.#refuseCircles();
		if (this.#conflicts.length === 0) this.#refuseReadOnly();
		const [conflicts, wrong] = [this.#conflicts, this.#wrong];
		// (Who looks into disks that are a part of themselves comes to no end.)
		if (conflicts.length === 0) for (const pool of this.#onDisks) this.#putOn(pool);
		if (conflicts.length + wrong.length > 0) return { disks: [...this.#disks.values()], conflicts, wrong };
		const disks = [...this.#disks.values()].map((disk) => this.#finished(disk));
		return { disks, conflicts, wrong };
	}

	#putOn(pool: PoolConfig): void {
		for (const [index, name] of (pool.disks ?? []).entries()) {
			const disk = this.#disks.get(name);
			const why = disk && this.#whyNotUnder(pool, disk);
			const [place, before] = [pool.placeOf(["disks", index]), `pool ${pool.name}: disks: `];
			if (disk === undefined) this.#wrong.push(absentName(place, before, "disk", name));
			else if (why === undefined) this.#pools.set(name, pool);
			else this.#wrong.push(new PlacedError(place, before + why));
		}
	}

	#whyNotUnder(pool: PoolConfig, disk: DiskConfig): string | undefined {
		const { name, exports, values } = disk;
		const other = this.#pools.get(name);
		const whole = this.#wholes.get(name);
		if (other === pool) return `disk ${name} is named twice`;
		if (other !== undefined) return `disk ${name} is one of pool ${other.name} already`;
		if (whole !== undefined) return `disk ${name} is a part of disk ${whole.name}`;
		if (exports.length > 0) return `disk ${name} is served itself, and would be written to beside the pool`;
		if (values.scratch || values.read_only) return `disk ${name} can't be written to for good`;
		if (this.#isOnVolume(disk)) return `disk ${name} is on a volume, and no pool is on another one`;
		return undefined;
	}

	#isOnVolume(disk: DiskConfig): boolean {
		return disk.values.volume !== undefined || this.#partsOf(disk).some((part) => this.#isOnVolume(part));
	}

	#refuse(disk: DiskConfig, index: number, why: string): void {
		const key = keyOf(disk);
		const place = disk.placeOf([key, index]);
		this.#conflicts.push({ disk, error: new PlacedError(place, `disk ${disk.name}: ${key}: ${why}`) });
	}

	#whyNot(whole: DiskConfig, { name, exports, values, placeOf }: DiskConfig): string | undefined {
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
		const isAlone = whole === undefined && !this.#pools.has(disk.name);
		if (isAlone && this.#partsOf(disk).length === 0) return disk;
		return {
			...disk,
			disk: this.#specOf(disk),
			...(whole !== undefined && { partOf: whole.name }),
		};
	}

	#specOf(disk: DiskConfig): DiskSpec {
		const { storage } = disk.disk;
		const compound = compoundOf(storage);
		const pool = this.#pools.get(disk.name);
		const members = this.#partsOf(disk).map((member) => {
			const { limit: _, mirroring: __, ...spec } = this.#specOf(member);
			return spec;
		});
		return {
			...disk.disk,
			...(compound !== undefined && { storage: { ...compound, members } }),
			...(pool !== undefined && { chunkOf: pool.path }),
			durability: this.#durabilityOf(disk),
			readOnly: this.#isAboveReadOnly(disk) || this.#isMadeReadOnly(disk),
		};
	}

	#outermost(disk: DiskConfig): DiskConfig {
		const whole = this.#wholes.get(disk.name);
		return whole === undefined ? disk : this.#outermost(whole);
	}

	#durabilityOf(disk: DiskConfig): Durability {
		const outermost = this.#outermost(disk);
		return this.#pools.has(outermost.name) ? "flush" : outermost.disk.durability;
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
	const { chunkOf, ...spec } = disk.disk;
	if (partOf === undefined && chunkOf === undefined && membersOf(disk).length === 0) return disk;
	const { partOf: _, ...own } = disk;
	const { read_only = DISK_DEFAULTS.read_only, durability = DISK_DEFAULTS.durability } = values;
	return { ...own, disk: { ...spec, readOnly: read_only, durability } };
}

function absentMember(disk: DiskConfig, index: number, name: string): AbsentNameError {
	const key = keyOf(disk);
	return absentName(disk.placeOf([key, index]), `disk ${disk.name}: ${key}: `, "disk", name);
}
