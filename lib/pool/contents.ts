/**
 * What a pool holds, as its records say: volumes and snapshots by name, and where their pages are. Filled record by record, by the log as
 * it sends them and by replay, which makes the same of them. A moment of the past is another one, filled up to there. Used by `pool.ts`.
 *
 * A snapshot begins with a checkpoint: all that was written before it is frozen, and when that is merged its tree is the snapshot's. So one
 * can be taken when no checkpoint is being made; who takes one sees to that (`checkpoints.ts`), and replay merges what is in the way.
 */

import { OperatorError, unreachable } from "../errors.js";
import { Catalog, Image, pastWith, type Snapshot, type Volume } from "./catalog.js";
import type { CheckpointState } from "./checkpoint-text.js";
import { RECORD_ENTRIES } from "./format.js";
import type { Life } from "./life.js";
import { Entry, FLAG_ZERO } from "./map/entry.js";
import type { MapLayers } from "./map/layers.js";
import { merge, type NextTurn, type NodeOutlet } from "./map/merging.js";
import type { Steps } from "./map/turns.js";
import { decodeNote, isSamePlace, type Note, type NoteOf, type Origin, understood } from "./notes.js";
import type { ReplaySink } from "./replay-records.js";

export class Contents implements ReplaySink {
	readonly catalog = new Catalog();
	/** The last record that a checkpoint had when this was filled from it. */
	since = 0;
	/** Where the log ended behind the last record that was taken in. */
	end = 0;
	/** The same when the last checkpoint began, and the last one that is merged. */
	frozenEnd = 0;
	mergedEnd = 0;
	/** Called when a record has been taken in, and whether it has begun a checkpoint. */
	whenTaken: (isCut: boolean) => void = () => {};
	/** What snapshots that wait for a merge have. */
	#cut: Image[] = [];
	/** The record that is being taken in has begun a checkpoint. */
	#isCut = false;
	readonly #entry = new Entry();

	constructor(
		readonly layers: MapLayers,
		readonly outlet: NodeOutlet,
		readonly nextTurn: NextTurn,
		readonly life: Life,
	) {}

	/** Holds what a checkpoint has, when all steps are done. */
	*restoring(state: CheckpointState, position: number): Steps {
		const { volumes, roots, ending } = state;
		this.since = state.sequence;
		this.end = position;
		this.catalog.begin(state);
		for (const volume of volumes) {
			yield* this.catalog.restoring(volume);
			this.layers.addVolume(volume.line, roots.get(volume.line));
			yield;
		}
		for (const [line, root] of ending) {
			this.layers.addVolume(line, root);
			this.layers.deleteVolume(line, position + 1);
		}
	}

	/** Lines that are no volume's any more, and are still to be merged. */
	get withoutVolume(): number[] {
		return this.layers.deleted.filter((line) => this.catalog.ofLine(line) === undefined);
	}

	get isFull(): boolean {
		return this.layers.isFull || this.layers.room < RECORD_ENTRIES;
	}

	page(line: number, page: number, position: number, sectors: number, crc: number): void {
		this.life.born(position, sectors);
		this.catalog.written.changed();
		const entry = this.#entry;
		entry.position = position;
		entry.sectors = sectors;
		entry.flags = 0;
		entry.crc = crc;
		this.layers.insert(line, page, entry);
	}

	hole(line: number, page: number, count: number, position: number): void {
		this.catalog.written.changed();
		const entry = this.#entry;
		entry.position = position;
		entry.sectors = 0;
		entry.flags = FLAG_ZERO;
		entry.crc = 0;
		if (count > 1) this.layers.trim(line, page, page + count, position);
		else this.layers.insert(line, page, entry);
	}

	/** Throws an OperatorError if one makes no sense to this version. */
	notes(notes: readonly Uint8Array[], position: number, end: number, timeUs: number): void {
		this.#isCut = false;
		this.end = end;
		const { written } = this.catalog;
		for (const bytes of notes) this.#carryOut(written.heard(understood(bytes)), position, end, timeUs);
		written.taken(position, end, timeUs);
		this.whenTaken(this.#isCut);
	}

	isReadyFor(notes: readonly Uint8Array[]): boolean {
		if (this.isFull && !this.layers.isBusy) this.freeze();
		if (this.isFull) return false;
		return !notes.some((bytes) => {
			const note = decodeNote(bytes);
			if (note?.note === "snapshot" || note?.note === "rollback")
				return this.layers.isBusy || !this.life.isSettled;
			return note?.note === "create" && note.origin !== undefined && this.#cut.length > 0;
		});
	}

	/** All that was taken in so far is frozen: a checkpoint begins. */
	freeze(): void {
		this.layers.freeze();
		this.life.merges();
		this.frozenEnd = this.end;
	}

	/** Has what was frozen merged. Throws if a node can't be had, or stored. */
	async settle(): Promise<void> {
		await this.life.settle(this.nextTurn);
		await merge(this.layers, this.outlet, this.nextTurn);
		this.mergedEnd = this.frozenEnd;
		for (const image of this.#cut) {
			image.root = this.layers.roots.get(image.of.line) ?? null;
			image.place = this.life.merged(image.of, image.sectors);
		}
		this.#cut = [];
	}

	/** What a volume was at a moment has a name from now on. No record says so: it lasts by the checkpoint that begins with it. */
	keep(line: number, snapshot: Snapshot): void {
		const volume = this.#volume(line);
		const { end } = snapshot.image;
		this.life.keeps(snapshot, end, snapshot.image);
		this.catalog.change(volume, { snapshots: [...volume.snapshots, snapshot] });
	}

	/** Moments of a volume before a position are not offered any more: lines that were over by then are not its own from now on. */
	lapse(volume: Volume, position: number): void {
		const { past = [] } = volume;
		const over = past.filter(({ end }) => end <= position);
		for (const { line } of over) this.life.lapses(line);
		if (over.length > 0) this.catalog.change(volume, { past: past.slice(over.length) });
	}

	#carryOut(note: Note, position: number, end: number, timeUs: number): void {
		switch (note.note) {
			case "create":
				this.#create(note, timeUs);
				break;
			case "resize":
				this.#resize(note, end);
				break;
			case "rename":
				this.catalog.change(this.#volume(note.line), { name: note.name });
				break;
			case "delete":
				this.#delete(this.#volume(note.line), end);
				break;
			case "snapshot":
				this.#snapshot(note, position, end, timeUs);
				break;
			case "forget":
				this.#forget(note);
				break;
			case "hold":
			case "release":
				this.#hold(note);
				break;
			case "replace":
				this.#goOnBy(note, end, timeUs);
				break;
			case "move":
				if (!this.life.moves(note.move))
					throw new OperatorError("the log moves a segment as it can't be moved");
				break;
			case "set":
				this.catalog.change(this.#volume(note.line), { settings: note.settings });
				break;
			case "pool":
			case "clock":
				this.catalog.hear(note);
				break;
			case "identity":
				this.catalog.change(this.#volume(note.line), { serial: note.serial, wwn: note.wwn });
				break;
			case "memo":
				this.catalog.change(this.#volume(note.line), { memo: note.memo });
				break;
			case "rollback":
				this.#rollback(note, position, end, timeUs);
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

	#create({ note: _, origin, ...made }: NoteOf<"create">, timeUs: number): void {
		const root = origin === undefined ? undefined : this.catalog.imageOf(origin).root;
		if (root === null) throw new OperatorError(`the log clones what is not stored yet: line ${made.line}`);
		const born = this.catalog.begun(made.line);
		this.catalog.put({ ...made, born, settings: {}, createdUs: timeUs, snapshots: [] });
		this.life.begins(made.line, origin);
		this.layers.addVolume(made.line, root);
	}

	/** What is cut off is gone: it is zeros when the volume grows again. */
	#resize({ line, sizeBytes }: NoteOf<"resize">, end: number): void {
		const volume = this.#volume(line);
		const before = Math.ceil(volume.sizeBytes / volume.pageBytes);
		const pages = Math.ceil(sizeBytes / volume.pageBytes);
		if (pages < before) this.layers.trim(line, pages, before, end);
		this.catalog.change(volume, { sizeBytes });
	}

	#delete(volume: Volume, end: number): void {
		this.lapse(volume, Number.POSITIVE_INFINITY);
		this.catalog.remove(volume);
		this.life.givesUpAll(volume.snapshots);
		this.layers.deleteVolume(volume.line, end, true);
	}

	#snapshot(
		{ line, name, from }: Pick<NoteOf<"snapshot">, "line" | "name" | "from">,
		position: number,
		end: number,
		timeUs: number,
	): void {
		const volume = this.#volume(line);
		const { sizeBytes, snapshots, pageBytes } = volume;
		// (What this record has made zeros died at its end, perhaps.)
		const image = this.#imageNow({ line, position }, end + 1, pageBytes);
		const snapshot: Snapshot = { name, line, position, image, timeUs, sizeBytes, from, isHeld: false };
		this.catalog.change(volume, { snapshots: [...snapshots, snapshot] });
	}

	/** What a line has at this record. */
	#imageNow(of: Origin, end: number, pageBytes: number): Image {
		this.life.keeps(of, end);
		if (!this.#isCut) this.freeze();
		this.#isCut = true;
		this.layers.cut(end);
		const known = this.#cut.find((image) => isSamePlace(image.of, of));
		if (known !== undefined) return known;
		const image = new Image(of, end, pageBytes);
		this.#cut.push(image);
		return image;
	}

	#forget({ line, name }: NoteOf<"forget">): void {
		const volume = this.#volume(line);
		for (const snapshot of volume.snapshots) if (snapshot.name === name) this.life.givesUp(snapshot);
		this.catalog.change(volume, { snapshots: volume.snapshots.filter((snapshot) => snapshot.name !== name) });
	}

	#hold({ note, line, name }: NoteOf<"hold" | "release">): void {
		const volume = this.#volume(line);
		const snapshots = volume.snapshots.map((snapshot) =>
			snapshot.name === name ? { ...snapshot, isHeld: note === "hold" } : snapshot,
		);
		this.catalog.change(volume, { snapshots });
	}

	#goOnBy({ line, newLine }: NoteOf<"replace">, end: number, goesOnFromUs: number): void {
		const [volume, other] = [this.#volume(line), this.#volume(newLine)];
		this.lapse(other, Number.POSITIVE_INFINITY);
		this.catalog.remove(other, volume);
		this.life.lingers(line);
		this.layers.deleteVolume(line, end);
		const past = pastWith(volume, end);
		const snapshots = [...volume.snapshots, ...other.snapshots];
		this.catalog.change(volume, { line: newLine, sizeBytes: other.sizeBytes, snapshots, goesOnFromUs, past });
	}

	#rollback(note: NoteOf<"rollback">, position: number, end: number, timeUs: number): void {
		const { line, name, kept, newLine, serial, wwn } = note;
		const snapshot = this.#volume(line).snapshots.find((each) => each.name === name);
		const root = snapshot?.image.root;
		if (snapshot === undefined || root === undefined || root === null)
			throw new OperatorError(`the log goes back to a snapshot that is not there: ${name}`);
		this.#snapshot({ line, name: kept }, position, end, timeUs);
		this.life.begins(this.catalog.begun(newLine), snapshot);
		this.life.lingers(line);
		this.layers.addVolume(newLine, root);
		this.layers.deleteVolume(line, end + 1);
		const volume = this.#volume(line);
		const [{ sizeBytes }, past] = [snapshot, pastWith(volume, end + 1)];
		this.catalog.change(volume, { line: newLine, serial, wwn, sizeBytes, goesOnFromUs: timeUs, past });
	}
}
