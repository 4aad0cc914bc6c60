/**
 * What was understood when a configuration was last read: of each disk, by the text of its tables. A disk whose text is the same is the same
 * again, down to its objects, so that who compares two configurations of thousands of disks is quick as well. Kept by those who read
 * again and again (the opener, control); filled and asked by `parts.ts` and `config.ts`. A file that was in none of the last two
 * readings is forgotten: some are of root's files alone, some with what commands have added.
 */

import type { DiskConfig, Origin } from "./configuration.js";
import type { Place } from "./place.js";
import type { DiskSettings, DiskValues } from "./schema.js";
import type { CutFile, DiskText } from "./tables.js";
import type { TomlPath } from "./toml.js";

/** The table of a disk. */
export interface DiskTable {
	readonly settings: DiskSettings;
	readonly values: DiskValues;
}

/** The same, where it stands. */
export interface DiskPart extends DiskTable {
	readonly name: string;
	readonly origin: Origin;
	/** Of what is at `path` of the table. */
	placeOf(path: TomlPath): Place;
}

/** All of a disk but where it stands. */
export type KnownDisk = Omit<DiskConfig, "origin" | "placeOf">;

/** A disk of a file, understood. */
export interface ReadDisk {
	readonly at: DiskText;
	readonly part: DiskPart;
}

/** A file whose disks were read by themselves. */
export interface ReadFile {
	readonly cut: CutFile;
	readonly disks: ReadonlyMap<string, ReadDisk>;
}

export class Readings {
	/** By path. */
	readonly #files = new Map<string, { readonly file: ReadFile; readonly reading: number }>();
	#reading = 0;
	#disks = new WeakMap<DiskSettings, KnownDisk>();
	#placed = new WeakMap<DiskPart, DiskConfig>();
	#shared = "";
	#understood = 0;

	/** How many tables of disks had to be understood so far. */
	get understood(): number {
		return this.#understood;
	}

	/** The configuration is read once more. */
	begin(): void {
		this.#reading += 1;
		for (const [path, { reading }] of this.#files) if (reading < this.#reading - 2) this.#files.delete(path);
	}

	file(path: string): ReadFile | undefined {
		return this.#files.get(path)?.file;
	}

	keepFile(path: string, file: ReadFile): void {
		this.#files.set(path, { file, reading: this.#reading });
	}

	/** The table of a disk that was `before`; `read` understands it, if its text is new. */
	table(
		at: DiskText,
		before: ReadDisk | undefined,
		read: () => DiskTable | undefined,
	): DiskTable | undefined {
		if (before?.at.text === at.text) return before.part;
		this.#understood += 1;
		return read();
	}

	/** What holds for all disks: with something else, none is as it was. */
	follow(...shared: readonly object[]): void {
		const text = JSON.stringify(shared);
		if (text === this.#shared) return;
		this.#shared = text;
		this.#disks = new WeakMap();
		this.#placed = new WeakMap();
	}

	/** The same disk, if it stands where it stood; `place` makes it of all that is known, if it was moved. Undefined if nothing is. */
	disk(part: DiskPart, place: (known: KnownDisk) => DiskConfig): DiskConfig | undefined {
		const same = this.#placed.get(part);
		const known = this.#disks.get(part.settings);
		if (same !== undefined || known === undefined) return same;
		const moved = place(known);
		this.#placed.set(part, moved);
		return moved;
	}

	keepDisk(part: DiskPart, known: KnownDisk, disk: DiskConfig): void {
		this.#disks.set(part.settings, known);
		this.#placed.set(part, disk);
	}
}
