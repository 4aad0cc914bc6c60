/** Which volumes and snapshots a pool has. Filled by `contents.ts`; asked by `pool.ts`. */

import { OperatorError } from "../errors.js";
import type { PoolSettings, VolumeSettings } from "../spec/policy.js";
import { quote } from "../text.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { isName, NAME_MAX } from "./bounds.js";
import type { Root } from "./map/ref.js";
import { type ClockJump, isSamePlace, type NoteOf, type Origin, type SettingsSource } from "./notes.js";

/** What a snapshot has, whatever names it. */
export class Image {
	/** Its tree; null until the checkpoint that began with it is merged. */
	root: Root | null = null;
	/** Its nodes are before this place. */
	place = 0;

	/** `end`: its pages are before this position; `pageBytes` long. */
	constructor(
		readonly of: Origin,
		readonly end: number,
		readonly pageBytes: number,
	) {}

	/** All that it has; undefined until that is merged. */
	get sectors(): number | undefined {
		return this.root === null ? undefined : this.root.mapped * (this.pageBytes / SECTOR_BYTES);
	}
}

/** A name for what a volume was at a position. */
export interface Snapshot {
	readonly name: string;
	/** Of which line, and the position of the last record that counts. */
	readonly line: number;
	readonly position: number;
	readonly image: Image;
	readonly timeUs: number;
	/** So large it was. */
	readonly sizeBytes: number;
	/** What the pool that it was received from calls it. */
	readonly from?: string | undefined;
	/** It can't be deleted. */
	readonly isHeld: boolean;
}

/** A line that a volume went by until it went back, or was replaced: moments of it are the volume's still. */
export interface PastLine {
	readonly line: number;
	/** Since when it went by it. */
	readonly fromUs: number;
	/** The log's end when that was over. */
	readonly end: number;
}

export interface Volume {
	/** What its pages go by: never another volume's, even after it is deleted. */
	readonly line: number;
	/** The line that it began with, by which it is known when it goes by another one. */
	readonly born: number;
	readonly name: string;
	readonly sizeBytes: number;
	readonly pageBytes: number;
	/** What initiators know it by. */
	readonly serial: string;
	readonly wwn: string;
	readonly createdUs: number;
	/** Since when it goes by another line than it was made with: what was before is that one's. */
	readonly goesOnFromUs?: number;
	/** Those of which moments may still be offered, in order. */
	readonly past?: readonly PastLine[];
	readonly settings: VolumeSettings;
	/** In the order in which they were made. */
	readonly snapshots: readonly Snapshot[];
}

/** Of most volumes. */
const PAGE_BYTES = 4096;

/** All lines of which a volume has moments. */
export function linesOf({ line, past = [] }: Volume): number[] {
	return [...past.map((each) => each.line), line];
}

/** The same as `past`, of a volume that goes by its line no more. */
export function pastWith(
	{ line, createdUs, goesOnFromUs = createdUs, past = [] }: Volume,
	end: number,
): PastLine[] {
	return [...past, { line, fromUs: goesOnFromUs, end }];
}

/** Throws an OperatorError. `what` is called so: a volume, or a snapshot. */
export function checkName(what: string, name: string): void {
	if (!isName(name, NAME_MAX))
		throw new OperatorError(
			`${what} ${quote(name)}: a name is 1 to ${NAME_MAX} letters, digits, dots, dashes and underscores, the first a letter or digit`,
		);
}

/** What was set of a pool, by whom. */
export type SettingsBySource = Readonly<Partial<Record<SettingsSource, PoolSettings>>>;

/** What a checkpoint has of the pool itself. */
export interface OfPool {
	readonly nextLine: number;
	readonly settingsBy?: SettingsBySource | undefined;
	readonly jumps?: readonly ClockJump[] | undefined;
}

export class Catalog {
	/** What was set of the pool. */
	settingsBy: SettingsBySource = {};
	/** When its clock was set back. */
	jumps: readonly ClockJump[] = [];
	readonly #byLine = new Map<number, Volume>();
	readonly #byName = new Map<string, Volume>();
	/** Null: something has changed. */
	#inOrder: readonly Volume[] | null = null;
	/** Of lines whose volumes were removed, where that is not the usual. */
	readonly #pageBytes = new Map<number, number>();
	#nextLine = 1;

	/** By name. */
	get volumes(): readonly Volume[] {
		this.#inOrder ??= [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
		return this.#inOrder;
	}

	get count(): number {
		return this.#byName.size;
	}

	/** For the next volume. */
	get nextLine(): number {
		return this.#nextLine;
	}

	/** What holds of the pool. */
	get settings(): PoolSettings {
		return { ...this.settingsBy.create, ...this.settingsBy.file };
	}

	find(name: string): Volume | undefined {
		return this.#byName.get(name);
	}

	/** The one that goes on by this line. */
	ofLine(line: number): Volume | undefined {
		return this.#byLine.get(line);
	}

	/** How a snapshot was. Throws an OperatorError. */
	imageOf(origin: Origin): Image {
		for (const { snapshots } of this.volumes)
			for (const snapshot of snapshots) if (isSamePlace(snapshot, origin)) return snapshot.image;
		throw new OperatorError(`the log asks for what nothing is known of: ${origin.line}@${origin.position}`);
	}

	/** Whether another volume goes by a line, or has a snapshot of it. */
	isOfAnother({ born }: Volume, line: number): boolean {
		return this.volumes.some(
			(each) =>
				each.born !== born &&
				(each.line === line || each.snapshots.some((snapshot) => snapshot.line === line)),
		);
	}

	/** What a checkpoint has of the pool itself: no line that is less than the next was ever a volume's. */
	begin({ settingsBy = {}, jumps = [], nextLine }: OfPool): void {
		this.settingsBy = settingsBy;
		this.jumps = jumps;
		this.#nextLine = Math.max(this.#nextLine, nextLine);
	}

	/** What the log says of the pool itself. */
	hear(note: NoteOf<"pool" | "clock">): void {
		if (note.note === "pool") this.settingsBy = { ...this.settingsBy, [note.by]: note.poolSettings };
		else this.jumps = [...this.jumps, { sinceUs: note.sinceUs, untilUs: note.untilUs }];
	}

	/** A line that the log begins: it never was another one's. Throws an OperatorError. */
	begun(line: number): number {
		if (line >= this.#nextLine) return line;
		throw new OperatorError(`the log begins what has begun before: line ${line}`);
	}

	/** Throws an OperatorError if another one is called so. */
	put(volume: Volume): void {
		if (this.#byName.has(volume.name))
			throw new OperatorError(`there are two volumes that are called ${quote(volume.name)}`);
		this.#inOrder = null;
		this.#byLine.set(volume.line, volume);
		this.#byName.set(volume.name, volume);
		this.#nextLine = Math.max(this.#nextLine, volume.line + 1);
	}

	/** Of a line, also one whose volume was removed since the pool was opened. */
	pageBytesOf(line: number): number {
		return this.#byLine.get(line)?.pageBytes ?? this.#pageBytes.get(line) ?? PAGE_BYTES;
	}

	remove(volume: Volume): void {
		this.#inOrder = null;
		if (volume.pageBytes !== PAGE_BYTES) this.#pageBytes.set(volume.line, volume.pageBytes);
		this.#byLine.delete(volume.line);
		this.#byName.delete(volume.name);
	}
}
