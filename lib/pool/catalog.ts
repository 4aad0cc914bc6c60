/**
 * Which volumes and snapshots a pool has. Filled by `contents.ts`; asked by `pool.ts`. There may be thousands of each: what is asked often is kept
 * as it is asked, so that nothing goes through all of them.
 */

import { OperatorError } from "../errors.js";
import type { PoolSettings, VolumeSettings } from "../spec/policy.js";
import { quote } from "../text.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { isName, NAME_MAX } from "./bounds.js";
import { LineOwners, VolumesByName } from "./catalog-indexes.js";
import type { Root } from "./map/ref.js";
import type { Steps } from "./map/turns.js";
import { type ClockJump, isSamePlace, type NoteOf, type Origin, type SettingsSource } from "./notes.js";
import { type Written, WrittenSoFar } from "./written.js";

/** The pool was asked, and has none of that name. */
export class NoVolumeError extends OperatorError {}

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
	/** It was made for what begins as it is, which takes it away: whoever finds it, and none under way, does that. */
	readonly isPassing?: boolean | undefined;
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
	/** What is kept with it, of how it is served. */
	readonly memo?: string;
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
	readonly written?: Written | undefined;
}

export class Catalog {
	/** What was set of the pool. */
	settingsBy: SettingsBySource = {};
	/** When its clock was set back. */
	jumps: readonly ClockJump[] = [];
	/** How much was changed of it. */
	readonly written = new WrittenSoFar();
	readonly #byLine = new Map<number, Volume>();
	readonly #byName = new VolumesByName<Volume>();
	readonly #owners = new LineOwners<Volume>();
	/** How many volumes each of these is set of. */
	readonly #historySeconds = new Map<number | undefined, number>();
	#snapshotCount = 0;
	/** Of lines whose volumes were removed, where that is not the usual. */
	readonly #pageBytes = new Map<number, number>();
	#nextLine = 1;

	/** By name. */
	get volumes(): readonly Volume[] {
		return this.#byName.all;
	}

	get count(): number {
		return this.#byName.count;
	}

	/** Of all volumes. */
	get snapshotCount(): number {
		return this.#snapshotCount;
	}

	/** What is set of any volume, each once. */
	get historySeconds(): Iterable<number | undefined> {
		return this.#historySeconds.keys();
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
		return this.#byName.find(name);
	}

	/** The one that goes on by this line. */
	ofLine(line: number): Volume | undefined {
		return this.#byLine.get(line);
	}

	/** The one of which there are moments by this line. */
	offering(line: number): Volume | undefined {
		const volume = this.#owners.of(line);
		return volume !== undefined && linesOf(volume).includes(line) ? volume : undefined;
	}

	/** The one that began with this line, whatever it goes by now. */
	bornAs(line: number): Volume | undefined {
		return this.#owners.born(line);
	}

	/** How a snapshot was. Throws an OperatorError. */
	imageOf(origin: Origin): Image {
		const found = this.#owners.of(origin.line)?.snapshots.find((each) => isSamePlace(each, origin));
		if (found !== undefined) return found.image;
		throw new OperatorError(`the log asks for what nothing is known of: ${origin.line}@${origin.position}`);
	}

	/** Whether another volume goes by a line, or has a snapshot of it. */
	isOfAnother({ born }: Volume, line: number): boolean {
		const owner = this.#owners.of(line);
		if (owner === undefined || owner.born === born) return false;
		return owner.line === line || owner.snapshots.some((snapshot) => snapshot.line === line);
	}

	/** What a checkpoint has of the pool itself: no line that is less than the next was ever a volume's. */
	begin({ settingsBy = {}, jumps = [], nextLine, written }: OfPool): void {
		this.written.restore(written);
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

	/** A volume as a checkpoint has it, with all lines that it has snapshots or moments of. Throws as `put`. */
	*restoring(volume: Volume): Steps {
		this.put(volume);
		for (const line of linesOf(volume)) this.#owners.own(line, volume);
		for (const { line } of volume.snapshots) {
			this.#owners.own(line, volume);
			yield;
		}
	}

	/** Throws an OperatorError if another one is called so. */
	put(volume: Volume): void {
		this.#byName.put(volume);
		this.#byLine.set(volume.line, volume);
		this.#owners.own(volume.line, volume);
		this.#count(volume, 1);
		this.#nextLine = Math.max(this.#nextLine, volume.line + 1);
	}

	/** A volume is otherwise. Throws as `put`. */
	change(volume: Volume, changes: Partial<Volume>): void {
		const changed = { ...volume, ...changes };
		this.#byLine.delete(volume.line);
		this.#count(volume, -1);
		if (changed.name === volume.name) this.#byName.change(changed);
		else {
			this.#byName.remove(volume);
			this.#byName.put(changed);
		}
		this.#byLine.set(changed.line, changed);
		this.#owners.own(changed.line, changed);
		this.#count(changed, 1);
		this.#nextLine = Math.max(this.#nextLine, changed.line + 1);
		this.#keepPages(volume);
	}

	/** Of a line, also one whose volume was removed since the pool was opened. */
	pageBytesOf(line: number): number {
		return this.#byLine.get(line)?.pageBytes ?? this.#pageBytes.get(line) ?? PAGE_BYTES;
	}

	/** `heir`: another one that has its lines from now on. */
	remove(volume: Volume, heir?: Volume): void {
		this.#byLine.delete(volume.line);
		this.#byName.remove(volume);
		this.#owners.remove(volume, heir);
		this.#count(volume, -1);
		this.#keepPages(volume);
	}

	#keepPages({ line, pageBytes }: Volume): void {
		if (pageBytes !== PAGE_BYTES) this.#pageBytes.set(line, pageBytes);
	}

	/** One more or less. */
	#count({ settings, snapshots }: Volume, more: 1 | -1): void {
		const count = (this.#historySeconds.get(settings.historySeconds) ?? 0) + more;
		if (count > 0) this.#historySeconds.set(settings.historySeconds, count);
		else this.#historySeconds.delete(settings.historySeconds);
		this.#snapshotCount += more * snapshots.length;
	}
}
