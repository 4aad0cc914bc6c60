/**
 * What was understood when a configuration was last read: of each disk, by the text of its tables. A disk whose text is the same is the same
 * again, down to its objects, so that who compares two configurations of thousands of disks is quick as well. Kept by those who read
 * again and again (the opener, control); filled and asked by `parts.ts` and `config.ts`. What was not in one of the last two
 * readings is forgotten: some are of the files alone, some with what commands have added.
 */

import type { DiskConfig } from "./configuration.js";
import type { DiskSettings, DiskValues } from "./schema.js";

/** The table of a disk. */
export interface DiskTable {
	readonly settings: DiskSettings;
	readonly values: DiskValues;
}

/** All of a disk but where it stands. */
export type KnownDisk = Omit<DiskConfig, "origin" | "placeOf">;

export class Readings {
	/** By text: of this reading, of the one before, and of the one before that. A text is a part of its file's, which it keeps. */
	#tables = new Map<string, DiskTable>();
	#before: ReadonlyMap<string, DiskTable> = new Map();
	#beforeThat: ReadonlyMap<string, DiskTable> = new Map();
	#disks = new WeakMap<DiskSettings, KnownDisk>();
	#shared = "";
	#understood = 0;

	/** How many tables of disks had to be understood so far. */
	get understood(): number {
		return this.#understood;
	}

	/** The configuration is read once more. */
	begin(): void {
		this.#beforeThat = this.#before;
		this.#before = this.#tables;
		this.#tables = new Map();
	}

	/** The table that has this text; `read` understands it, if it is new. What comes to nothing is tried again each time. */
	table(text: string, read: () => DiskTable | undefined): DiskTable | undefined {
		const known = this.#before.get(text) ?? this.#beforeThat.get(text);
		if (known === undefined) this.#understood += 1;
		const table = known ?? read();
		if (table !== undefined) this.#tables.set(text, table);
		return table;
	}

	/** What holds for all disks: with something else, none is as it was. */
	follow(...shared: readonly object[]): void {
		const text = JSON.stringify(shared);
		if (text === this.#shared) return;
		this.#shared = text;
		this.#disks = new WeakMap();
	}

	disk({ settings }: DiskTable): KnownDisk | undefined {
		return this.#disks.get(settings);
	}

	keepDisk({ settings }: DiskTable, disk: KnownDisk): void {
		this.#disks.set(settings, disk);
	}
}
