/**
 * What a pool holds, as its records say: volumes and snapshots by name, and where their pages are. Filled record by record, by the log as
 * it sends them and by replay, which makes the same of them. A moment of the past is another one, filled up to there. Used by `pool.ts`.
 */

import { OperatorError, unreachable } from "../errors.js";
import { Catalog, type Snapshot, type Volume } from "./catalog.js";
import type { RecordSink } from "./log.js";
import { decodeNote, type Note, type Origin } from "./notes.js";
import { type LineMap, PageMap } from "./page-map.js";

type NoteOf<Kind extends Note["note"]> = Extract<Note, { note: Kind }>;

export class Contents implements RecordSink {
	readonly map = new PageMap();
	readonly catalog = new Catalog();
	/** What snapshots were, by line and position. */
	readonly #kept = new Map<string, LineMap>();

	page(line: number, page: number, position: number, sectors: number, crc: number): void {
		this.map.page(line, page, position, sectors, crc);
	}

	hole(line: number, page: number, count: number): void {
		this.map.hole(line, page, count);
	}

	/** Throws an OperatorError if one makes no sense to this version. */
	notes(notes: readonly Uint8Array[], position: number, timeUs: number): void {
		for (const bytes of notes) {
			const note = decodeNote(bytes);
			if (note === undefined)
				throw new OperatorError(`position ${position}: the log has a note that this version does not know`);
			this.#carryOut(note, position, timeUs);
		}
	}

	/** How a snapshot was. */
	mapOf({ line, position }: Origin): LineMap {
		const map = this.#kept.get(`${line}@${position}`);
		if (map === undefined)
			throw new OperatorError(`the log asks for what nothing is known of: ${line}@${position}`);
		return map;
	}

	#carryOut(note: Note, position: number, timeUs: number): void {
		switch (note.note) {
			case "create":
				this.#create(note, timeUs);
				break;
			case "resize":
				this.#resize(note);
				break;
			case "rename":
				this.#replace(this.#volume(note.line), { name: note.name });
				break;
			case "delete":
				this.#delete(this.#volume(note.line));
				break;
			case "snapshot":
				this.#snapshot(note.line, note.name, position, timeUs, note.from);
				break;
			case "forget":
				this.#forget(note);
				break;
			case "hold":
			case "release":
				this.#hold(note);
				break;
			case "replace":
				this.#goOnBy(note);
				break;
			case "identity":
				this.#replace(this.#volume(note.line), { serial: note.serial, wwn: note.wwn });
				break;
			case "rollback":
				this.#rollback(note, position, timeUs);
				break;
			default:
				unreachable(note);
		}
	}

	#volume(line: number): Volume {
		const volume = this.catalog.ofLine(line);
		if (volume === undefined) throw new OperatorError(`the log changes a volume that is not there: ${line}`);
		return volume;
	}

	#replace(volume: Volume, changes: Partial<Volume>): void {
		this.catalog.remove(volume);
		this.catalog.put({ ...volume, ...changes });
	}

	#create({ note: _, origin, ...made }: NoteOf<"create">, timeUs: number): void {
		this.catalog.put({ ...made, createdUs: timeUs, snapshots: [] });
		if (origin !== undefined) this.map.attach(made.line, this.mapOf(origin));
	}

	/** What is cut off is gone: it is zeros when the volume grows again. */
	#resize({ line, sizeBytes }: NoteOf<"resize">): void {
		const volume = this.#volume(line);
		const before = Math.ceil(volume.sizeBytes / volume.pageBytes);
		const pages = Math.ceil(sizeBytes / volume.pageBytes);
		if (pages < before) this.map.hole(line, pages, before - pages);
		this.#replace(volume, { sizeBytes });
	}

	#delete(volume: Volume): void {
		this.catalog.remove(volume);
		this.map.forget(volume.line);
		for (const { line, position } of volume.snapshots) this.#kept.delete(`${line}@${position}`);
	}

	#snapshot(line: number, name: string, position: number, timeUs: number, from?: string): void {
		const volume = this.#volume(line);
		const { sizeBytes, snapshots } = volume;
		const snapshot: Snapshot = { name, line, position, timeUs, sizeBytes, from, isHeld: false };
		this.#kept.set(`${line}@${position}`, this.map.share(line));
		this.#replace(volume, { snapshots: [...snapshots, snapshot] });
	}

	#forget({ line, name }: NoteOf<"forget">): void {
		const volume = this.#volume(line);
		const { snapshots } = volume;
		const left = snapshots.filter((snapshot) => snapshot.name !== name);
		// One that has another name is of the same moment, perhaps.
		for (const gone of snapshots)
			if (gone.name === name && !left.some((other) => isSamePlace(gone, other)))
				this.#kept.delete(`${gone.line}@${gone.position}`);
		this.#replace(volume, { snapshots: left });
	}

	#hold({ note, line, name }: NoteOf<"hold" | "release">): void {
		const volume = this.#volume(line);
		const snapshots = volume.snapshots.map((snapshot) =>
			snapshot.name === name ? { ...snapshot, isHeld: note === "hold" } : snapshot,
		);
		this.#replace(volume, { snapshots });
	}

	#goOnBy({ line, newLine }: NoteOf<"replace">): void {
		const volume = this.#volume(line);
		const other = this.#volume(newLine);
		this.catalog.remove(other);
		this.map.forget(line);
		const snapshots = [...volume.snapshots, ...other.snapshots];
		this.#replace(volume, { line: newLine, sizeBytes: other.sizeBytes, snapshots });
	}

	#rollback(
		{ line, name, kept, newLine, serial, wwn }: NoteOf<"rollback">,
		position: number,
		timeUs: number,
	): void {
		const snapshot = this.#volume(line).snapshots.find((each) => each.name === name);
		if (snapshot === undefined)
			throw new OperatorError(`the log goes back to a snapshot that is not there: ${name}`);
		this.#snapshot(line, kept, position, timeUs);
		this.map.attach(newLine, this.mapOf(snapshot));
		this.map.forget(line);
		this.#replace(this.#volume(line), { line: newLine, serial, wwn, sizeBytes: snapshot.sizeBytes });
	}
}

function isSamePlace(one: Origin, other: Origin): boolean {
	return one.line === other.line && one.position === other.position;
}
