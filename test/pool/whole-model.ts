/**
 * What a pool holds, as whoever uses it sees it: volumes by name, the number of the operation that filled each of their sectors, and
 * snapshots. And which of those states may be there after a loss of power. For `whole-run.ts`.
 */

import { CrashError } from "./crash-model.js";

/** Of each sector the operation that has filled it; 0 for zeros. */
export type Stamps = readonly number[];

/** Of a volume that is being made. */
export const UNKNOWN = -1;

export interface VolumeNow {
	/** Never another volume's: what it is known by when it is called otherwise. */
	readonly born: number;
	readonly pageSectors: number;
	readonly stamps: Stamps;
	readonly snapshots: ReadonlyMap<string, Stamps>;
	readonly held: ReadonlySet<string>;
}

export type State = ReadonlyMap<string, VolumeNow>;

export function changed(state: State, name: string, changes: Partial<VolumeNow>): State {
	return new Map(state).set(name, { ...state.get(name)!, ...changes });
}

export function without<Value>(map: ReadonlyMap<string, Value>, name: string): ReadonlyMap<string, Value> {
	const rest = new Map(map);
	rest.delete(name);
	return rest;
}

export function filled(stamps: Stamps, at: number, sectors: number, stamp: number): Stamps {
	return [...stamps].fill(stamp, at, at + sectors);
}

/** So many sectors, of what is there, and zeros. */
export function resized(stamps: Stamps, sectors: number): Stamps {
	return Array.from({ length: sectors }, (_, i) => stamps[i] ?? 0);
}

/** Where two volumes, or what they were, differ; undefined if they don't. */
export function stampsDiffer(found: Stamps, wanted: Stamps): string | undefined {
	if (found.length !== wanted.length) return `${found.length} sectors, not ${wanted.length}`;
	const at = found.findIndex((stamp, i) => stamp !== wanted[i]);
	return at < 0 ? undefined : `sector ${at} has ${found[at]}, not ${wanted[at]}`;
}

function differs(found: State, wanted: State): string | undefined {
	const names = (map: ReadonlyMap<string, unknown>) => [...map.keys()].sort().join();
	if (names(found) !== names(wanted)) return `volumes ${names(found)}, not ${names(wanted)}`;
	for (const [name, volume] of found) {
		const other = wanted.get(name)!;
		if (other.born !== UNKNOWN && volume.born !== other.born) return `${name} is another volume`;
		const how = stampsDiffer(volume.stamps, other.stamps);
		if (how !== undefined) return `${name}: ${how}`;
		if (names(volume.snapshots) !== names(other.snapshots))
			return `${name}: snapshots ${names(volume.snapshots)}, not ${names(other.snapshots)}`;
		for (const [snapshot, stamps] of volume.snapshots) {
			const how = stampsDiffer(stamps, other.snapshots.get(snapshot)!);
			if (how !== undefined) return `${name}@${snapshot}: ${how}`;
		}
		if ([...volume.held].sort().join() !== [...other.held].sort().join()) return `${name}: held otherwise`;
	}
	return undefined;
}

export class Course {
	/** Each what an operation made of the one before. */
	readonly states: State[];
	/** What each operation was. */
	readonly what: string[] = [];
	/** This one, or a later one, survives loss of power; and the end of the process. */
	safe = 0;
	done = 0;

	constructor(state: State) {
		this.states = [state];
	}

	get now(): State {
		return this.states.at(-1)!;
	}

	get isSafe(): boolean {
		return this.safe === this.states.length - 1;
	}

	add(what: string, state: State): void {
		this.what.push(what);
		this.states.push(state);
	}

	/** The last operation is over; `isStable`: and on stable storage. */
	over(isStable: boolean): void {
		this.done = this.states.length - 1;
		if (isStable) this.safe = this.done;
	}

	/** What the last operation has made is known better. */
	amend(state: State): void {
		this.states[this.states.length - 1] = state;
	}

	/** Throws a CrashError if what was found is none of what may be there. */
	match(found: State, first: number): void {
		const how: string[] = [];
		for (let i = this.states.length - 1; i >= first; i--) {
			const difference = differs(found, this.states[i]!);
			if (difference === undefined) return;
			how.push(`${this.what[i - 1] ?? "before"}: ${difference}`);
		}
		throw new CrashError(`it is none of what it may be:\n${how.slice(0, 6).join("\n")}`);
	}
}
