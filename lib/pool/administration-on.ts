/** What the administration of a pool stands on. Given by `pool.ts`. */

import type { Catalog, Snapshot, Volume } from "./catalog.js";
import type { PoolWorld } from "./folder.js";
import type { Log } from "./log.js";

/** What is asked of whoever has the volumes open. */
export interface Users {
	/** Whether somebody has the line open for writing. */
	isOpen(line: number): boolean;
	/** The volume has another size, or other settings. */
	changed(volume: Volume): void;
	/** Bytes of it that are mapped, with all that was written by now. */
	countUsed(volume: Volume): Promise<number>;
}

/** When snapshots can be taken, and when what they have is stored. */
export interface Cuts {
	/** A snapshot is on its way until what is returned is called. */
	reserve(): Promise<() => void>;
	/** What snapshots have is stored when it resolves. */
	idle(): Promise<void>;
}

/** What volumes were at moments. */
export interface Past {
	/** A snapshot of the volume as it was, by this name: stored when it resolves. */
	keep(volume: Volume, timeUs: number, name: string): Promise<Snapshot>;
}

export interface AdministrationOn {
	readonly world: PoolWorld;
	readonly catalog: Catalog;
	readonly log: Log;
	readonly users: Users;
	readonly cuts: Cuts;
	readonly moments: Past;
}
