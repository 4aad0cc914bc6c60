/** Where a walk through the losses and returns of a mirror is: its disks, and what a run knows. Used by `walk.ts`. */

import type { MemberEntry, Superblock } from "../../lib/compound/mirror/format.js";

/** A disk: what is on it, apart from what a run knows. */
export interface Disk {
	/** Numbers of the writes that it has, bit by bit. */
	writes: number;
	superblock: Superblock;
	/** What each of the others lacks, as its bitmaps say. */
	behind: number[];
}

/** A run of the mirror. */
interface Run {
	inSync: boolean[];
	target: boolean[];
	entries: MemberEntry[];
	behind: number[];
}

export interface State {
	disks: Disk[];
	run: Run | null;
	/** What a client was told is there. */
	acknowledged: number;
	/** The operator has had the mirror go on without members that may have been newer. */
	wasForced: boolean;
	/** How many generations there were, for ids. */
	ids: number;
	writes: number;
}

/** Superblocks and entries are never changed. */
export function cloneOf(state: State): State {
	const { run } = state;
	return {
		...state,
		disks: state.disks.map((disk) => ({ ...disk, behind: [...disk.behind] })),
		run: run && {
			inSync: [...run.inSync],
			target: [...run.target],
			entries: [...run.entries],
			behind: [...run.behind],
		},
	};
}

/** What makes a state the same as another one: the ids by the order in which they come. */
export function keyOf(state: State): string {
	const names = new Map<string, number>();
	const name = (id: string): number => {
		const known = names.get(id) ?? names.size;
		names.set(id, known);
		return known;
	};
	const told = (entries: readonly MemberEntry[]): unknown =>
		entries.map(({ inSync, confirmed, attempted }) => [inSync ? 1 : 0, name(confirmed), name(attempted)]);
	const { disks, run, acknowledged, wasForced, writes } = state;
	return JSON.stringify([
		disks.map((disk) => [name(disk.superblock.id), told(disk.superblock.entries), disk.writes, disk.behind]),
		run && [run.inSync, run.target, told(run.entries), run.behind],
		acknowledged,
		wasForced,
		writes,
	]);
}
